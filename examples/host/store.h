/* store.h - where pages come from and go to: files, and a swap file. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_STORE_H
#define HOST_STORE_H

#include <quire/quire.h>

#include "elf_image.h"

/*
 * Two kinds of fobj, both of them Quire's own over callbacks that live here:
 *
 *     slice     quire_fobj_ro: pages of a read-only segment, read from the ELF file and compared with hashes taken when the
 *               file was loaded; outside the segment a page is zero
 *     private   quire_fobj_rw: pages of one context (or shared by several that agreed to), kept in the swap file
 *
 * Each object frees itself with its last reference. fobj->user is a `struct store_object`.
 */
struct store {
    int swap;           /* a memfd */
    uint64_t swap_used; /* pages handed out; atomic. Never reused: what an object wrote no other can read */
    uint64_t objects;   /* alive; atomic */
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

/* Returns null, or what failed. */
const char *store_init(struct store *store);
void store_fini(struct store *store);

/* Makes the object of a read-only segment of the file at `path`, with one reference; `executed`: its code will be run, and no
 * fault is planted in it. Returns null, or what failed. */
const char *store_slice(struct store *store, const char *path, const struct elf_segment *segment, bool executed,
                        struct quire_fobj **out);

/* Makes a read-write object of zeros, with one reference. Returns null, or what failed. */
const char *store_private(struct store *store, const char *name, uint32_t npages, struct quire_fobj **out);

/* The name of an object that was made here. */
const char *store_name(const struct quire_fobj *fobj);

#endif
