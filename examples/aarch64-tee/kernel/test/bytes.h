/* bytes.h - what the tests have in common: bytes written as hexadecimal digits, and pages to look at. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_TEST_BYTES_H
#define KERNEL_TEST_BYTES_H

#include <criterion/criterion.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TEST_PAGE 4096u

/* A text long enough for all of them, aligned as the cipher wants it. */
union text {
    uint64_t align;
    uint8_t bytes[TEST_PAGE];
};

static inline size_t from_hex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    unsigned byte;

    for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
        out[n++] = (uint8_t)byte;
    }
    return n;
}

static inline bool is_hex(const uint8_t *bytes, size_t len, const char *hex)
{
    uint8_t expected[512];

    return from_hex(hex, expected) == len && memcmp(bytes, expected, len) == 0;
}

/* A page that differs in every byte from its neighbours, and from other pages. */
static inline void fill_page(uint8_t *page, unsigned from)
{
    size_t i;

    for (i = 0; i < TEST_PAGE; i++) {
        page[i] = (uint8_t)(7u * i + (i >> 8) + from);
    }
}

#endif
