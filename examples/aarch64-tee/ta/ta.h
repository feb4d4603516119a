/* ta.h - the library of the applications: called by the kernel, and calling it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_TA_H
#define TA_TA_H

#include "abi/message.h"
#include "abi/ta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TA_PAGE 4096u

/* ---- What an application supplies ---- */

/* Each returns a TEE_RESULT_*, or a number of its own. If ta_open() returns anything but OK, there is no session. */
uint32_t ta_open(struct ta_params *params);
uint32_t ta_invoke(uint32_t function, struct ta_params *params);
void ta_close(void);

/* ---- Parameters ---- */

/* Whether the parameters are of these kinds: TEE_PARAM_*, 0 for none. */
bool ta_are(const struct ta_params *params, unsigned first, unsigned second, unsigned third, unsigned fourth);

/* ---- Ending ---- */

/* Kills this instance; the client is told that its target is dead. */
__attribute__((noreturn)) void ta_panic(uint32_t code);

#define ta_assert(condition) ((condition) ? (void)0 : ta_assert_failed(__FILE__, __LINE__, #condition))
__attribute__((noreturn)) void ta_assert_failed(const char *file, unsigned line, const char *condition);

/* ---- Memory ---- */

/* `pages` new pages, all zero, with guard pages around them; access is TA_MAP_*. Null if there is no room. */
void *ta_map(size_t pages, unsigned access);

/* The buffer of `pages` pages that all who name `key` share; all zero when the first of them comes. Null if there is no room. */
void *ta_share(uint64_t key, size_t pages);

/* Exactly what ta_map() or ta_share() gave. False: it was not. */
bool ta_unmap(void *at, size_t pages);

/* Of pages that ta_map() gave. False: they were not. */
bool ta_protect(void *at, size_t pages, unsigned access);
bool ta_advise(void *at, size_t pages, unsigned advice);

/* A heap of this instance, on pages of ta_map(). Aligned to 16 bytes, not cleared. Null if there is no room. */
void *ta_alloc(size_t bytes);
void ta_free(void *at); /* null: nothing happens */

/* ---- The rest ---- */

/* At most 256 bytes. False: they cannot be written there. */
bool ta_random(void *to, size_t bytes);

/* A line on the kernel's console, as format() of lib/format.h makes it; what does not fit is cut off. */
__attribute__((format(printf, 1, 2))) void ta_log(const char *fmt, ...);

/* The system call itself: TA_* of abi/ta.h and up to three arguments. */
int64_t ta_syscall(uint64_t a, uint64_t b, uint64_t c, uint64_t number);

#endif
