/* writer.c - text for the normal world, written as it is made. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/writer.h"

#include <stdarg.h>

#include "lib/format.h"

#define LINE_BYTES 256u

void writer_print(struct writer *writer, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list args;
    size_t n;

    va_start(args, fmt);
    n = vformat(line, sizeof line, fmt, args);
    va_end(args);
    n = n < LINE_BYTES ? n : LINE_BYTES - 1u;
    if (n != 0 && writer->length + n <= writer->view->size &&
        quire_view_write(writer->view, writer->length, line, n) != QUIRE_OK) {
        return;
    }
    writer->length += n;
}
