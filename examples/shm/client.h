/* client.h - the normal world's driver: it manages the memory that two worlds share. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_CLIENT_H
#define SHM_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include <quire/shm.h>

#include "messages.h"

/* Messages are from the driver pool: made from another they would not compile. */
#define QUIRE_OBJECT_NAME open_message
#define QUIRE_OBJECT_TYPE struct open_session
#define QUIRE_OBJECT_POOL quire_shm_driver_pool
#include <quire/pool_object_type.h>

#define QUIRE_OBJECT_NAME invoke_message
#define QUIRE_OBJECT_TYPE struct invoke
#define QUIRE_OBJECT_POOL quire_shm_driver_pool
#include <quire/pool_object_type.h>

#define CLIENT_MESSAGES 16u
#define CLIENT_BUFFERS 8u

struct client {
    int socket;
    unsigned char *memory; /* where the shared memory is mapped here; nothing but the manager, and the hostile, uses it */
    struct quire_shm shm;
    uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(QUIRE_SHM_DRIVER_PAGES, CLIENT_MESSAGES) / sizeof(uint64_t) + 1];
    uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(1u << 30, CLIENT_BUFFERS) / sizeof(uint64_t) + 1];
    struct quire_shm_buffer buffers[CLIENT_BUFFERS];
    uint64_t answers[ANSWERS]; /* how many calls came back with each */
};

/* Learns where the memory is, and builds the manager. False after a message. */
bool client_begin(struct client *client, int socket);

/* Ends the manager; false after a message if somebody kept something. */
bool client_end(struct client *client);

/* Calls the secure world: a function, and where its message is, physically. Returns the answer of the return register,
 * ANSWER_NONE if nobody answered. */
uint32_t client_call(struct client *client, uint64_t function, struct quire_pa message);

/* Opens a session. */
uint32_t client_open(struct client *client, uint32_t *session);

/* Has a command done with the first `len` bytes of a buffer. */
uint32_t client_invoke(struct client *client, uint32_t session, enum command command, struct quire_shm_buffer *buffer,
                       size_t len);

#endif
