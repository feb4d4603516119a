/* stop.c - stops the contexts for somebody to change the store. SPDX-License-Identifier: BSD-2-Clause */
#include "stop.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host.h"

static volatile sig_atomic_t asked;

void stop_init(struct stops *stops, uint32_t contexts)
{
    memset(stops, 0, sizeof *stops);
    pthread_mutex_init(&stops->lock, NULL);
    pthread_cond_init(&stops->changed, NULL);
    stops->working = contexts;
}

void stop_fini(struct stops *stops)
{
    pthread_cond_destroy(&stops->changed);
    pthread_mutex_destroy(&stops->lock);
}

/* ---- Contexts ---- */

void stop_point(struct context *context)
{
    struct stops *stops = &context->host->stops;
    uint32_t round;

    if (!__atomic_load_n(&stops->wanted, __ATOMIC_RELAXED)) {
        return;
    }
    pthread_mutex_lock(&stops->lock);
    round = stops->round;
    stops->waiting++;
    pthread_cond_broadcast(&stops->changed);
    while (stops->wanted && stops->round == round) {
        pthread_cond_wait(&stops->changed, &stops->lock);
    }
    pthread_mutex_unlock(&stops->lock);
    work_audit(context);
}

void stop_leave(struct context *context)
{
    struct stops *stops = &context->host->stops;

    pthread_mutex_lock(&stops->lock);
    stops->working--;
    pthread_cond_broadcast(&stops->changed);
    pthread_mutex_unlock(&stops->lock);
}

/* ---- Asking ---- */

static void ask(int signal_number)
{
    (void)signal_number;
    asked = 1;
}

void stop_install(void)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = ask;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    (void)sigaction(SIGUSR1, &action, NULL);
}

bool stop_asked(void)
{
    return asked != 0;
}

void stop_taken(void)
{
    asked = 0;
}

/* ---- The store, as it lies there ---- */

/* So that nothing of the object is in memory: what is read from now on comes from the store. */
static void push_out(struct host *host, struct store_private *private)
{
    struct quire_fobj *fobj = &private->rw.base;
    enum quire_status status;

    if (fobj->pager == NULL) {
        return; /* nobody uses it */
    }
    status = quire_pager_write_back(&host->pager, fobj, 0, fobj->num_pages, true);
    if (status == QUIRE_OK) {
        status = quire_pager_invalidate(&host->pager, fobj, 0, fobj->num_pages);
    }
    if (status != QUIRE_OK) {
        host_wrong(host, "%s: cannot be pushed out: %s", private->object.name, quire_status_name(status));
    }
}

static void map_tag(FILE *file, const struct quire_seal_meta *meta)
{
    unsigned i;

    for (i = 0; i < sizeof meta->tag; i++) {
        fprintf(file, "%02x", meta->tag[i]);
    }
}

/* A line for each page of the object that the store has. Returns their number. */
static uint32_t map_object(FILE *file, const struct store_private *private)
{
    static const struct quire_seal_meta none;
    const struct quire_fobj *fobj = &private->rw.base;
    uint32_t n = 0;
    uint32_t i;

    for (i = 0; i < fobj->num_pages; i++) {
        const struct quire_seal_meta *meta = private->meta != NULL ? &private->meta[i] : &none;

        if (quire_slot_kind(fobj->slots[i]) != QUIRE_SLOT_STORED) {
            continue;
        }
        n++;
        fprintf(file, "%llu %u %u %u %u ", (unsigned long long)(private->first_page + i), i, meta->epoch, meta->version,
                private->rw.sealed.object[meta->epoch & 1u]);
        map_tag(file, meta);
        fprintf(file, " %u %s\n", fobj->num_pages, private->object.name);
    }
    return n;
}

/* Returns how many pages the store has; 0 also if the map cannot be written. */
static uint32_t map_write(struct host *host, const char *path)
{
    FILE *file = fopen(path, "w");
    struct store_private *private;
    uint32_t n = 0;

    if (file == NULL) {
        fprintf(stderr, "host: %s: %s\n", path, strerror(errno));
        return 0;
    }
    pthread_mutex_lock(&host->mmu.lock);
    for (private = host->store.private; private != NULL; private = private->next) {
        n += map_object(file, private);
    }
    pthread_mutex_unlock(&host->mmu.lock);
    fclose(file);
    return n;
}

/* ---- Stopping ---- */

static void wait_for_line(void)
{
    char byte = 0;
    ssize_t n;

    do {
        n = read(STDIN_FILENO, &byte, 1);
    } while ((n < 0 && errno == EINTR) || (n == 1 && byte != '\n'));
}

static void announce(const struct host *host, uint32_t number, uint32_t pages, const char *map)
{
    if (number > 0) {
        printf("stopped %u of %u: ", number, host->args.stops);
    } else {
        printf("stopped: ");
    }
    printf("%u private pages lie in the store %s, and none in memory; %s says which is which.\n"
           "Change what you like; a line of input (Enter), and all contexts go on.\n",
           pages, host->args.store, map);
    fflush(stdout);
}

void stop_all(struct host *host, uint32_t number)
{
    struct stops *stops = &host->stops;
    struct store_private *private;
    char map[PATH_MAX + 8];

    pthread_mutex_lock(&stops->lock);
    __atomic_store_n(&stops->wanted, true, __ATOMIC_RELAXED);
    while (stops->waiting < stops->working) {
        pthread_cond_wait(&stops->changed, &stops->lock);
    }
    if (stops->working > 0) {
        for (private = host->store.private; private != NULL; private = private->next) { /* nobody makes or frees one now */
            push_out(host, private);
        }
        snprintf(map, sizeof map, "%s.map", host->args.store);
        announce(host, number, map_write(host, map), map);
        wait_for_line();
    }
    stops->round++;
    stops->waiting = 0;
    __atomic_store_n(&stops->wanted, false, __ATOMIC_RELAXED);
    pthread_cond_broadcast(&stops->changed);
    pthread_mutex_unlock(&stops->lock);
}
