/* text.c - planted in the pageable part: the string of string.c. SPDX-License-Identifier: BSD-2-Clause */
extern const char planted_text[];

const char planted_text[] = "not always there";
