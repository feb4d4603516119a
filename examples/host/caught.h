/* caught.h - pages of the store that were refused, by name. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_CAUGHT_H
#define HOST_CAUGHT_H

#include <pthread.h>
#include <quire/quire.h>
#include <stdio.h>

#include "store.h"

struct host;
struct context;

/*
 * A store that somebody else can write is not believed. What it answers that cannot be right is a status for the context that
 * asked, INTEGRITY or IO; the context notes it here and leaves that page alone from then on, as an application would that got an
 * exception for it. All else goes on, and must still be right.
 */
struct caught_page {
    uint32_t context; /* that faulted */
    uint32_t pgidx;   /* of the object */
    enum quire_status status;
    bool sealed;                 /* the tag was compared; else a hash of the file */
    struct quire_seal_meta meta; /* sealed: what it should have been */
    uint64_t store_page;         /* where it lies in the store */
    char name[sizeof((struct store_object *)0)->name];
};

struct caught {
    pthread_mutex_t lock;
    struct caught_page *pages;
    size_t count;
    size_t room;
};

void caught_init(struct caught *caught);
void caught_fini(struct caught *caught);

/* The last try of the context was refused. True: because of what a store answered; it is noted. False: that is no explanation. */
bool caught_note(struct context *context);

/* Was one of n pages at `va` refused to this context before? */
bool caught_any(const struct context *context, uintptr_t va, uint32_t n);

/* The n pages at `va` will show something else. */
void caught_forget(struct context *context, uintptr_t va, uint32_t n);

/* One page, in words. */
void caught_print(FILE *file, const struct caught_page *page);

#endif
