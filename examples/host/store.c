/* store.c - where pages come from and go to. SPDX-License-Identifier: BSD-2-Clause */
#include "store.h"

#include <errno.h>
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

static enum quire_status slice_digest(void *ctx, unsigned level, const void *page, void *out)
{
    (void)ctx;
    (void)level; /* a list has pages of content only */
    sha256_of(page, QUIRE_PAGE_SIZE, out);
    return QUIRE_OK;
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
    config.max_prot = slice->segment.prot & ~(unsigned)QUIRE_PROT_WRITE;
    config.ctx = slice;
    config.read = slice_read;
    if (!store->skip_verify) {
        config.hash.digest = slice_digest;
        config.hash.size = SHA256_BYTES;
        config.hashes = slice->hash;
        config.hashes_len = (size_t)npages * SHA256_BYTES;
    }
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
             (segment->prot & QUIRE_PROT_EXEC) != 0    ? "r-x"
             : (segment->prot & QUIRE_PROT_WRITE) != 0 ? "data"
                                                       : "r--");
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

static uint64_t swap_offset(const struct store_private *private, uint32_t pgidx)
{
    return (private->first_page + pgidx) << QUIRE_PAGE_SHIFT;
}

static enum quire_status private_read(void *ctx, uint32_t pgidx, void *page)
{
    const struct store_private *private = ctx;

    count(&private->object.store->swap_reads);
    return read_whole(private->object.store->swap, swap_offset(private, pgidx), page, QUIRE_PAGE_SIZE) ? QUIRE_OK : QUIRE_IO;
}

static enum quire_status private_write(void *ctx, uint32_t pgidx, const void *page)
{
    const struct store_private *private = ctx;

    count(&private->object.store->swap_writes);
    return write_whole(private->object.store->swap, swap_offset(private, pgidx), page, QUIRE_PAGE_SIZE) ? QUIRE_OK : QUIRE_IO;
}

static void private_free(struct store_private *private)
{
    free(private->meta);
    free(private->slots);
    free(private);
}

static void private_release(void *ctx, struct quire_fobj *fobj)
{
    struct store_private *private = ctx;
    struct store *store = private->object.store;

    /* Gives the kernel its memory back; if it refuses, the swap file only stays larger than it need be. */
    (void)fallocate(store->swap, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)swap_offset(private, 0),
                    (off_t)((uint64_t)fobj->num_pages << QUIRE_PAGE_SHIFT));
    pthread_mutex_lock(&store->lock);
    *private->link = private->next;
    if (private->next != NULL) {
        private->next->link = private->link;
    }
    pthread_mutex_unlock(&store->lock);
    __atomic_fetch_sub(&store->objects, 1, __ATOMIC_RELAXED);
    private_free(private);
}

/* The planted fault: a load that says OK to a page it did not fill. */
static enum quire_status load_without_wipe(struct quire_io *io)
{
    return io->stored ? store_private_of(io->fobj)->inner->load(io) : QUIRE_OK;
}

static void plant_skip_wipe(struct store_private *private)
{
    private->inner = private->rw.base.ops;
    private->planted = *private->inner;
    private->planted.load = load_without_wipe;
    private->rw.base.ops = &private->planted;
}

static enum quire_status private_make(struct store_private *private, uint32_t npages)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = npages;
    config.slots = private->slots;
    config.store.ctx = private;
    config.store.npages = npages;
    config.store.read = private_read;
    config.store.write = private_write;
    config.sealing.sealer = private->object.store->sealer;
    config.sealing.meta = private->meta; /* memory of this process: what the store cannot write */
    config.ctx = private;
    config.release = private_release;
    return quire_fobj_rw_init(&private->rw, &config);
}

static void private_list(struct store_private *private)
{
    struct store *store = private->object.store;

    pthread_mutex_lock(&store->lock);
    private->next = store->private;
    private->link = &store->private;
    if (private->next != NULL) {
        private->next->link = &private->next;
    }
    store->private = private;
    pthread_mutex_unlock(&store->lock);
}

const char *store_private(struct store *store, const char *name, uint32_t npages, struct quire_fobj **out)
{
    struct store_private *private = calloc(1, sizeof *private);

    if (private == NULL) {
        return "no memory";
    }
    private->object.store = store;
    private->slots = calloc(npages, sizeof *private->slots);
    private->meta = store->sealer != NULL ? calloc(npages, sizeof *private->meta) : NULL;
    if (private->slots == NULL || (store->sealer != NULL && private->meta == NULL)) {
        private_free(private);
        return "no memory";
    }
    if (private_make(private, npages) != QUIRE_OK) {
        private_free(private);
        return "cannot be an object of Quire";
    }
    private->first_page = __atomic_fetch_add(&store->swap_used, npages, __ATOMIC_RELAXED);
    snprintf(private->object.name, sizeof private->object.name, "%s", name);
    private->rw.base.user = &private->object;
    if (store->skip_wipe) {
        plant_skip_wipe(private);
    }
    private_list(private);
    count(&store->objects);
    *out = &private->rw.base;
    return NULL;
}

bool store_is_private(const struct quire_fobj *fobj)
{
    return strcmp(fobj->ops->name, "rw") == 0;
}

struct store_private *store_private_of(struct quire_fobj *fobj)
{
    return QUIRE_CONTAINER_OF(fobj, struct store_private, rw.base);
}

/* ---- Set-up ---- */

/* What an earlier run said of the file is not true of a new one's. */
static void forget_map(const char *path)
{
    char map[4096];

    if (snprintf(map, sizeof map, "%s.map", path) < (int)sizeof map) {
        (void)unlink(map);
    }
}

const char *store_init(struct store *store, const char *path, bool keep)
{
    memset(store, 0, sizeof *store);
    pthread_mutex_init(&store->lock, NULL);
    if (path != NULL) {
        store->swap = open(path, O_CLOEXEC | (keep ? O_RDONLY : O_RDWR | O_CREAT | O_TRUNC), 0600);
        if (store->swap < 0) {
            return strerror(errno);
        }
        if (!keep) {
            forget_map(path);
        }
        return NULL;
    }
    store->swap = memfd_create("quire-swap", MFD_CLOEXEC);
    return store->swap >= 0 ? NULL : "no memfd for the swap file";
}

void store_fini(struct store *store)
{
    close(store->swap);
    pthread_mutex_destroy(&store->lock);
}

const char *store_name(const struct quire_fobj *fobj)
{
    const struct store_object *object = fobj->user;

    return object->name;
}
