/* store.c - where pages come from and go to. SPDX-License-Identifier: BSD-2-Clause */
#include "store.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sha256.h"

struct slice {
    struct quire_fobj_ro ro;
    struct store_object object;
    int file; /* the store's own, not the one that the contexts verify with */
    struct elf_segment segment;
    bool executed;
    uint32_t *slots;
    unsigned char (*hash)[SHA256_BYTES]; /* of each page */
};

struct private
{
    struct quire_fobj_rw rw;
    struct store_object object;
    struct quire_fobj_ops planted; /* only with a planted fault */
    uint64_t swap_page;            /* where its pages lie in the swap file */
    uint32_t *slots;
};

static void count(uint64_t *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool read_whole(int file, uint64_t offset, void *to, size_t len)
{
    unsigned char *p = to;

    while (len > 0) {
        ssize_t n = pread(file, p, len, (off_t)offset);

        if (n <= 0) {
            return false;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool write_whole(int file, uint64_t offset, const void *from, size_t len)
{
    const unsigned char *p = from;

    while (len > 0) {
        ssize_t n = pwrite(file, p, len, (off_t)offset);

        if (n <= 0) {
            return false;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

/* ---- Slices ---- */

/* Writes page `pgidx` of the segment to `page`: the bytes of the file, with zeros outside the segment. */
static bool slice_fetch(const struct slice *slice, uint64_t pgidx, unsigned char *page)
{
    const struct elf_segment *segment = &slice->segment;
    uint64_t from = (segment->first_page + pgidx) << QUIRE_PAGE_SHIFT; /* addresses: what the page shows ... */
    uint64_t to = from + QUIRE_PAGE_SIZE;
    uint64_t start = from > segment->vaddr ? from : segment->vaddr; /* ... and what of it the file has */
    uint64_t end = to < segment->vaddr + segment->filesz ? to : segment->vaddr + segment->filesz;

    memset(page, 0, QUIRE_PAGE_SIZE);
    return start >= end ||
           read_whole(slice->file, segment->offset + (start - segment->vaddr), page + (start - from), (size_t)(end - start));
}

static enum quire_status slice_read(void *ctx, uint64_t offset, void *to, size_t len, size_t *got)
{
    const struct slice *slice = ctx;
    struct store *store = slice->object.store;
    unsigned char *page = to;

    count(&store->file_reads);
    if (!slice_fetch(slice, offset >> QUIRE_PAGE_SHIFT, page)) {
        return QUIRE_IO;
    }
    if (store->skip_verify && !slice->executed && (offset >> QUIRE_PAGE_SHIFT) % 16u == 0) {
        page[QUIRE_PAGE_SIZE / 2u] ^= 0x55;
    }
    *got = len;
    return QUIRE_OK;
}

static enum quire_status slice_verify(void *ctx, const struct quire_fobj *fobj, uint32_t pgidx, const void *page)
{
    const struct slice *slice = ctx;
    unsigned char digest[SHA256_BYTES];

    (void)fobj;
    sha256_of(page, QUIRE_PAGE_SIZE, digest);
    return memcmp(digest, slice->hash[pgidx], sizeof digest) == 0 ? QUIRE_OK : QUIRE_INTEGRITY;
}

static void slice_free(struct slice *slice)
{
    if (slice->file >= 0) {
        close(slice->file);
    }
    free(slice->slots);
    free(slice->hash);
    free(slice);
}

static void slice_release(void *ctx, struct quire_fobj *fobj)
{
    struct slice *slice = ctx;

    (void)fobj;
    __atomic_fetch_sub(&slice->object.store->objects, 1, __ATOMIC_RELAXED);
    slice_free(slice);
}

/* Takes the hash of every page, while the file is the one whose tag was taken. */
static bool slice_hash(struct slice *slice)
{
    unsigned char *page = malloc(QUIRE_PAGE_SIZE);
    bool good = page != NULL;
    uint32_t i;

    for (i = 0; good && i < slice->segment.npages; i++) {
        good = slice_fetch(slice, i, page);
        if (good) {
            sha256_of(page, QUIRE_PAGE_SIZE, slice->hash[i]);
        }
    }
    free(page);
    return good;
}

static const char *slice_make(struct slice *slice, const char *path)
{
    struct quire_fobj_ro_config config;
    struct store *store = slice->object.store;
    uint32_t npages = slice->segment.npages;

    slice->slots = calloc(npages, sizeof *slice->slots);
    slice->hash = calloc(npages, sizeof *slice->hash);
    slice->file = open(path, O_RDONLY | O_CLOEXEC);
    if (slice->slots == NULL || slice->hash == NULL) {
        return "no memory";
    }
    if (slice->file < 0 || !slice_hash(slice)) {
        return "cannot be read";
    }
    memset(&config, 0, sizeof config);
    config.len = (uint64_t)npages << QUIRE_PAGE_SHIFT;
    config.slots = slice->slots;
    config.max_prot = slice->segment.prot;
    config.ctx = slice;
    config.read = slice_read;
    config.verify = store->skip_verify ? NULL : slice_verify;
    config.release = slice_release;
    return quire_fobj_ro_init(&slice->ro, &config) == QUIRE_OK ? NULL : "cannot be an object of Quire";
}

const char *store_slice(struct store *store, const char *path, const struct elf_segment *segment, bool executed,
                        struct quire_fobj **out)
{
    const char *base = strrchr(path, '/');
    struct slice *slice = calloc(1, sizeof *slice);
    const char *wrong;

    if (slice == NULL) {
        return "no memory";
    }
    slice->object.store = store;
    slice->segment = *segment;
    slice->executed = executed;
    slice->file = -1;
    snprintf(slice->object.name, sizeof slice->object.name, "%.32s %s", base != NULL ? base + 1 : path,
             (segment->prot & QUIRE_PROT_EXEC) != 0 ? "r-x" : "r--");
    wrong = slice_make(slice, path);
    if (wrong != NULL) {
        slice_free(slice);
        return wrong;
    }
    slice->ro.base.user = &slice->object;
    count(&store->objects);
    *out = &slice->ro.base;
    return NULL;
}

/* ---- Private pages ---- */

static uint64_t swap_offset(const struct private *private, uint32_t pgidx)
{
    return (private->swap_page + pgidx) << QUIRE_PAGE_SHIFT;
}

static enum quire_status private_read(void *ctx, uint32_t pgidx, void *page)
{
    const struct private *private = ctx;

    count(&private->object.store->swap_reads);
    return read_whole(private->object.store->swap, swap_offset(private, pgidx), page, QUIRE_PAGE_SIZE) ? QUIRE_OK : QUIRE_IO;
}

static enum quire_status private_write(void *ctx, uint32_t pgidx, const void *page)
{
    const struct private *private = ctx;

    count(&private->object.store->swap_writes);
    return write_whole(private->object.store->swap, swap_offset(private, pgidx), page, QUIRE_PAGE_SIZE) ? QUIRE_OK : QUIRE_IO;
}

static void private_release(void *ctx, struct quire_fobj *fobj)
{
    struct private *private = ctx;
    struct store *store = private->object.store;

    /* Gives the kernel its memory back; if it refuses, the swap file only stays larger than it need be. */
    (void)fallocate(store->swap, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)swap_offset(private, 0),
                    (off_t)((uint64_t)fobj->num_pages << QUIRE_PAGE_SHIFT));
    __atomic_fetch_sub(&store->objects, 1, __ATOMIC_RELAXED);
    free(private->slots);
    free(private);
}

/* The planted fault: a load that says OK to a page it did not fill. */
static enum quire_status load_without_wipe(struct quire_io *io)
{
    struct private *private = QUIRE_CONTAINER_OF(io->fobj, struct private, rw.base);

    return io->stored ? private_read(private, io->pgidx, io->page[0]) : QUIRE_OK;
}

static void plant_skip_wipe(struct private *private)
{
    private->planted = *private->rw.base.ops;
    private->planted.load = load_without_wipe;
    private->rw.base.ops = &private->planted;
}

const char *store_private(struct store *store, const char *name, uint32_t npages, struct quire_fobj **out)
{
    struct private *private = calloc(1, sizeof *private);
    uint32_t *slots = calloc(npages, sizeof *slots);
    struct quire_fobj_rw_config config;

    if (private == NULL || slots == NULL) {
        free(private);
        free(slots);
        return "no memory";
    }
    memset(&config, 0, sizeof config);
    config.num_pages = npages;
    config.slots = slots;
    config.store.ctx = private;
    config.store.npages = npages;
    config.store.read = private_read;
    config.store.write = private_write;
    config.ctx = private;
    config.release = private_release;
    if (quire_fobj_rw_init(&private->rw, &config) != QUIRE_OK) {
        free(private);
        free(slots);
        return "cannot be an object of Quire";
    }
    private->slots = slots;
    private->object.store = store;
    private->swap_page = __atomic_fetch_add(&store->swap_used, npages, __ATOMIC_RELAXED);
    snprintf(private->object.name, sizeof private->object.name, "%s", name);
    private->rw.base.user = &private->object;
    if (store->skip_wipe) {
        plant_skip_wipe(private);
    }
    count(&store->objects);
    *out = &private->rw.base;
    return NULL;
}

/* ---- Set-up ---- */

const char *store_init(struct store *store)
{
    memset(store, 0, sizeof *store);
    store->swap = memfd_create("quire-swap", MFD_CLOEXEC);
    return store->swap >= 0 ? NULL : "no memfd for the swap file";
}

void store_fini(struct store *store)
{
    close(store->swap);
}

const char *store_name(const struct quire_fobj *fobj)
{
    const struct store_object *object = fobj->user;

    return object->name;
}
