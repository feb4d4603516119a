/* tee.h - the driver: calls to the secure world, by messages in shared memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_TEE_H
#define CLIENT_TEE_H

#include <stdbool.h>
#include <stdint.h>

#include <quire/shm.h>

#include "abi/message.h"
#include "abi/smc.h"
#include "client/cpu.h"

/*
 *     tee_begin(&tee)                          asks where the shared memory is, and divides it: messages, and buffers
 *     tee_open(&tee, &name, &session)          one call after the other, each waited for ...
 *
 *     tee_call_begin(&call, &tee, &message)    ... or several at once, by one processor:
 *     while (!tee_call_step(&call)) ...        a step ends when the call does, or when the secure world was interrupted, or waits
 *     tee_call_end(&call)                      call.message has the answer
 *
 * All processors use one driver; a call belongs to whoever steps it.
 */

/* A message in shared memory: it is made in the driver pool, and of another pool it would not compile. */
#define QUIRE_OBJECT_NAME tee_request
#define QUIRE_OBJECT_TYPE struct tee_message
#define QUIRE_OBJECT_POOL quire_shm_driver_pool
#include <quire/pool_object_type.h>

#define TEE_REQUESTS_MAX 64u
#define TEE_BUFFERS_MAX 64u
#define TEE_SHARED_MAX (16u << 20) /* bytes of shared memory that the books have room for */

/* What a processor does while a call that it waits for waits for another one. */
struct tee_meanwhile {
    void (*work)(void *ctx); /* null: nothing */
    void *ctx;
};

struct tee {
    struct quire_shm shm;
    struct spinlock lock;
    struct tee_meanwhile meanwhile[BOARD_CPUS_MAX];
    uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(QUIRE_SHM_DRIVER_PAGES, TEE_REQUESTS_MAX) / sizeof(uint64_t) + 1u];
    uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(TEE_SHARED_MAX, TEE_BUFFERS_MAX) / sizeof(uint64_t) + 1u];
    struct quire_shm_buffer buffers[TEE_BUFFERS_MAX];
};

/* Finds the kernel and its shared memory. False after a message. */
bool tee_begin(struct tee *tee);

/* False after a message for each message and buffer that somebody kept. */
bool tee_end(struct tee *tee);

/* ---- Calls ---- */

/* The driver's own result: the secure world did not take the message; `call.smc` says why. */
#define TEE_RESULT_COMMUNICATION 0xffff000eu

struct tee_call {
    struct tee *tee;
    struct tee_request request; /* the message as the secure world sees it */
    struct quire_pa pa;         /* where that is, for the secure world */
    struct tee_message message; /* private: what is asked, and in the end the answer */
    uint32_t smc;               /* the last answer in x0 */
    uint32_t thread;            /* which one to resume, after INTERRUPTED and WAITING */
    uint32_t interrupted;       /* how often */
    uint32_t waited;            /* how often; for a thread of the kernel, too */
};

/* Readies a call. False if there is no room for a message; there is nothing to end then. */
bool tee_call_begin(struct tee_call *call, struct tee *tee, const struct tee_message *message);

/* Goes on with it. True if it is over: then it takes no further step. */
bool tee_call_step(struct tee_call *call);

/* Returns the message to the pool. */
void tee_call_end(struct tee_call *call);

/* All of it: returns the result, `message` gets the answer. */
uint32_t tee_do(struct tee *tee, struct tee_message *message);

/* A processor that has calls of its own on the way and uses tee_do() beside them says here how to go on with them: what tee_do()
 * waits for may be one of these. `work` must not use tee_do(). */
void tee_set_meanwhile(struct tee *tee, void (*work)(void *ctx), void *ctx);

/* ---- Sessions ---- */

/* An application's name, its first byte in the lowest bits of `a`. */
struct tee_name {
    uint64_t a;
    uint64_t b;
};

/* What a message says. */
struct tee_message tee_message_open(const struct tee_name *name);
struct tee_message tee_message_invoke(uint32_t session, uint32_t function, const struct tee_param *params, uint32_t num_params);
struct tee_message tee_message_close(uint32_t session);

struct tee_param tee_value(uint64_t kind, uint64_t a, uint64_t b);
struct tee_param tee_memory(uint64_t kind, const struct quire_shm_buffer *buffer, uint64_t bytes);

/* Each returns a TEE_RESULT_*, or what the application returned; `params` get the answers. */
uint32_t tee_open(struct tee *tee, const struct tee_name *name, uint32_t *session);
uint32_t tee_invoke(struct tee *tee, uint32_t session, uint32_t function, struct tee_param *params, uint32_t num_params);
uint32_t tee_close(struct tee *tee, uint32_t session);

#endif
