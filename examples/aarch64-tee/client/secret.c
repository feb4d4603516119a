/* secret.c - a pattern that only an application knows, and looking for it everywhere else. SPDX-License-Identifier: BSD-2-Clause */
#include "client/secret.h"

#include "client/apps.h"
#include "client/random.h"
#include "ta/echo/functions.h"

/* ---- Planting ---- */

static bool keep(struct secret *secret, struct quire_shm_buffer *buffer)
{
    struct tee_param param = tee_memory(TEE_PARAM_MEMORY_IN, buffer, SECRET_BYTES);
    struct quire_view view;
    uint64_t offset;
    bool kept;

    if (quire_shm_view(buffer, &view) != QUIRE_OK) {
        return false;
    }
    for (offset = 0; offset < SECRET_BYTES; offset += 8u) {
        if (quire_view_store64(&view, offset, ~secret->inverse) != QUIRE_OK) {
            return false;
        }
    }
    kept = tee_invoke(secret->tee, secret->session, ECHO_KEEP, &param, 1) == TEE_RESULT_OK;
    return quire_view_fill(&view, 0, 0, SECRET_BYTES) == QUIRE_OK && kept;
}

bool secret_plant(struct secret *secret, struct tee *tee, uint64_t seed)
{
    struct quire_shm_buffer *buffer;
    bool kept;

    secret->tee = tee;
    secret->inverse = random_next(&seed);
    if (quire_shm_alloc(&tee->shm, SECRET_BYTES, &buffer) != QUIRE_OK) {
        return false;
    }
    kept = tee_open(tee, &app_echo.name, &secret->session) == TEE_RESULT_OK && keep(secret, buffer);
    quire_shm_put(buffer);
    return kept;
}

bool secret_end(struct secret *secret)
{
    return tee_close(secret->tee, secret->session) == TEE_RESULT_OK;
}

/* ---- Looking ---- */

bool secret_is_word(const struct secret *secret, uint64_t word)
{
    uint64_t inverse = ~word;
    unsigned turn;

    for (turn = 0; turn < 8; turn++) {
        if (inverse == secret->inverse) {
            return true;
        }
        inverse = inverse << 8 | inverse >> 56;
    }
    return false;
}

uint64_t secret_count(const struct secret *secret, uint64_t start, uint64_t bytes)
{
    const volatile uint64_t *word = (const volatile uint64_t *)(uintptr_t)start;
    uint64_t count = 0;
    uint64_t i;

    for (i = 0; i < bytes / sizeof *word; i++) {
        count += secret_is_word(secret, word[i]);
    }
    return count;
}

bool secret_is_kept(const struct secret *secret)
{
    struct quire_shm_buffer *buffer;
    struct tee_param param;
    bool kept;

    if (quire_shm_alloc(&secret->tee->shm, SECRET_BYTES, &buffer) != QUIRE_OK) {
        return false;
    }
    param = tee_memory(TEE_PARAM_MEMORY_OUT, buffer, SECRET_BYTES);
    kept = tee_invoke(secret->tee, secret->session, ECHO_RECALL, &param, 1) == TEE_RESULT_OK &&
           secret_count(secret, buffer->phys.pa.addr, SECRET_BYTES) == SECRET_BYTES / 8u;
    quire_shm_put(buffer);
    return kept;
}
