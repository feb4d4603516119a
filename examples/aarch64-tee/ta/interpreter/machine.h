/* machine.h - the little machine that `interpreter` is: what its programs mean. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_INTERPRETER_MACHINE_H
#define TA_INTERPRETER_MACHINE_H

#include "ta/mix.h"

#include <stdint.h>

/*
 * A stack of MACHINE_STACK words, at first one word 0, and 1024 operations, each different. A program is made from a seed; a pass
 * through it does the instructions in order:
 *
 *     PUSH value   where the stack is full: the top becomes the value
 *     SWAP         the two words at the top change places
 *     APPLY n      the two words at the top become one: operation n of them
 *     FOLLOW n     the same, but of the operation that n names as its successor; the top's lowest bit says which of the two
 *
 * Where the last three find only one word, they do nothing. Operation n of (x, y) is MACHINE_ROUNDS times
 *
 *     x = (x ^ (x >> shift)) * factor + y;  y = y + x
 *
 * with a shift and a factor that follow from n and the round, and in the end x + the letters of n's name.
 */
#define MACHINE_STACK 32u
#define MACHINE_OPERATIONS 1024u
#define MACHINE_ROUNDS 14

/* Constant expressions where their arguments are: the operations have them in their code. */
#define MACHINE_FACTOR(n, round) \
    ((((n)*UINT64_C(0x9e3779b97f4a7c15) + (round)*UINT64_C(0xd1342543de82ef95)) ^ UINT64_C(0xbf58476d1ce4e5b9)) | 1u)
#define MACHINE_SHIFT(n, round) (23u + ((n)*7u + (round)*5u) % 17u)

#define MACHINE_USES(n) \
    ((n)*3u + 1u) /* how often operation n was applied before the first time: so that it is data that was set */

#define MACHINE_SUCCESSOR_0(n) (((n)*5u + 1u) % 1024u)
#define MACHINE_SUCCESSOR_1(n) (((n)*13u + 7u) % 1024u)

/* A name is "0x" and three digits: these. */
static inline uint64_t machine_letters(const char *digits)
{
    return (uint64_t)digits[0] << 16 | (uint64_t)digits[1] << 8 | (uint64_t)digits[2];
}

enum machine_kind { MACHINE_PUSH, MACHINE_SWAP, MACHINE_APPLY, MACHINE_FOLLOW };

struct machine_instruction {
    uint32_t kind;    /* enum machine_kind */
    uint32_t operand; /* an operation, or what is pushed */
};

/* Instruction number `index` of the program of this seed: as many are pushed as are taken. */
static inline struct machine_instruction machine_instruction(uint64_t seed, uint64_t index)
{
    static const unsigned char kinds[8] = {MACHINE_PUSH, MACHINE_APPLY, MACHINE_PUSH, MACHINE_FOLLOW,
                                           MACHINE_PUSH, MACHINE_APPLY, MACHINE_SWAP, MACHINE_PUSH};
    uint64_t random = mix(seed + index * MIX_STEP);
    struct machine_instruction made = {kinds[random % 8u], (uint32_t)(random >> 32)};

    if (made.kind == MACHINE_APPLY || made.kind == MACHINE_FOLLOW) {
        made.operand %= MACHINE_OPERATIONS;
    }
    return made;
}

/* What all words of the stack come to, the lowest first. */
static inline uint64_t machine_digest(const uint64_t *stack, uint32_t depth)
{
    uint64_t digest = depth;
    uint32_t i;

    for (i = 0; i < depth; i++) {
        digest = mix(digest + stack[i]);
    }
    return digest;
}

#endif
