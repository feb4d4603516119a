/* writer.h - text for the normal world, written as it is made. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_WRITER_H
#define KERNEL_WRITER_H

#include <quire/view.h>

/* Where a text goes: what does not fit is counted, and not written. */
struct writer {
    const struct quire_view *view;
    size_t length; /* of all that was written so far, or would have been */
};

/* Formats as lib/format.h does, at most 255 bytes. */
__attribute__((format(printf, 2, 3))) void writer_print(struct writer *writer, const char *fmt, ...);

#endif
