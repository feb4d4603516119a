/* messages.h - what the two worlds say to each other. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_MESSAGES_H
#define SHM_MESSAGES_H

#include <stdint.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "this demonstration writes messages as the machine does, and the views of Quire read numbers as little-endian"
#endif

/*
 * In shared memory: messages. Numbers are little-endian; the other world is believed in nothing it says.
 *
 * An address in a message is physical: neither world knows, or should know, where the other has mapped the memory.
 */

/* Begins a session, a SHA-256 that goes on over several calls. */
struct open_session {
    uint32_t status;  /* the answer: enum answer */
    uint32_t session; /* the answer: which one */
};

enum command { COMMAND_UPDATE = 1, COMMAND_FINISH = 2 };

/* Works in a session. */
struct invoke {
    uint32_t status;   /* the answer */
    uint32_t session;  /* from open_session */
    uint32_t command;  /* enum command */
    uint32_t reserved; /* 0 */
    uint64_t pa;       /* UPDATE: the bytes to hash; FINISH: where to write the digest, which also ends the session */
    uint64_t len;      /* UPDATE: how many of them; FINISH: at least DIGEST_BYTES */
};

#define DIGEST_BYTES 32u
#define SESSIONS_MAX 8u /* 1 to 8 */

/* Every call is answered with one of these, in the message (unless its address is bad) and in the return register. */
enum answer {
    ANSWER_NONE, /* not answered yet: what the client writes */
    ANSWER_OK,
    ANSWER_BAD_FUNCTION,
    ANSWER_BAD_MESSAGE, /* the message itself is not in the shared memory, or not aligned */
    ANSWER_BAD_COMMAND,
    ANSWER_BAD_SESSION,
    ANSWER_BAD_BUFFER, /* some of the buffer is not in the shared memory */
    ANSWER_OVERLAP,    /* the buffer overlaps the message */
    ANSWER_NO_SESSION, /* all are in use */
    ANSWERS
};

/* Returns a few words; for a number that is no answer, too. */
const char *answer_name(uint32_t answer);

/*
 * Over the socket: what would be registers. First once, from the secure world, where the memory is (struct discovery); then
 * calls and returns.
 */
enum function { FUNCTION_OPEN_SESSION = 1, FUNCTION_INVOKE = 2 };

struct call {
    uint64_t function; /* enum function: also says which message it is */
    uint64_t message;  /* its physical address */
};

struct answered {
    uint64_t status; /* enum answer */
};

struct discovery {
    uint64_t start; /* physical */
    uint64_t size;
};

#endif
