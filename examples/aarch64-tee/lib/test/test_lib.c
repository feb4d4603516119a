/* test_lib.c - memory functions and formatter, compared with the C library's of this machine. SPDX-License-Identifier: BSD-2-Clause */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/format.h"
#include "lib/test/lib_memory.h"

#define ROUNDS 1000000u
#define BYTES 192u
#define OFFSET_MAX 80u
#define LENGTH_MAX 100u

static unsigned failures;

static unsigned below(unsigned limit)
{
    static uint64_t state = 1;

    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((state >> 33) % limit);
}

static int sign(int value)
{
    return (value > 0) - (value < 0);
}

static void expect(int good, const char *what, unsigned to, unsigned from, unsigned length)
{
    if (!good) {
        printf("not ok %s: to %u, from %u, length %u\n", what, to, from, length);
        failures++;
    }
}

/* The same call on two buffers that are equal; all of them must be equal afterwards, and not only what was to change. */
static void compare_memory(void)
{
    unsigned char ours[BYTES] __attribute__((aligned(8)));
    unsigned char theirs[BYTES] __attribute__((aligned(8)));
    unsigned to = below(OFFSET_MAX), from = below(OFFSET_MAX), length = below(LENGTH_MAX);
    const char *what = "memmove";

    for (unsigned i = 0; i < BYTES; i++) {
        ours[i] = theirs[i] = (unsigned char)below(256);
    }
    switch (below(4)) {
    case 0:
        what = "memcpy";
        if (to + length <= from || from + length <= to) {
            expect(lib_memcpy(ours + to, ours + from, length) == ours + to, what, to, from, length);
            memcpy(theirs + to, theirs + from, length);
        }
        break;
    case 1:
        what = "memset";
        expect(lib_memset(ours + to, (int)from - 300, length) == ours + to, what, to, from, length);
        memset(theirs + to, (int)from - 300, length);
        break;
    case 2:
        what = "memcmp";
        memmove(ours + to, ours + from, length); /* equal, if they do not overlap, but for one byte at most */
        ours[to + below(length + 1)] ^= (unsigned char)below(2);
        memcpy(theirs, ours, BYTES);
        expect(sign(lib_memcmp(ours + to, ours + from, length)) == sign(memcmp(theirs + to, theirs + from, length)), what, to,
               from, length);
        break;
    default:
        expect(lib_memmove(ours + to, ours + from, length) == ours + to, what, to, from, length);
        memmove(theirs + to, theirs + from, length);
        break;
    }
    expect(memcmp(ours, theirs, BYTES) == 0, what, to, from, length);
}

/* In buffers of all sizes, nothing behind which may change. */
#define COMPARE_FORMAT(...)                                                                                    \
    for (size_t size = 0; size < 48; size++) {                                                                 \
        char ours[48], theirs[48];                                                                             \
        size_t length;                                                                                         \
                                                                                                               \
        memset(ours, '~', sizeof ours);                                                                        \
        memset(theirs, '~', sizeof theirs);                                                                    \
        length = format(ours, size, __VA_ARGS__);                                                              \
        if (length != (size_t)snprintf(theirs, size, __VA_ARGS__) || memcmp(ours, theirs, sizeof ours) != 0) { \
            printf("not ok format, line %d, size %zu\n", __LINE__, size);                                      \
            failures++;                                                                                        \
        }                                                                                                      \
    }

static void compare_formats(void)
{
    COMPARE_FORMAT("nothing, 100%%")
    COMPARE_FORMAT("%s, %c", "text", 'c')
    COMPARE_FORMAT("%-10s|%10s|%2s", "left", "right", "wide")
    COMPARE_FORMAT("%.*s|%.2s|%-5.1s|", 3, "abcdef", "xyz", "uvw")
    COMPARE_FORMAT("%d %d %d", 0, INT32_MAX, INT32_MIN)
    COMPARE_FORMAT("%5d|%-5d|%05d", -42, -42, -42)
    COMPARE_FORMAT("%u %5u|%-5u|%05u", UINT32_MAX, 1u, 2u, 3u)
    COMPARE_FORMAT("%x %08x %-8x|", 0u, 0xbeefu, 0xcafeu)
    COMPARE_FORMAT("%lx %lu %ld", (unsigned long)UINT64_MAX, (unsigned long)UINT64_MAX, (long)INT64_MIN)
    COMPARE_FORMAT("%llu %zu", UINT64_MAX + 0ull, SIZE_MAX)
    COMPARE_FORMAT("%016lx", 0x123456789abcdeful)
    COMPARE_FORMAT("%p|%14p", (void *)16, (void *)&failures)
}

int main(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        compare_memory();
    }
    compare_formats();
    printf("%s lib: memory functions and formatter\n", failures == 0 ? "ok" : "not ok");
    return failures == 0 ? 0 : 1;
}
