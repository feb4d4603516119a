/* broken.c - how not to do it. SPDX-License-Identifier: BSD-2-Clause */
#include "broken.h"

#include <stddef.h>

/* The address is believed: what could be wrong with it, it is our own driver that sends it? */
static enum answer believe(const struct quire_view *window, struct quire_pa pa, uint64_t len, struct quire_view *buffer)
{
    buffer->va = window->va + (uintptr_t)(pa.addr - window->pa.addr);
    buffer->pa = pa;
    buffer->size = (size_t)len;
    return ANSWER_OK;
}

/* What is used is not what was checked, but what has become of it since. */
static enum answer fetch_again(const struct quire_view *message, struct quire_view *buffer)
{
    uint64_t len;

    if (quire_view_load64(message, offsetof(struct invoke, len), &len) != QUIRE_OK) {
        return ANSWER_BAD_BUFFER;
    }
    buffer->size = (size_t)len;
    return ANSWER_OK;
}

enum answer broken_find_buffer(enum planted planted, const struct quire_view *window, const struct quire_view *message,
                               struct quire_pa pa, uint64_t len, struct quire_view *buffer)
{
    if (planted == PLANTED_BOUNDS) {
        return believe(window, pa, len, buffer);
    }
    if (quire_view_slice_pa(window, pa, len, buffer) != QUIRE_OK) {
        return ANSWER_BAD_BUFFER;
    }
    if (planted == PLANTED_OVERLAP) {
        return ANSWER_OK;
    }
    if (buffer->va < message->va + message->size && message->va < buffer->va + buffer->size) {
        return ANSWER_OVERLAP;
    }
    return planted == PLANTED_LENGTH ? fetch_again(message, buffer) : ANSWER_OK;
}
