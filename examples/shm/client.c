/* client.c - the normal world's driver: it manages the memory that two worlds share. SPDX-License-Identifier: BSD-2-Clause */
#include "client.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "memory.h"

/* What this world knows to be the secure world's own. Whoever offers it as shared memory is wrong, or lies. */
static const struct quire_shm_range secure_memory[] = {{0x0e000000, 0x0fffffff}};

/* ---- Life ---- */

static bool make_manager(struct client *client, const struct discovery *discovery)
{
    struct quire_shm_config config;
    struct quire_shm_refusal refusal;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(discovery->start);
    config.va = (uintptr_t)client->memory;
    config.size = discovery->size;
    config.secure = secure_memory;
    config.num_secure = sizeof secure_memory / sizeof secure_memory[0];
    config.driver_book = client->driver_book;
    config.driver_book_bytes = sizeof client->driver_book;
    config.client_book = client->client_book;
    config.client_book_bytes = sizeof client->client_book;
    config.buffers = client->buffers;
    config.num_buffers = CLIENT_BUFFERS;
    if (quire_shm_init(&client->shm, &config, &refusal) != QUIRE_OK) {
        fprintf(stderr, "normal world: the shared memory is refused: %s\n", quire_shm_reason_text(refusal.reason));
        return false;
    }
    return true;
}

bool client_begin(struct client *client, int socket)
{
    struct discovery discovery;
    int fd;

    client->socket = socket;
    if (!memory_receive(socket, &discovery, sizeof discovery, &fd)) {
        perror("normal world: nobody says where the shared memory is");
        return false;
    }
    client->memory = (unsigned char *)memory_map(fd, (size_t)discovery.size);
    close(fd);
    if (client->memory == NULL) {
        perror("normal world: the shared memory cannot be mapped");
        return false;
    }
    if (!make_manager(client, &discovery)) {
        munmap(client->memory, (size_t)discovery.size);
        return false;
    }
    printf("Shared memory: %llu KiB at physical %#llx; the first %u pages for messages, the rest for buffers.\n",
           (unsigned long long)discovery.size >> 10, (unsigned long long)discovery.start, QUIRE_SHM_DRIVER_PAGES);
    return true;
}

static bool print_live(void *ctx, const struct quire_shm_live *live)
{
    (void)ctx;
    fprintf(stderr, "normal world: a %s of %zu bytes at %#llx is still out\n",
            live->kind == QUIRE_SHM_MESSAGE ? "message" : "buffer", live->size, (unsigned long long)live->pa.addr);
    return true;
}

bool client_end(struct client *client)
{
    size_t size = client->shm.window.size;

    return quire_shm_fini(&client->shm, print_live, NULL) == QUIRE_OK && munmap(client->memory, size) == 0;
}

/* ---- Calls ---- */

uint32_t client_call(struct client *client, uint64_t function, struct quire_pa message)
{
    struct call call = {function, message.addr};
    struct answered answered = {ANSWER_NONE};

    if (send(client->socket, &call, sizeof call, MSG_NOSIGNAL) != (ssize_t)sizeof call ||
        recv(client->socket, &answered, sizeof answered, 0) != (ssize_t)sizeof answered || answered.status >= ANSWERS) {
        return ANSWER_NONE;
    }
    client->answers[answered.status]++;
    return (uint32_t)answered.status;
}

/* The answer in the message, which must be the same as in the register: nobody lies here. */
static uint32_t compare(uint32_t returned, uint32_t written)
{
    return returned == written ? returned : (uint32_t)ANSWERS;
}

uint32_t client_open(struct client *client, uint32_t *session)
{
    struct open_session content = {ANSWER_NONE, 0};
    struct open_message message;
    struct quire_pa pa;
    uint32_t answer = ANSWER_NONE;

    if (open_message_new(&client->shm.driver, &message) != QUIRE_OK) {
        return ANSWER_NONE;
    }
    if (open_message_store(&client->shm.driver, &message, &content) == QUIRE_OK &&
        open_message_pa(&client->shm.driver, &message, &pa) == QUIRE_OK) {
        answer = client_call(client, FUNCTION_OPEN_SESSION, pa);
    }
    if (open_message_fetch(&client->shm.driver, &message, &content) == QUIRE_OK) {
        answer = compare(answer, content.status);
        *session = content.session;
    }
    open_message_delete(&client->shm.driver, &message);
    return answer;
}

uint32_t client_invoke(struct client *client, uint32_t session, enum command command, struct quire_shm_buffer *buffer,
                       size_t len)
{
    struct invoke content = {ANSWER_NONE, session, (uint32_t)command, 0, buffer->phys.pa.addr, len};
    struct invoke_message message;
    struct quire_pa pa;
    uint32_t answer = ANSWER_NONE;

    if (invoke_message_new(&client->shm.driver, &message) != QUIRE_OK) {
        return ANSWER_NONE;
    }
    if (invoke_message_store(&client->shm.driver, &message, &content) == QUIRE_OK &&
        invoke_message_pa(&client->shm.driver, &message, &pa) == QUIRE_OK) {
        answer = client_call(client, FUNCTION_INVOKE, pa);
    }
    if (invoke_message_fetch(&client->shm.driver, &message, &content) == QUIRE_OK) {
        answer = compare(answer, content.status);
    }
    invoke_message_delete(&client->shm.driver, &message);
    return answer;
}
