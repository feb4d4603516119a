/* record.h - records what a pager does into a file. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include <pthread.h>
#include <quire/trace.h>
#include <stdio.h>

/*
 * For whoever has threads and files (on a kernel, let a driver or a debugger read the ring). One thread drains the ring:
 *
 *     wrong = recorder_begin(&recorder, "run.qtr", pages);     null, or what failed
 *     config.trace = &recorder.trace;                          before quire_pager_init()
 *     recorder_name(&recorder, QUIRE_TRACE_INFO_OBJECT, fobj->id, "heap 0");       once it is mapped
 *     wrong = recorder_end(&recorder);                         after quire_pager_fini(), or quire_pager_set_trace(.., NULL)
 */
struct recorder {
    struct quire_trace trace; /* for the pager */
    uint64_t written;         /* events of the pager, without names and marks of loss; of recorder_end() on */
    uint64_t lost;            /* events that the thread was too slow for; they are marked in the file */

    struct quire_trace_reader reader;
    uint32_t *words;
    FILE *file;
    pthread_mutex_t lock; /* of the file */
    pthread_t thread;
    bool stop;   /* atomic */
    bool failed; /* a write did; under the lock */
};

/* Makes the file at `path` and begins; `pages`: of the pool. Returns null, or what failed: then nothing is to be ended. */
const char *recorder_begin(struct recorder *recorder, const char *path, uint32_t pages);

/* Writes down what context (QUIRE_TRACE_INFO_CONTEXT) or object (QUIRE_TRACE_INFO_OBJECT) `id` is called. In any thread, at any
 * time, also twice. */
void recorder_name(struct recorder *recorder, unsigned kind, uint32_t id, const char *name);

/* Writes what is left, and closes the file. The pager must not use the trace any more. Returns null, or what failed. */
const char *recorder_end(struct recorder *recorder);

#endif
