/* secure.c - the secure world: believes nothing, reads everything once. SPDX-License-Identifier: BSD-2-Clause */
#include "secure.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mbedtls/md.h>
#include <quire/view.h>

#include "broken.h"
#include "memory.h"

#define CHUNK 4096u /* of a buffer, in private memory at a time */

struct secure {
    struct quire_view window; /* all there is to share */
    enum planted planted;
    mbedtls_md_context_t session[SESSIONS_MAX];
    bool open[SESSIONS_MAX];
};

/* A message as it was at one moment. What it says afterwards does not matter. */
struct fetched {
    struct quire_view view;        /* where the answer goes */
    struct quire_snapshot content; /* private */
    unsigned char bytes[sizeof(struct invoke)];
};

/* ---- Reading ---- */

/* Fetches a message of `len` bytes, all of it, once. */
static enum answer fetch(const struct secure *secure, uint64_t pa, size_t len, struct fetched *message)
{
    if (pa % sizeof(uint64_t) != 0 ||
        quire_view_slice_pa(&secure->window, quire_pa_make(pa), len, &message->view) != QUIRE_OK ||
        quire_view_snapshot(&message->view, 0, message->bytes, len, &message->content) != QUIRE_OK) {
        return ANSWER_BAD_MESSAGE;
    }
    return ANSWER_OK;
}

static uint32_t field32(const struct fetched *message, size_t offset)
{
    uint32_t value = 0;

    return quire_snapshot_u32(&message->content, offset, &value) == QUIRE_OK ? value : 0;
}

static uint64_t field64(const struct fetched *message, size_t offset)
{
    uint64_t value = 0;

    return quire_snapshot_u64(&message->content, offset, &value) == QUIRE_OK ? value : 0;
}

/* The buffer that an invoke message names. Hashing a buffer in which the message lies would read the message a second time. */
static enum answer find_buffer(const struct secure *secure, const struct fetched *message, struct quire_view *buffer)
{
    struct quire_pa pa = quire_pa_make(field64(message, offsetof(struct invoke, pa)));
    uint64_t len = field64(message, offsetof(struct invoke, len));

    if (secure->planted != PLANTED_NONE) {
        return broken_find_buffer(secure->planted, &secure->window, &message->view, pa, len, buffer);
    }
    if (quire_view_slice_pa(&secure->window, pa, len, buffer) != QUIRE_OK) {
        return ANSWER_BAD_BUFFER;
    }
    if (buffer->va < message->view.va + message->view.size && message->view.va < buffer->va + buffer->size) {
        return ANSWER_OVERLAP;
    }
    return ANSWER_OK;
}

/* ---- The service ---- */

static enum answer open_session(struct secure *secure, const struct fetched *message)
{
    uint32_t i;

    for (i = 0; i < SESSIONS_MAX; i++) {
        mbedtls_md_context_t *context = &secure->session[i];

        if (secure->open[i]) {
            continue;
        }
        mbedtls_md_init(context);
        if (mbedtls_md_setup(context, mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), 0) != 0 ||
            mbedtls_md_starts(context) != 0 ||
            quire_view_store32(&message->view, offsetof(struct open_session, session), i + 1u) != QUIRE_OK) {
            mbedtls_md_free(context);
            break;
        }
        secure->open[i] = true;
        return ANSWER_OK;
    }
    return ANSWER_NO_SESSION;
}

/* Hashes what is in the buffer, chunk by chunk: each is copied out once and hashed where it cannot change any more. */
static enum answer update(mbedtls_md_context_t *context, const struct quire_view *buffer)
{
    unsigned char chunk[CHUNK];
    struct quire_snapshot snapshot;
    size_t done;

    for (done = 0; done < buffer->size; done += snapshot.len) {
        size_t len = buffer->size - done < CHUNK ? buffer->size - done : CHUNK;

        if (quire_view_snapshot(buffer, done, chunk, len, &snapshot) != QUIRE_OK ||
            mbedtls_md_update(context, snapshot.bytes, snapshot.len) != 0) {
            return ANSWER_BAD_BUFFER;
        }
    }
    return ANSWER_OK;
}

/* Writes the digest into the buffer, and ends the session. */
static enum answer finish(mbedtls_md_context_t *context, bool *open, const struct quire_view *buffer)
{
    unsigned char digest[DIGEST_BYTES];

