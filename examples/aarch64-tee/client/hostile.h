/* hostile.h - a normal world that lies in every number it says. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_HOSTILE_H
#define CLIENT_HOSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "client/secret.h"
#include "client/smc.h"
#include "client/tee.h"

#define HOSTILE_SESSIONS 6u
#define HOSTILE_NAME 0x656c6966u /* first half of the names of files that are registered, ... */
#define HOSTILE_NAMES 16u        /* ... whose second half is one of 0..15, so that some are taken */
#define HOSTILE_DATA_BYTES 0x4000u

/* Normal memory that nothing else uses: files that are registered, and what may be overwritten or given away. */
#define HOSTILE_FILES 0x60000000u
#define HOSTILE_FILES_MAX 64u
#define HOSTILE_FILE_BYTES 0x00040000u
#define HOSTILE_SCRATCH 0x70000000u

struct hostile {
    struct tee *tee;
    uint64_t random;
    struct secret secret;
    struct quire_shm_buffer *page;       /* the message is somewhere in it */
    struct quire_shm_buffer *data;       /* HOSTILE_DATA_BYTES that honest parameters name */
    uint32_t sessions[HOSTILE_SESSIONS]; /* 0: none */
    uint32_t next_session;               /* those of lower numbers are closed, but for the secret's */
    uint32_t files;                      /* how many were made; the places are used again */
    uint64_t pool_pages;                 /* before it begins */

    /* Shared with the processor that changes messages while they are looked at. */
    uint32_t flipping; /* whether it is to */
    uint32_t flips;    /* how often it did */
    uint32_t offset;   /* where the message is in `page` */

    /* What was seen. */
    uint64_t calls;
    uint64_t decoded; /* ... whose answer is that of a command, not that there is none or its parameters are not right */
    uint64_t changed; /* ... during which the message was changed */
    uint64_t leaks;   /* registers and buffers with the secret in them */
    uint64_t strange_registers; /* other registers that came back neither as they went nor zero */
};

/* ---- Making them up (hostile_message.c, hostile_file.c) ---- */

/* A number that is likely to be taken for an address, a length or a count, or to be near the edge of one. */
uint64_t hostile_number(struct hostile *hostile);

/* A message that is as it should be but for some of its fields. */
struct tee_message hostile_message(struct hostile *hostile);

/* The same, while it is in shared memory: one word of it. */
void hostile_change_word(struct hostile *hostile, uint64_t *random);

/* An ELF file with some wrong fields, in whole pages of normal memory. */
struct hostile_file {
    uint64_t pa;
    uint64_t bytes;
};

struct hostile_file hostile_file(struct hostile *hostile);

/* ---- Calls (hostile_call.c) ---- */

/* One call, and everything that can be looked at after it. */
void hostile_call(struct hostile *hostile);

/* Closes every session that calls have opened, known or not: who changes messages also changes answers. Every so many calls. */
#define HOSTILE_SWEEP_EVERY 1000u
void hostile_close_all(struct hostile *hostile);

/* ---- Answers (hostile_answers.c) ---- */

void hostile_saw_smc(uint32_t answer);
void hostile_saw_result(uint32_t result);

/* Prints how often each was seen, and checks that every one was that can be with that many processors. */
void hostile_check_answers(uint64_t cpus);

#endif
