/* numbers.h - addresses and sizes as people write them. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_NUMBERS_H
#define REGION_NUMBERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Reads hexadecimal digits at *text and moves behind them; false without one, or with more than 64 bits of them. */
bool number_hex(const char **text, uint64_t *out);

/* The whole of `text` as an address: hexadecimal, with 0x or without. */
bool number_address(const char *text, uint64_t *out);

/* The whole of `text` as a size: decimal or 0x..., then K, M, G, T or P, or none. False above 2^64 - 1. */
bool number_size(const char *text, uint64_t *out);

#define NUMBER_TEXT 16

/* Writes the size of [first, last] for people: "1.5 GiB". It may be all 2^64 bytes. Returns `text`. */
const char *number_print(char text[NUMBER_TEXT], uint64_t first, uint64_t last);

#endif
