/* command.h - the messages of the normal world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_COMMAND_H
#define KERNEL_COMMAND_H

#include "kernel/thread.h"

/* What a thread does with a TEE_SMC_CALL (abi/smc.h): thread_main. */
void command_run(struct smc_args *args);

#endif
