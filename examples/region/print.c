/* print.c - answers in text. SPDX-License-Identifier: BSD-2-Clause */
#include "print.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "numbers.h"

static void print_line(uint64_t first, uint64_t last, const char *mark, const char *name)
{
    char size[NUMBER_TEXT];

    printf("%s %012" PRIx64 "-%012" PRIx64 " %10s  %s\n", mark, first, last, number_print(size, first, last), name);
}

void print_entry(const struct space_entry *entry)
{
    print_line(entry->region.base, entry->region.last, entry->requested ? "+" : "#", entry->name);
}

void print_segments(const struct space *space, unsigned kinds)
{
    static const char *const marks[] = {".", "#", "+", "|", " "};
    struct segments all = segments_collect(space);
    size_t i;

    if (all.segment == NULL) {
        fputs("region: no memory\n", stderr);
        return;
    }
    for (i = 0; i < all.count; i++) {
        const struct segment *segment = &all.segment[i];

        if ((kinds & 1u << segment->kind) != 0) {
            print_line(segment->first, segment->last, marks[segment->kind], segment->name);
        }
    }
    free(all.segment);
}

static const char *bytes(char text[NUMBER_TEXT], uint64_t count)
{
    return count != 0 ? number_print(text, 0, count - 1) : "nothing";
}

void print_stats(const struct space *space)
{
    char text[4][NUMBER_TEXT];
    struct quire_region_stats stats;

    quire_region_get_stats(&space->allocator, &stats);
    printf("available %s in %" PRIu32 " holes, the largest %s; fragmentation %" PRIu32 ".%" PRIu32 " %%\n",
           bytes(text[0], stats.available), stats.holes, bytes(text[1], stats.largest), stats.fragmentation / 10,
           stats.fragmentation % 10);
    printf("allocated %s in %" PRIu32 " regions, guards included; in units of %s\n", bytes(text[2], stats.reserved),
           stats.allocated, bytes(text[3], space->unit));
    printf("bookkeeping: %" PRIu32 " nodes of %" PRIu32 " bytes in use, %" PRIu32 " left\n",
           quire_region_book_used(&space->book), space->book.node_bytes, quire_region_book_left(&space->book));
}
