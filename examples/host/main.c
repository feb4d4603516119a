/* main.c - demand-pages real files through real page faults. SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

#define TICK_NS 1000000000L
#define STALL_TICKS 60u /* without a byte verified: something waits for ever */

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* ---- Running ---- */

static bool start_threads(struct host *host)
{
    uint32_t i;

    for (i = 0; i < host->args.contexts; i++) {
        __atomic_fetch_add(&host->running, 1, __ATOMIC_SEQ_CST);
        if (pthread_create(&host->contexts[i].thread, NULL, worker_main, &host->contexts[i]) != 0) {
            fputs("host: no more threads\n", stderr);
            exit(EXIT_BAD); /* those that there are wait for all */
        }
    }
    pthread_barrier_wait(&host->loaded);
    for (i = 0; i < host->args.contexts; i++) {
        if (host->contexts[i].failed != NULL) {
            fprintf(stderr, "host: context %u cannot begin: %s\n", i, host->contexts[i].failed);
        }
    }
    return !__atomic_load_n(&host->failed, __ATOMIC_SEQ_CST);
}

static void check_invariants(struct host *host)
{
    struct quire_violation violation;
    const char *wrong;

    if (quire_pager_check(&host->pager, &violation) != QUIRE_OK) {
        host_wrong(host, "invariant broken: %s (%llu)", violation.what, (unsigned long long)violation.detail);
    }
    wrong = quire_file_table_check(&host->table);
    if (wrong != NULL) {
        host_wrong(host, "invariant broken: %s", wrong);
    }
    host->checks++;
}

/* Is it time to stop for the next time? They are spread over the run. */
static bool stop_due(const struct host *host, uint32_t stops, double seconds)
{
    return stops < host->args.stops && seconds >= host->args.seconds * (stops + 1u) / (host->args.stops + 1u);
}

/* Sleeps a tick at most; returns early when all threads have ended, or it is time for something. */
static void tick(const struct host *host, double begin, uint32_t stops)
{
    struct timespec step = {0, TICK_NS / 50};
    int i;

    for (i = 0; i < 50 && __atomic_load_n(&host->running, __ATOMIC_SEQ_CST) > 0; i++) {
        nanosleep(&step, NULL);
        if (stop_due(host, stops, now() - begin) || stop_asked() ||
            (!__atomic_load_n(&host->stop, __ATOMIC_SEQ_CST) && now() - begin >= host->args.seconds)) {
            break;
        }
    }
}

/* Stops if it is time, or was asked for. Returns how long that took. */
static double stop_if_due(struct host *host, double begin, uint32_t *stops)
{
    double at = now();

    if (stop_due(host, *stops, at - begin)) {
        stop_all(host, ++*stops);
    } else if (stop_asked()) {
        stop_taken();
        stop_all(host, 0);
    } else {
        return 0;
    }
    check_invariants(host);
    return now() - at;
}

static void watch(struct host *host)
{
    double begin = now();
    uint64_t verified = 0;
    unsigned stalled = 0;
    uint32_t stops = 0;

    while (__atomic_load_n(&host->running, __ATOMIC_SEQ_CST) > 0) {
        begin += stop_if_due(host, begin, &stops);
        if (now() - begin >= host->args.seconds) {
            __atomic_store_n(&host->stop, true, __ATOMIC_SEQ_CST);
        }
        tick(host, begin, stops);
        report_progress(host, now() - begin);
        check_invariants(host);
        stalled = report_verified(host) == verified ? stalled + 1u : 0;
        verified = report_verified(host);
        if (stalled == STALL_TICKS) {
            fputs("FAILED: nothing moves any more\n", stdout);
            exit(EXIT_WRONG);
        }
    }
    host->seconds = now() - begin;
}

static void join_threads(struct host *host)
{
    uint32_t i;

    for (i = 0; i < host->args.contexts; i++) {
        pthread_join(host->contexts[i].thread, NULL);
    }
}

/* ---- Ending ---- */

