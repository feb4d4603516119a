/* apps.h - the applications that the client brings, and what it knows of their answers. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_APPS_H
#define CLIENT_APPS_H

#include "client/task.h"

extern const struct app app_echo;
extern const struct app app_sorter;
extern const struct app app_interpreter;
extern const struct app app_sharer;

/* Not for tasks: what the first sees depends on others, the second is never right, and the third is test_measure()'s. */
extern const struct app app_watcher;
extern const struct app app_rogue;
extern const struct app app_walker;

/* Makes all of them known to the kernel. False after a message. */
bool apps_register(struct tee *tee);

/* The opposite. False if somebody still has one open. */
bool apps_unregister(struct tee *tee);

#endif
