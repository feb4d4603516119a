/* hasher.h - an honest client of the secure world. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_HASHER_H
#define SHM_HASHER_H

#include "client.h"
#include "verify.h"

/* Has the file hashed in the secure world, in several sessions that share one buffer; they must agree. False after a
 * message. */
bool hasher_run(struct client *client, const char *path, char hex[VERIFY_HEX]);

#endif
