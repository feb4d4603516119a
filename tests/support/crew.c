#include "crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct crew_member {
    pthread_t thread;
    pthread_barrier_t *begin;
    struct rig *rig;
    void (*work)(struct rig *rig, unsigned i);
    unsigned i;
};

static void *crew_member(void *arg)
{
    struct crew_member *member = arg;

    pthread_barrier_wait(member->begin);
    member->work(member->rig, member->i);
    return NULL;
}

void crew_run(struct rig *rig, unsigned n, void (*work)(struct rig *rig, unsigned i))
{
    struct crew_member member[CREW_MAX];
    pthread_barrier_t begin;
    unsigned i;

    pthread_barrier_init(&begin, NULL, n);
    for (i = 0; i < n; i++) {
        member[i].begin = &begin;
        member[i].rig = rig;
        member[i].work = work;
        member[i].i = i;
        if (pthread_create(&member[i].thread, NULL, crew_member, &member[i]) != 0) {
            abort();
        }
    }
    for (i = 0; i < n; i++) {
        pthread_join(member[i].thread, NULL);
    }
    pthread_barrier_destroy(&begin);
}

static enum quire_status crew_gate_pass(struct rig_store *store, struct quire_io *io, bool load)
{
    struct crew_gate *gate = store->user;
    enum quire_status status;

    (void)io;
    if (load != gate->loads) {
        return QUIRE_OK;
    }
    pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    gate->waiting--;
    status = gate->status;
    pthread_mutex_unlock(&gate->mutex);
    return status;
}

void crew_gate_init(struct crew_gate *gate, struct rig_store *store, bool loads)
{
    memset(gate, 0, sizeof *gate);
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->changed, NULL);
    gate->loads = loads;
    store->before = crew_gate_pass;
    store->user = gate;
}

void crew_gate_await(struct crew_gate *gate, unsigned n)
{
    pthread_mutex_lock(&gate->mutex);
    while (gate->waiting < n) {
        pthread_cond_wait(&gate->changed, &gate->mutex);
    }
    pthread_mutex_unlock(&gate->mutex);
}

void crew_gate_open(struct crew_gate *gate)
{
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->mutex);
}

void crew_gate_fini(struct crew_gate *gate)
{
    pthread_cond_destroy(&gate->changed);
    pthread_mutex_destroy(&gate->mutex);
}

void crew_await_waits(struct rig *rig, uint64_t n)
{
    while (rig_stats(rig).waits < n) {
        usleep(100);
    }
}

double crew_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void crew_tally_note(struct crew_tally *tally, unsigned i, uint64_t faults)
{
    if (faults > tally->by_thread[i]) {
        tally->by_thread[i] = faults;
    }
}

uint64_t crew_tally_end(struct crew_tally *tally, unsigned n)
{
    uint64_t most = 0;
    unsigned i;

    for (i = 0; i < n; i++) {
        most = tally->by_thread[i] > most ? tally->by_thread[i] : most;
        tally->by_thread[i] = 0;
    }
    tally->by_crew[n] = most > tally->by_crew[n] ? most : tally->by_crew[n];
    return most;
}

void crew_tally_print(struct crew_tally *tally, const char *what)
{
    unsigned n;

    printf("%s: at most", what);
    for (n = 1; n <= CREW_MAX; n++) {
        if (tally->by_crew[n] != 0) {
            printf(" %ju (%u)", (uintmax_t)tally->by_crew[n], n);
        }
    }
    printf(" faults in an instruction (with so many threads)\n");
    memset(tally, 0, sizeof *tally);
}
