/*
 * A ledger of what was fetched from shared memory. The implementing unit of a test program includes it before Quire; then every
 * single access by which a view reads is entered, and a request in which a byte was fetched twice fails:
 *
 *     ledger_begin("open session");
 *     ... one request of the other world: everything that reads its message ...
 *     LEDGER_END();
 *
 * Polling is one request a poll. Each thread has a ledger of its own. Memory mapped twice counts as two memories.
 */
#ifndef QUIRE_TESTS_LEDGER_H
#define QUIRE_TESTS_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define QUIRE_VIEW_FETCH(va, len) ledger_fetch((va), (len))

/* What a request fetched. */
struct ledger_sum {
    size_t fetches;  /* accesses */
    size_t bytes;    /* bytes in them, each counted as often as it was fetched */
    size_t doubles;  /* accesses that began with a byte fetched before */
    uintptr_t first; /* the lowest byte fetched twice, if any was */
    size_t split;    /* accesses that are no multiple of their width: a processor may make two of each */
};

/* Begins a request. One that is still open is a mistake of the test, and ends the program. */
void ledger_begin(const char *request);

/* Enters an access. Outside of requests it only counts: see ledger_total(). */
void ledger_fetch(uintptr_t va, size_t len);

/* Ends the request. false, with a line on standard error, if a byte was fetched twice. `sum` may be null. */
bool ledger_end(struct ledger_sum *sum);

/* Accesses this thread has entered so far, in requests or not. */
size_t ledger_total(void);

/* Ends the request and fails the Criterion test that it belongs to. */
#define LEDGER_END() cr_assert(ledger_end(NULL), "a byte was fetched twice")

#endif
