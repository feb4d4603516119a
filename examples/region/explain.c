/* explain.c - why a request fails. SPDX-License-Identifier: BSD-2-Clause */
#include "explain.h"

#include <stdio.h>

#include <quire/region_explain.h>

void explain_request(const struct space *space, const struct quire_region_request *request)
{
    struct quire_region_explanation why;
    struct space_entry *entry;
    char line[QUIRE_REGION_EXPLAIN_TEXT];

    if (quire_region_explain(&space->allocator, request, &why) != QUIRE_OK) {
        return;
    }
    quire_region_explain_text(&why, line, sizeof line);
    puts(line);
    if ((why.helps & QUIRE_REGION_HELP_RETURN) != 0 && space_find(space, why.region.base, &entry) == QUIRE_OK) {
        printf("    which would be: put \"%s\"\n", entry->name);
    }
}
