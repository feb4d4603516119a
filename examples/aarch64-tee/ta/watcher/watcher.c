/* watcher.c - another application, that looks at the buffer of `sharer`. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sharer/attached.h"

static struct attached attached;

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    return attached_invoke(&attached, function, params);
}

void ta_close(void)
{
}