    if (buffer->size < sizeof digest || mbedtls_md_finish(context, digest) != 0 ||
        quire_view_write(buffer, 0, digest, sizeof digest) != QUIRE_OK) {
        return ANSWER_BAD_BUFFER;
    }
    mbedtls_md_free(context);
    *open = false;
    return ANSWER_OK;
}

static enum answer invoke(struct secure *secure, const struct fetched *message)
{
    uint32_t session = field32(message, offsetof(struct invoke, session)) - 1u;
    uint32_t command = field32(message, offsetof(struct invoke, command));
    struct quire_view buffer;
    enum answer answer;

    if (command != COMMAND_UPDATE && command != COMMAND_FINISH) {
        return ANSWER_BAD_COMMAND;
    }
    if (session >= SESSIONS_MAX || !secure->open[session]) {
        return ANSWER_BAD_SESSION;
    }
    answer = find_buffer(secure, message, &buffer);
    if (answer != ANSWER_OK) {
        return answer;
    }
    return command == COMMAND_UPDATE ? update(&secure->session[session], &buffer)
                                     : finish(&secure->session[session], &secure->open[session], &buffer);
}

QUIRE_STATIC_ASSERT(offsetof(struct open_session, status) == 0 && offsetof(struct invoke, status) == 0, the_answer_is_first);

/* The function says how long the message is; nothing in the message can. */
static enum answer serve(struct secure *secure, const struct call *call)
{
    struct fetched message;
    enum answer answer;

    ledger_next_call();
    if (call->function != FUNCTION_OPEN_SESSION && call->function != FUNCTION_INVOKE) {
        return ANSWER_BAD_FUNCTION;
    }
    answer = fetch(secure, call->message,
                   call->function == FUNCTION_OPEN_SESSION ? sizeof(struct open_session) : sizeof(struct invoke), &message);
    if (answer != ANSWER_OK) {
        return answer; /* there is no message to answer in */
    }
    answer = call->function == FUNCTION_OPEN_SESSION ? open_session(secure, &message) : invoke(secure, &message);
    if (quire_view_store32(&message.view, 0, (uint32_t)answer) != QUIRE_OK) {
        return ANSWER_BAD_MESSAGE;
    }
    return answer;
}

/* ---- Life ---- */

/* The guards around the window did what they are for. */
static void on_fault(int signal)
{
    static const char text[] = "secure world: an access beside the shared memory faulted\n";
    ssize_t written = write(STDERR_FILENO, text, sizeof text - 1);

    (void)signal;
    _exit(written >= 0 ? 1 : 2);
}

static bool begin(struct secure *secure, const struct secure_config *config)
{
    struct discovery discovery = {config->start, config->size};
    int fd = memory_make(config->size);
    void *memory = fd >= 0 ? memory_map_guarded(fd, config->size) : NULL;
    bool good;

    if (memory == NULL || !ledger_open((uintptr_t)memory, config->size, &config->account->ledger)) {
        perror("secure world: no memory to share");
        return false;
    }
    memset(secure, 0, sizeof *secure);
    secure->planted = config->planted;
    if (quire_view_make((uintptr_t)memory, quire_pa_make(config->start), config->size, &secure->window) != QUIRE_OK) {
        fprintf(stderr, "secure world: no memory begins at %#jx and has %zu bytes\n", (uintmax_t)config->start, config->size);
        close(fd);
        return false;
    }
    good = signal(SIGSEGV, on_fault) != SIG_ERR && signal(SIGBUS, on_fault) != SIG_ERR &&
           memory_send(config->socket, &discovery, sizeof discovery, fd);
    if (!good) {
        perror("secure world: cannot begin");
    }
    close(fd);
    return good;
}

int secure_main(const struct secure_config *config)
{
    static struct secure secure;
    struct call call;
    uint32_t i;

    if (!begin(&secure, config)) {
        return 2;
    }
    while (recv(config->socket, &call, sizeof call, 0) == (ssize_t)sizeof call) {
        struct answered answered = {(uint64_t)serve(&secure, &call)};

        config->account->answers[answered.status]++;
        if (send(config->socket, &answered, sizeof answered, MSG_NOSIGNAL) != (ssize_t)sizeof answered) {
            break;
        }
    }
    for (i = 0; i < SESSIONS_MAX; i++) {
        if (secure.open[i]) {
            mbedtls_md_free(&secure.session[i]);
        }
    }
    return 0;
}
