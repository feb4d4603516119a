/* store.h - where pages come from and go to: ELF files, and the store. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include <pthread.h>
#include <quire/quire.h>

#include "elf_image.h"

/*
 * Two kinds of fobj, both of them Quire's own over callbacks that live here:
 *
 *     slice     quire_fobj_ro: pages of a segment as it is in the ELF file, compared with hashes taken when the file was
 *               loaded; outside the segment a page is zero. Read-only segments are mapped so; of a writable one each context
 *               has a copy on write
 *     private   quire_fobj_rw: pages of one context (or shared by several that agreed to), kept in the store, sealed or not
 *
 * Each object frees itself with its last reference. fobj->user is a `struct store_object`.
 */
struct store {
    int swap;                      /* a memfd, or a real file */
    uint64_t swap_used;            /* pages handed out; atomic. Never reused: what an object wrote no other can read */
    uint64_t objects;              /* alive; atomic */
    struct quire_sealer *sealer;   /* null: private pages are stored as they are */
    pthread_mutex_t lock;          /* of the list */
    struct store_private *private; /* all of them that are alive */
    uint64_t file_reads;
    uint64_t swap_reads;
    uint64_t swap_writes;
    bool skip_verify; /* planted fault: pages of files are spoiled, and nobody compares hashes */
    bool skip_wipe;   /* planted fault: a page that was never written is shown as it lies there */
};

struct store_object {
    struct store *store;
    char name[48]; /* for reports and pictures */
};

/* A private object, for those who look at what the store has of it. */
struct store_private {
    struct quire_fobj_rw rw;
    struct store_object object;
    struct quire_fobj_ops planted; /* only with a planted fault */
    const struct quire_fobj_ops *inner;
    uint64_t first_page; /* of the store; the others follow */
    uint32_t *slots;
    struct quire_seal_meta *meta; /* null: not sealed */
    struct store_private *next;   /* in store->private */
    struct store_private **link;  /* what points here */
};

/* `path`: a file, made anew or (keep) only read; null: memory of the kernel's. Returns null, or what failed. */
const char *store_init(struct store *store, const char *path, bool keep);
void store_fini(struct store *store);

/* Makes the object of a segment of the file at `path`, read-only, with one reference; `executed`: its code will be run, and no
 * fault is planted in it. Returns null, or what failed. */
const char *store_slice(struct store *store, const char *path, const struct elf_segment *segment, bool executed,
                        struct quire_fobj **out);

/* Makes a read-write object of zeros, with one reference. Returns null, or what failed. */
const char *store_private(struct store *store, const char *name, uint32_t npages, struct quire_fobj **out);

/* Is the object one of store_private()'s? Then which. */
bool store_is_private(const struct quire_fobj *fobj);
struct store_private *store_private_of(struct quire_fobj *fobj);

/* The name of an object that was made here. */
const char *store_name(const struct quire_fobj *fobj);

#endif
