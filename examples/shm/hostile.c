/* hostile.c - a normal world that lies. SPDX-License-Identifier: BSD-2-Clause */
#include "hostile.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/*
 * Two threads: one makes calls, as a driver would; the other writes into the message and the buffer of the call that is just
 * being served, as fast as it can. Both know what hurts: addresses and lengths about the edges.
 */
struct attack {
    struct client *client;
    uint64_t seed;
    uint32_t target;  /* offset of the message being read, in the shared memory; atomic */
    uint32_t running; /* atomic */
    uint64_t lies;    /* the attacker's, until it is joined */
};

static uint64_t draw(uint64_t *seed)
{
    uint64_t z = *seed += 0x9e3779b97f4a7c15u; /* splitmix64 */

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* An address or a length, probably a bad one. */
static uint64_t draw_nasty(const struct quire_view *window, uint64_t *seed)
{
    uint64_t start = window->pa.addr;
    uint64_t size = window->size;
    uint64_t near = draw(seed) % 80u;

    switch (draw(seed) % 10u) {
    case 0:
        return near;
    case 1:
        return start - near;
    case 2:
        return start + near;
    case 3:
        return start + size - near;
    case 4:
        return start + size + near;
    case 5:
        return size - near;
    case 6:
        return size + near;
    case 7:
        return 0 - start + near; /* a length that wraps to a small sum */
    case 8:
        return UINT64_MAX - near;
    default:
        return start + draw(seed) % size;
    }
}

/* ---- The attacker ---- */

static void *attack_main(void *arg)
{
    struct attack *attack = (struct attack *)arg;
    const struct quire_view *window = &attack->client->shm.window;
    uint64_t seed = attack->seed ^ 0xa77ac4;

    while (__atomic_load_n(&attack->running, __ATOMIC_RELAXED) != 0) {
        unsigned char *message = attack->client->memory + __atomic_load_n(&attack->target, __ATOMIC_RELAXED);
        uint64_t nasty = draw_nasty(window, &seed);

        switch (draw(&seed) % 6u) {
        case 0:
        case 1:
            __atomic_store_n((uint64_t *)(void *)(message + offsetof(struct invoke, len)), nasty, __ATOMIC_RELAXED);
            break;
        case 2:
        case 3:
            __atomic_store_n((uint64_t *)(void *)(message + offsetof(struct invoke, pa)), nasty, __ATOMIC_RELAXED);
            break;
        case 4: /* the word of session, or of command */
            __atomic_store_n((uint32_t *)(void *)(message + (nasty % 2u != 0 ? offsetof(struct invoke, session)
                                                                             : offsetof(struct invoke, command))),
                             (uint32_t)draw(&seed) % 10u, __ATOMIC_RELAXED);
            break;
        default: /* a byte of anything, behind the messages */
            __atomic_store_n(attack->client->memory + window->size / 2u + nasty % (window->size / 2u), (unsigned char)nasty,
                             __ATOMIC_RELAXED);
            break;
        }
        attack->lies++;
    }
    return NULL;
}

/* ---- The caller ---- */

/* A message such as a driver would write, and sometimes not. */
static struct invoke draw_invoke(const struct client *client, const struct quire_shm_buffer *buffer, uint64_t *seed)
{
    struct invoke content = {ANSWER_NONE, 0, 0, 0, 0, 0};
    const struct quire_view *window = &client->shm.window;

    content.session = (uint32_t)(draw(seed) % 10u);
    content.command = draw(seed) % 32u == 0 ? (uint32_t)draw(seed) : draw(seed) % 8u == 0 ? COMMAND_FINISH : COMMAND_UPDATE;
    content.pa = draw(seed) % 8u == 0 ? draw_nasty(window, seed) : buffer->phys.pa.addr + draw(seed) % buffer->size;
    content.len = draw(seed) % 8u == 0 ? draw_nasty(window, seed) : draw(seed) % 4096u;
    return content;
}

/* One call. False if it has no answer, or one that does not exist. */
static bool call_once(struct attack *attack, struct invoke_message *message, const struct quire_shm_buffer *buffer,
                      uint64_t *seed, struct hostile_result *result)
{
    struct client *client = attack->client;
    struct invoke before = draw_invoke(client, buffer, seed);
    struct invoke after;
    uint64_t function = draw(seed) % 64u == 0 ? draw(seed) : draw(seed) % 8u == 0 ? FUNCTION_OPEN_SESSION : FUNCTION_INVOKE;
    struct quire_pa pa;
    uint32_t answer;

    if (invoke_message_store(&client->shm.driver, message, &before) != QUIRE_OK ||
        invoke_message_pa(&client->shm.driver, message, &pa) != QUIRE_OK) {
        return false;
    }
    __atomic_store_n(&attack->target, (uint32_t)(pa.addr - client->shm.window.pa.addr), __ATOMIC_RELAXED);
    if (draw(seed) % 16u == 0) {
        pa.addr = draw_nasty(&client->shm.window, seed);
    }
    result->calls++;
    answer = client_call(client, function, pa);
    if (answer == ANSWER_NONE || invoke_message_fetch(&client->shm.driver, message, &after) != QUIRE_OK) {
        fprintf(stderr, "normal world: hostile call %llu: %s\n", (unsigned long long)result->calls, answer_name(answer));
        return false;
    }
    result->changed += before.pa != after.pa || before.len != after.len || before.command != after.command;
    return true;
}

static bool call_many(struct attack *attack, const struct args *args, struct hostile_result *result)
{
    struct client *client = attack->client;
    struct invoke_message message[4];
    struct quire_shm_buffer *buffer;
    struct timespec begin;
    struct timespec now;
    uint64_t seed = attack->seed;
    bool answered = true;
    uint32_t made = 0;

    if (quire_shm_alloc(&client->shm, client->shm.client.core.window.size / 2u, &buffer) != QUIRE_OK) {
        return false;
    }
    while (made < 4u && invoke_message_new(&client->shm.driver, &message[made]) == QUIRE_OK) {
        made++;
    }
    clock_gettime(CLOCK_MONOTONIC, &begin);
    do {
        answered = made == 4u && call_once(attack, &message[draw(&seed) % 4u], buffer, &seed, result);
        clock_gettime(CLOCK_MONOTONIC, &now);
    } while (answered && now.tv_sec - begin.tv_sec - (now.tv_nsec < begin.tv_nsec) < (time_t)args->seconds &&
             (args->requests == 0 || result->calls < args->requests));
    while (made > 0) {
        invoke_message_delete(&client->shm.driver, &message[--made]);
    }
    quire_shm_put(buffer);
    return answered;
}

/* Whoever comes next finds the secure world as it was: the same sessions, none of them in use. */
static bool close_sessions(struct client *client)
{
    struct quire_shm_buffer *buffer;
    bool answered = true;
    uint32_t i;

    if (quire_shm_alloc(&client->shm, DIGEST_BYTES, &buffer) != QUIRE_OK) {
        return false;
    }
    for (i = 1; i <= SESSIONS_MAX; i++) {
        answered = client_invoke(client, i, COMMAND_FINISH, buffer, DIGEST_BYTES) != ANSWER_NONE && answered;
    }
    quire_shm_put(buffer);
    return answered;
}

bool hostile_run(struct client *client, const struct args *args, struct hostile_result *result)
{
    struct attack attack = {client, args->seed, 0, 1, 0};
    pthread_t thread;
    bool answered;

    memset(result, 0, sizeof *result);
    if (pthread_create(&thread, NULL, attack_main, &attack) != 0) {
        fputs("normal world: no second thread\n", stderr);
        return false;
    }
    answered = call_many(&attack, args, result);
    __atomic_store_n(&attack.running, 0, __ATOMIC_RELAXED);
    pthread_join(thread, NULL);
    result->lies = attack.lies;
    return answered && close_sessions(client);
}
