/* tests.h - the tests of the applications, and how they say what they saw. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_TEST_TESTS_H
#define TA_TEST_TESTS_H

#include "ta/test/instance.h"

/* Prints "ok" or "not ok" and what it is that should be so. */
void ok(bool good, const char *what);

/* Opens a new instance of $(BUILD)/ta/NAME.elf; close_it() ends it, which must go well unless it was killed. */
struct instance *open_it(const char *name);
void close_it(struct instance *instance);

/* A call with these parameters, of which the ones not given are none: the answers are in `params`. */
uint32_t invoke(struct instance *instance, uint32_t function, struct ta_params *params);

/* Two values in; two values out, into *a and *b. */
uint32_t invoke_values(struct instance *instance, uint32_t function, uint64_t in_a, uint64_t in_b, uint64_t *a, uint64_t *b);

/* Only values in, or only values out. */
uint32_t invoke_in(struct instance *instance, uint32_t function, uint64_t a, uint64_t b);
uint32_t invoke_out(struct instance *instance, uint32_t function, uint64_t *a, uint64_t *b);

struct ta_param memory_param(uint32_t kind, const void *at, uint64_t bytes);

void test_echo(void);
void test_sorter(void);
void test_interpreter(void);
void test_sharer(void);
void test_rogue(void);

#endif
