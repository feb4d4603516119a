/* stop.h - stops the contexts for somebody to change the store, and tells what lies where. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_STOP_H
#define HOST_STOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct host;
struct context;

/*
 *     contexts:  work ... stop_point() waits          | ... reads all it has, works
 *     main:      stop_all(): all wait -> every private page is saved and evicted, FILE.map is written -> reads a line
 *                                                    ^ whoever wants to changes FILE
 *
 * FILE.map has a line per stored page: its place in FILE, its page of the object, key and version it was sealed with, the
 * object's number under that key, the tag; the object's pages and name. It is for people and for --resume: a real system keeps that
 * in secure memory. Nothing of it is secret, and knowing it helps nobody who lacks the key.
 */
struct stops {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t working; /* contexts that come to a stop_point() again */
    uint32_t waiting; /* of these */
    uint32_t round;   /* stops that have ended */
    bool wanted;      /* atomic */
};

void stop_init(struct stops *stops, uint32_t contexts);
void stop_fini(struct stops *stops);

/* A context between two pieces of work; its thread has no lock. */
void stop_point(struct context *context);

/* The context comes to no stop_point() any more. */
void stop_leave(struct context *context);

/* SIGUSR1 asks for a stop: installs that; was one asked for; it is taken care of. */
void stop_install(void);
bool stop_asked(void);
void stop_taken(void);

/* Stops all contexts until a line was read (or there is no more input); `number` of args.stops, 0: asked for. */
void stop_all(struct host *host, uint32_t number);

#endif
