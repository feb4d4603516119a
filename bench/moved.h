/* bench/moved.h - counts the bytes that the library copies and sets, where it is built to (store_config.h). For one unit of a
 * program. SPDX-License-Identifier: BSD-2-Clause */
#ifndef MOVED_H
#define MOVED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef QUIRE_CONFIG_H
#error "compile it and the library with -DQUIRE_CONFIG_H='\"store_config.h\"'"
#endif

static void die(const char *what)
{
    fprintf(stderr, "%s\n", what);
    exit(1);
}

#ifdef COUNT_MOVED
static unsigned long moved_copied;
static unsigned long moved_set;

void *count_copy(void *to, const void *from, size_t len)
{
    moved_copied += len;
    return memcpy(to, from, len);
}

void *count_set(void *to, int byte, size_t len)
{
    moved_set += len;
    return memset(to, byte, len);
}
#endif

#endif
