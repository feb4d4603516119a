/* hostile.h - a normal world that lies. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_HOSTILE_H
#define SHM_HOSTILE_H

#include "args.h"
#include "client.h"

struct hostile_result {
    uint64_t calls;   /* answered or not */
    uint64_t changed; /* messages that were another when the answer came than when the call was made */
    uint64_t lies;    /* stores of the attacker */
};

/* Calls, for as long as the arguments say, while a second thread changes the messages being read; then closes all
 * sessions. False after a message, if some call had no answer. */
bool hostile_run(struct client *client, const struct args *args, struct hostile_result *result);

#endif
