/* hasher.c - an honest client of the secure world. SPDX-License-Identifier: BSD-2-Clause */
#include "hasher.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SESSIONS 3u
#define PIECE_MAX ((size_t)64 << 10) /* of the file, in the shared buffer at a time */

struct hasher {
    struct client *client;
    struct quire_shm_buffer *buffer; /* all sessions work on it; each has a reference */
    uint32_t session[SESSIONS];
    uint32_t open; /* sessions that are */
};

static bool good(uint32_t answer, const char *what)
{
    if (answer != ANSWER_OK) {
        fprintf(stderr, "normal world: %s: %s\n", what, answer_name(answer));
    }
    return answer == ANSWER_OK;
}

static bool begin(struct hasher *hasher)
{
    while (hasher->open < SESSIONS) {
        if (!good(client_open(hasher->client, &hasher->session[hasher->open]), "open session") ||
            quire_shm_get(hasher->buffer) != QUIRE_OK) {
            return false;
        }
        hasher->open++;
    }
    return true;
}

/* Places a piece of the file in the buffer, for all sessions to hash. */
static bool feed(struct hasher *hasher, const unsigned char *piece, size_t len)
{
    struct quire_view view;
    uint32_t i;

    if (quire_shm_view(hasher->buffer, &view) != QUIRE_OK || quire_view_write(&view, 0, piece, len) != QUIRE_OK) {
        return false;
    }
    for (i = 0; i < hasher->open; i++) {
        if (!good(client_invoke(hasher->client, hasher->session[i], COMMAND_UPDATE, hasher->buffer, len), "update")) {
            return false;
        }
    }
    return true;
}

static bool feed_file(struct hasher *hasher, const char *path)
{
    static unsigned char piece[PIECE_MAX];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = -1;

    if (fd >= 0) {
        while ((len = read(fd, piece, hasher->buffer->size)) > 0 && feed(hasher, piece, (size_t)len)) {
        }
    }
    if (len < 0) {
        fprintf(stderr, "normal world: %s: %s\n", path, strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    return len == 0;
}

/* Has each session write its digest into the buffer. */
static bool collect(struct hasher *hasher, unsigned char digest[DIGEST_BYTES])
{
    unsigned char again[DIGEST_BYTES];
    struct quire_snapshot snapshot;
    struct quire_view view;
    bool agree = true;
    uint32_t i;

    for (i = 0; i < SESSIONS; i++) {
        if (!good(client_invoke(hasher->client, hasher->session[i], COMMAND_FINISH, hasher->buffer, DIGEST_BYTES), "finish") ||
            quire_shm_view(hasher->buffer, &view) != QUIRE_OK ||
            quire_view_snapshot(&view, 0, i == 0 ? digest : again, DIGEST_BYTES, &snapshot) != QUIRE_OK) {
            return false;
        }
        agree = agree && (i == 0 || memcmp(digest, again, DIGEST_BYTES) == 0);
    }
    if (!agree) {
        fputs("normal world: the sessions do not agree\n", stderr);
    }
    return agree;
}

bool hasher_run(struct client *client, const char *path, char hex[VERIFY_HEX])
{
    struct hasher hasher = {client, NULL, {0}, 0};
    unsigned char digest[DIGEST_BYTES];
    struct quire_pool_stats stats;
    bool done;
    uint32_t i;

    quire_shm_client_pool_get_stats(&client->shm.client, &stats);
    if (quire_shm_alloc(&client->shm, stats.largest < PIECE_MAX ? stats.largest : PIECE_MAX, &hasher.buffer) != QUIRE_OK) {
        fputs("normal world: no room for a buffer\n", stderr);
        return false;
    }
    done = begin(&hasher) && feed_file(&hasher, path) && collect(&hasher, digest);
    for (i = 0; i <= hasher.open; i++) { /* one more: that of quire_shm_alloc() */
        quire_shm_put(hasher.buffer);
    }
    for (i = 0; done && i < DIGEST_BYTES; i++) {
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    }
    return done;
}
