/* instance.h - runs applications in a Linux process, which does the kernel's part. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TA_TEST_INSTANCE_H
#define TA_TEST_INSTANCE_H

#include "abi/message.h"
#include "abi/ta.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Does to the file what abi/ta.h says that the kernel does, and no more: whole pages of the file are taken as they are, and the
 * bias is added to the relocated words. Each svc instruction is replaced by a breakpoint, whose signal handler is the system call.
 * Applications run on the thread that calls them, any number of threads at once.
 */
struct instance;

/* What the application has been given: its segments, stack, pages, shared buffers, and the memory of the parameters of a call. */
enum region_kind { REGION_FREE, REGION_SEGMENT, REGION_STACK, REGION_MAPPED, REGION_SHARED, REGION_PARAMETER };

/* Ends the process if the file is not there, or not what it has to be. */
struct instance *instance_load(const char *path);
void instance_unload(struct instance *instance);

/* Memory of a parameter: `a` is its address in this process. The answers are written into the parameters. TARGET_DEAD: it was
 * killed, now or before. */
uint32_t instance_call(struct instance *instance, unsigned reason, uint32_t function, struct ta_params *params);

uintptr_t instance_bias(const struct instance *instance);

/* The last of its regions of this kind, for tests that spoil it; null: none. */
unsigned char *instance_region(const struct instance *instance, enum region_kind kind);

#endif
