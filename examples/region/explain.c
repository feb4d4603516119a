/* explain.c - why a request failed. SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <stdio.h>

void explain_request(const struct space *space, const struct quire_region_request *request)
{
    (void)space;
    (void)request;
    printf("TEMP\n");
}
