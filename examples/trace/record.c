/* record.c - records what a pager does into a file. SPDX-License-Identifier: BSD-2-Clause */
#include "record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RING_EVENTS 0x20000u /* 4 MiB: what a pager tells in some hundredths of a second */
#define NAPS_NS 1000000L

static uint64_t now(void *ctx)
{
    struct timespec time;

    (void)ctx;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static void put_event(struct recorder *recorder, const struct quire_trace_event *event)
{
    unsigned char bytes[QUIRE_TRACE_RECORD_BYTES];

    quire_trace_encode(event, bytes);
    recorder->failed = fwrite(bytes, sizeof bytes, 1, recorder->file) != 1 || recorder->failed;
}

/* Says in the file that events are missing here. */
static void put_lost(struct recorder *recorder, uint64_t n)
{
    struct quire_trace_event event;

    memset(&event, 0, sizeof event);
    event.what = (uint16_t)(quire_trace_what(QUIRE_TRACE_INFO, QUIRE_TRACE_INFO_LOST, 0, QUIRE_OK) | QUIRE_TRACE_VICTIM);
    event.victim = (uint32_t)n;
    event.victim_pgidx = (uint32_t)(n >> 32);
    put_event(recorder, &event);
}

static void drain(struct recorder *recorder)
{
    struct quire_trace_event event;

    pthread_mutex_lock(&recorder->lock);
    while (quire_trace_read(&recorder->trace, &recorder->reader, &event) == QUIRE_OK) {
        if (recorder->reader.lost != recorder->lost) {
            put_lost(recorder, recorder->reader.lost - recorder->lost);
            recorder->lost = recorder->reader.lost;
        }
        put_event(recorder, &event);
        recorder->written++;
    }
    pthread_mutex_unlock(&recorder->lock);
}

static void *drain_all(void *arg)
{
    struct recorder *recorder = arg;
    struct timespec nap = {0, NAPS_NS};

    while (!__atomic_load_n(&recorder->stop, __ATOMIC_SEQ_CST)) {
        drain(recorder);
        nanosleep(&nap, NULL);
    }
    drain(recorder);
    return NULL;
}

const char *recorder_begin(struct recorder *recorder, const char *path, uint32_t pages)
{
    unsigned char line[QUIRE_TRACE_HEADER_BYTES];
    struct quire_trace_header header;
    size_t len;

    memset(recorder, 0, sizeof *recorder);
    recorder->words = calloc(QUIRE_TRACE_WORDS(RING_EVENTS), sizeof(uint32_t));
    if (recorder->words == NULL || quire_trace_init(&recorder->trace, recorder->words, RING_EVENTS) != QUIRE_OK) {
        free(recorder->words);
        return "no memory";
    }
    recorder->trace.now = now;
    recorder->file = fopen(path, "wb");
    if (recorder->file == NULL) {
        free(recorder->words);
        return strerror(errno);
    }
    memset(&header, 0, sizeof header);
    header.page_shift = QUIRE_PAGE_SHIFT;
    header.pages = pages;
    header.hz = 1000000000u;
    len = quire_trace_header_encode(&header, line);
    recorder->failed = fwrite(line, len, 1, recorder->file) != 1;
    pthread_mutex_init(&recorder->lock, NULL);
    if (pthread_create(&recorder->thread, NULL, drain_all, recorder) != 0) {
        fclose(recorder->file);
        free(recorder->words);
        return "no thread";
    }
    return NULL;
}

void recorder_name(struct recorder *recorder, unsigned kind, uint32_t id, const char *name)
{
    size_t len = strlen(name);
    size_t at = 0;

    pthread_mutex_lock(&recorder->lock);
    do {
        struct quire_trace_event event;

        at = quire_trace_name(&event, kind, id, name, len, at);
        put_event(recorder, &event);
    } while (at < len);
    pthread_mutex_unlock(&recorder->lock);
}

const char *recorder_end(struct recorder *recorder)
{
    bool failed;

    __atomic_store_n(&recorder->stop, true, __ATOMIC_SEQ_CST);
    pthread_join(recorder->thread, NULL);
    failed = fclose(recorder->file) != 0 || recorder->failed;
    pthread_mutex_destroy(&recorder->lock);
    free(recorder->words);
    return failed ? "cannot be written" : NULL;
}
