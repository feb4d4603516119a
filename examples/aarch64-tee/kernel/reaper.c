/* reaper.c - objects whose last reference went, until somebody has time to free their memory. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/reaper.h"

#include <stddef.h>

#include "kernel/spinlock.h"

static struct spinlock lock;
static struct reapable *waiting;

void reap_later(struct reapable *reapable)
{
    spin_lock(&lock);
    reapable->next = waiting;
    waiting = reapable;
    spin_unlock(&lock);
}

void reap_released(void *ctx, struct quire_fobj *fobj)
{
    (void)fobj;
    reap_later(ctx);
}

void reap(void)
{
    struct reapable *list;

    spin_lock(&lock);
    list = waiting;
    waiting = NULL;
    spin_unlock(&lock);
    while (list != NULL) {
        struct reapable *reapable = list;

        list = list->next; /* what reap() frees is gone then */
        reapable->reap(reapable);
    }
}
