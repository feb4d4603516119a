/* memory.c - copying, filling and comparing memory. SPDX-License-Identifier: BSD-2-Clause */
#include "lib/memory.h"

#include <stdbool.h>
#include <stdint.h>

typedef uint64_t __attribute__((may_alias)) word; /* may be laid over objects of any type */

#define WORD sizeof(word)
#define ROUND (4u * WORD) /* the compiler makes pairs of the four: two instructions each way */

static bool aligned(const void *p)
{
    return (uintptr_t)p % WORD == 0;
}

static bool aligned_alike(const void *a, const void *b)
{
    return ((uintptr_t)a ^ (uintptr_t)b) % WORD == 0;
}

/* Also right when both overlap and `to` is the lower: memory is read before anything at or above it is written. */
static void copy_up(unsigned char *to, const unsigned char *from, size_t bytes)
{
    if (aligned_alike(to, from)) {
        for (; bytes > 0 && !aligned(to); bytes--) {
            *to++ = *from++;
        }
        for (; bytes >= ROUND; bytes -= ROUND, to += ROUND, from += ROUND) {
            const word *source = (const void *)from;
            word *target = (void *)to;
            word a = source[0], b = source[1], c = source[2], d = source[3];

            target[0] = a;
            target[1] = b;
            target[2] = c;
            target[3] = d;
        }
        for (; bytes >= WORD; bytes -= WORD, to += WORD, from += WORD) {
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    }
    while (bytes-- > 0) {
        *to++ = *from++;
    }
}

/* The same from the end, for a target above its source. */
static void copy_down(unsigned char *to, const unsigned char *from, size_t bytes)
{
    to += bytes;
    from += bytes;
    if (aligned_alike(to, from)) {
        for (; bytes > 0 && !aligned(to); bytes--) {
            *--to = *--from;
        }
        for (; bytes >= WORD; bytes -= WORD) {
            to -= WORD;
            from -= WORD;
            *(word *)(void *)to = *(const word *)(const void *)from;
        }
    }
    while (bytes-- > 0) {
        *--to = *--from;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    copy_up(to, from, bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    if ((uintptr_t)to - (uintptr_t)from >= bytes) { /* below it, or beyond its end: the difference wraps */
        copy_up(to, from, bytes);
    } else {
        copy_down(to, from, bytes);
    }
    return to;
}

void *memset(void *to, int value, size_t bytes)
{
    unsigned char byte = (unsigned char)value;
    unsigned char *p = to;
    word filled = byte * UINT64_C(0x0101010101010101);

    for (; bytes > 0 && !aligned(p); bytes--) {
        *p++ = byte;
    }
    for (; bytes >= ROUND; bytes -= ROUND, p += ROUND) {
        word *target = (void *)p;

        target[0] = filled;
        target[1] = filled;
        target[2] = filled;
        target[3] = filled;
    }
    while (bytes-- > 0) {
        *p++ = byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const unsigned char *p = a;
    const unsigned char *q = b;

    if (aligned_alike(p, q)) {
        for (; bytes > 0 && !aligned(p) && *p == *q; bytes--) {
            p++;
            q++;
        }
        if (aligned(p)) {
            for (; bytes >= WORD && *(const word *)(const void *)p == *(const word *)(const void *)q; bytes -= WORD) {
                p += WORD;
                q += WORD;
            }
        }
    }
    for (; bytes > 0; bytes--, p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}
