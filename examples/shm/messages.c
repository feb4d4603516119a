/* messages.c - names of the answers. SPDX-License-Identifier: BSD-2-Clause */
#include "messages.h"

const char *answer_name(uint32_t answer)
{
    static const char *const names[ANSWERS] = {
        "not answered",
        "done",
        "no such function",
        "message not in shared memory",
        "no such command",
        "no such session",
        "buffer not in shared memory",
        "buffer overlaps the message",
        "no more sessions",
    };

    return answer < ANSWERS ? names[answer] : "no answer that exists";
}
