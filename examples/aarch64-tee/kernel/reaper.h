/* reaper.h - objects whose last reference went, until somebody has time to free their memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_REAPER_H
#define KERNEL_REAPER_H

/*
 * The last put of an object may be that of a page fault: its `release` must not run what is pageable, wait for the heap, or take long.
 * So it only puts the object on a list; each call of the normal world ends by freeing what is there.
 */
struct reapable {
    struct reapable *next;
    void (*reap)(struct reapable *reapable); /* frees what contains it; pageable */
};

/* From any context, under any lock but the reaper's. O(1). */
void reap_later(struct reapable *reapable);

/* The same as a `release` of Quire's objects, whose ctx is the reapable. */
struct quire_fobj;
void reap_released(void *ctx, struct quire_fobj *fobj);

/* Frees all that waits. Only for threads. */
void reap(void);

#endif