/* Was the run good? Null, or why not. */
static const char *judge(struct host *host)
{
    static char why[160];
    struct quire_pager_stats stats;

    quire_pager_get_stats(&host->pager, &stats);
    if (host->mmu.violation != NULL) {
        host_wrong(host, "the hooks' contract was broken: %s", host->mmu.violation);
    }
    if (host->wrong > 0) {
        snprintf(why, sizeof why, "%llu things were not what they should be%s%s", (unsigned long long)host->wrong,
                 host->args.planted != PLANTED_NONE ? "; planted: " : "",
                 host->args.planted != PLANTED_NONE ? args_planted_name(host->args.planted) : "");
        return why;
    }
    if (stats.faults.major < 4u * (uint64_t)host->args.pool) {
        snprintf(why, sizeof why, "%llu major faults prove nothing about %u pages: at least 4 per page are needed",
                 (unsigned long long)stats.faults.major, host->args.pool);
        return why;
    }
    return NULL;
}

/* Takes everything down; what does not go is wrong. */
static void tear_down(struct host *host)
{
    uint32_t i;

    for (i = 0; i < host->args.contexts; i++) {
        const char *wrong = worker_end(&host->contexts[i]);

        if (wrong != NULL) {
            host_wrong(host, "context %u does not end: %s", i, wrong);
        }
    }
    if (quire_fobj_put(host->shared) != QUIRE_OK || quire_file_table_fini(&host->table) != QUIRE_OK) {
        host_wrong(host, "the shared buffer or a file does not end");
    }
    if (quire_pager_check(&host->pager, NULL) != QUIRE_OK || quire_pager_fini(&host->pager) != QUIRE_OK) {
        host_wrong(host, "the pager does not end");
    }
    if (!sealing_end(&host->sealing)) {
        host_wrong(host, "somebody still holds the key");
    }
    if (host->store.objects != 0) {
        host_wrong(host, "%llu objects were never freed", (unsigned long long)host->store.objects);
    }
    if (host->args.record != NULL) {
        const char *wrong = recorder_end(&host->recorder);

        if (wrong != NULL) {
            host_wrong(host, "%s: %s", host->args.record, wrong);
        }
        printf("recorded: %llu events, %llu lost -> %s\n", (unsigned long long)host->recorder.written,
               (unsigned long long)host->recorder.lost, host->args.record);
    }
    pthread_barrier_destroy(&host->loaded);
    pthread_barrier_destroy(&host->done);
    pthread_mutex_destroy(&host->table_lock);
    stop_fini(&host->stops);
    caught_fini(&host->caught);
    host_mmu_fini(&host->mmu);
    store_fini(&host->store);
    free(host->contexts);
    free(host->published);
    free(host->pmems);
    free(host->steps);
    plan_free(host);
}

static int run(struct host *host)
{
    struct sharing sharing;
    const char *failure;
    uint64_t wrong;
    int result = 0;

    printf("Quire %s: %u contexts, %u physical pages of %zu bytes, %s, seed %llu%s%s\n", QUIRE_VERSION, host->args.contexts,
           host->args.pool, QUIRE_PAGE_SIZE, host->args.policy, (unsigned long long)host->args.seed,
           host->args.planted != PLANTED_NONE ? ", planted fault: " : "",
           host->args.planted != PLANTED_NONE ? args_planted_name(host->args.planted) : "");
    fflush(stdout);
    if (start_threads(host)) {
        watch(host);
    } else {
        result = EXIT_BAD;
    }
    join_threads(host);
    if (result == 0) {
        check_invariants(host);
        report_sharing(host, &sharing);
        failure = judge(host);
        report_text(host, &sharing, failure);
        result = failure != NULL ? EXIT_WRONG : host->caught.count > 0 ? EXIT_CAUGHT : 0;
        if ((host->args.json != NULL && !report_json(host, &sharing, failure)) ||
            (host->args.dot != NULL && !dot_write(host))) {
            result = result != 0 ? result : EXIT_BAD;
        }
    }
    wrong = host->wrong;
    tear_down(host);
    if (host->wrong != wrong) {
        printf("FAILED: the end was not clean\n");
        result = EXIT_WRONG;
    }
    return result;
}

int main(int argc, char **argv)
{
    static struct host host;

    switch (args_parse(argc, argv, &host.args)) {
    case ARGS_HELP:
        return 0;
    case ARGS_BAD:
        return EXIT_BAD;
    default:
        break;
    }
    if (host.args.resume) {
        return resume_run(&host);
    }
    return setup_all(&host) ? run(&host) : EXIT_BAD;
}
