/* broken.h - how not to do it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_BROKEN_H
#define SHM_BROKEN_H

#include <quire/view.h>

#include "messages.h"

/* Classic bugs, to see them caught. */
enum planted {
    PLANTED_NONE,
    PLANTED_LENGTH, /* a length is checked, and then fetched again to be used */
    PLANTED_BOUNDS, /* an address is believed */
    PLANTED_OVERLAP /* a message may lie in its own buffer, and is read with it once more */
};

/* What find_buffer() of secure.c does, with one of these bugs: makes a view of the buffer [pa, pa + len) that a message
 * names. */
enum answer broken_find_buffer(enum planted planted, const struct quire_view *window, const struct quire_view *message,
                               struct quire_pa pa, uint64_t len, struct quire_view *buffer);

#endif
