/* The ledger: accesses in the order they were made, sorted by address when the request ends. */
#include "ledger.h"

#include <stdio.h>
#include <stdlib.h>

/* By first and last byte: a range may end with the last byte there is. */
struct entry {
    uintptr_t first;
    uintptr_t last;
};

static __thread struct {
    const char *request; /* null between requests */
    struct entry *entries;
    size_t count;
    size_t room;
    size_t total;
} ledger;

static void mistake(const char *what)
{
    fprintf(stderr, "ledger: %s\n", what);
    abort();
}

void ledger_begin(const char *request)
{
    if (ledger.request != NULL) {
        mistake("a request begins in another");
    }
    ledger.request = request;
    ledger.count = 0;
}

void ledger_fetch(uintptr_t va, size_t len)
{
    ledger.total++;
    if (ledger.request == NULL) {
        return;
    }
    if (len == 0 || va + (len - 1u) < va) {
        mistake("a fetch of nothing, or one that wraps");
    }
    if (ledger.count == ledger.room) {
        ledger.room = ledger.room != 0 ? ledger.room * 2u : 64u;
        ledger.entries = (struct entry *)realloc(ledger.entries, ledger.room * sizeof *ledger.entries);
        if (ledger.entries == NULL) {
            mistake("no memory");
        }
    }
    ledger.entries[ledger.count].first = va;
    ledger.entries[ledger.count].last = va + (len - 1u);
    ledger.count++;
}

static int by_address(const void *a, const void *b)
{
    uintptr_t x = ((const struct entry *)a)->first;
    uintptr_t y = ((const struct entry *)b)->first;

    return x < y ? -1 : x > y;
}

/* Adds up sorted entries. An overlap of any two shows between an entry and the furthest byte before it. */
static struct ledger_sum add_up(const struct entry *entries, size_t count)
{
    struct ledger_sum sum = {0, 0, 0, 0, 0};
    uintptr_t furthest = 0;
    size_t i;

    for (i = 0; i < count; i++) {
        sum.fetches++;
        sum.bytes += entries[i].last - entries[i].first + 1u;
        sum.split += entries[i].first % (entries[i].last - entries[i].first + 1u) != 0;
        if (i != 0 && entries[i].first <= furthest) {
            sum.first = sum.doubles == 0 ? entries[i].first : sum.first;
            sum.doubles++;
        }
        furthest = i == 0 || entries[i].last > furthest ? entries[i].last : furthest;
    }
    return sum;
}

bool ledger_end(struct ledger_sum *sum)
{
    struct ledger_sum all;

    if (ledger.request == NULL) {
        mistake("a request ends that never began");
    }
    if (ledger.count != 0) {
        qsort(ledger.entries, ledger.count, sizeof *ledger.entries, by_address);
    }
    all = add_up(ledger.entries, ledger.count);
    if (all.doubles != 0) {
        fprintf(stderr, "ledger: request \"%s\": %zu of %zu fetches read a byte again, the first at 0x%llx\n", ledger.request,
                all.doubles, all.fetches, (unsigned long long)all.first);
    }
    if (sum != NULL) {
        *sum = all;
    }
    free(ledger.entries);
    ledger.entries = NULL;
    ledger.room = 0;
    ledger.count = 0;
    ledger.request = NULL;
    return all.doubles == 0;
}

size_t ledger_total(void)
{
    return ledger.total;
}
