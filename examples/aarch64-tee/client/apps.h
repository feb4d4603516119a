/* apps.h - the applications that the client brings, and what it knows of their answers. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_APPS_H
#define CLIENT_APPS_H

#include "client/task.h"

extern const struct app app_echo;

/* Makes all of them known to the kernel. False after a message. */
bool apps_register(struct tee *tee);

#endif
