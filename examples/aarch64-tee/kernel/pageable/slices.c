/* slices.c - the shared parts of applications: made once for each file, found again by its tag. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/slices.h"

#include "kernel/measure.h"
#include "kernel/mutex.h"
#include "kernel/pageable/heap.h"
#include "kernel/slice.h"
#include "lib/memory.h"

static struct quire_file_table table;
static struct mutex table_mutex;

/* ---- The table of files ---- */

static uintptr_t table_lock(void *ctx)
{
    (void)ctx;
    mutex_lock(&table_mutex);
    return 0;
}

static void table_unlock(void *ctx, uintptr_t key)
{
    (void)ctx;
    (void)key;
    mutex_unlock(&table_mutex);
}

static enum quire_status file_init(void *ctx, struct quire_file *file)
{
    (void)ctx;
    file->user = heap_zalloc(sizeof(struct mutex));
    return file->user != NULL ? QUIRE_OK : QUIRE_NO_MEMORY;
}

static void file_fini(void *ctx, struct quire_file *file)
{
    (void)ctx;
    heap_free(file->user, sizeof(struct mutex));
}

static void file_lock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    mutex_lock(file->user);
}

static bool file_trylock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    return mutex_trylock(file->user);
}

static void file_unlock(void *ctx, struct quire_file *file)
{
    (void)ctx;
    mutex_unlock(file->user);
}

enum quire_status slices_init(void)
{
    const struct quire_file_hooks hooks = {
        .lock = table_lock,
        .unlock = table_unlock,
        .file_init = file_init,
        .file_fini = file_fini,
        .file_lock = file_lock,
        .file_trylock = file_trylock,
        .file_unlock = file_unlock,
    };

    return quire_file_table_init(&table, &heap_mem, &hooks);
}

enum quire_status slices_file(const struct image *image, struct quire_file **file)
{
    enum quire_status status = quire_file_get_by_tag(&table, image->tag, sizeof image->tag, file);

    if (status == QUIRE_NOT_FOUND) {
        status = quire_file_new(&table, image->tag, sizeof image->tag, NULL, 0, file);
    }
    return status == QUIRE_EXISTS ? QUIRE_OK : status; /* another instance was faster, and this is its file */
}

/* ---- Slices ---- */

struct image_slice {
    struct slice slice;
    struct image *image;
};

static void slice_free(struct image_slice *made)
{
    struct slice *slice = &made->slice;

    heap_free(slice->slots, QUIRE_FOBJ_SLOT_BYTES(slice->npages));
    heap_free(slice->carries, QUIRE_RELOCS_CARRY_BYTES(slice->npages));
    heap_free(made, sizeof *made);
}

static void slice_reap(struct reapable *reapable)
{
    struct image_slice *made = QUIRE_CONTAINER_OF(reapable, struct image_slice, slice.reapable);

    image_put(made->image);
    slice_free(made);
}

static enum quire_status init(struct image_slice *made, const struct image_segment *segment)
{
    const struct image *image = made->image;
    struct slice *slice = &made->slice;
    uint64_t offset = (uint64_t)segment->file_page << QUIRE_PAGE_SHIFT;
    struct quire_fobj_ro_config config;

    slice->npages = segment->file_pages;
    slice->pa = image->pa + offset;
    slice->reapable.reap = slice_reap;
    slice->slots = heap_alloc(QUIRE_FOBJ_SLOT_BYTES(slice->npages));
    slice->carries = heap_zalloc(QUIRE_RELOCS_CARRY_BYTES(slice->npages));
    if (slice->slots == NULL || slice->carries == NULL) {
        return QUIRE_NO_MEMORY;
    }
    memset(&config, 0, sizeof config);
    config.len = (uint64_t)segment->file_pages << QUIRE_PAGE_SHIFT;
    config.len = image->size - offset < config.len ? image->size - offset : config.len;
    config.slots = slice->slots;
    config.max_prot = segment->prot & ~QUIRE_PROT_WRITE;
    config.ctx = slice;
    config.read = slice_read;
    config.hash.digest = slice_digest;
    config.hash.size = SHA256_BYTES;
    measure_ro_store(&config);
    config.hashes = image->hashes[segment->file_page];
    config.hashes_len = (size_t)segment->file_pages * SHA256_BYTES;
    config.relocs.offsets = segment->relocs;
    config.relocs.count = segment->num_relocs;
    config.relocs.bias = image->bias;
    config.relocs.word = sizeof(uint64_t);
    config.relocs.carries = slice->carries;
    config.release = slice_release;
    return quire_fobj_ro_init(&slice->ro, &config);
}

/* Makes the slice that nobody made yet: the caller has the file's lock. */
static enum quire_status make(struct quire_file *file, struct image *image, const struct image_segment *segment,
                              struct quire_fobj **out)
{
    struct image_slice *made = heap_zalloc(sizeof *made);
    struct quire_file_slice slice;
    enum quire_status status;

    if (made == NULL) {
        return QUIRE_NO_MEMORY;
    }
    made->image = image;
    status = init(made, segment);
    if (status != QUIRE_OK) {
        slice_free(made);
        return status;
    }
    image_get(image); /* until it is reaped */
    slice.fobj = &made->slice.ro.base;
    slice.page_offset = segment->file_page;
    slice.npages = segment->file_pages;
    slice.bias = image->bias;
    status = quire_file_add_slice(file, &slice);
    if (status == QUIRE_OK) {
        *out = slice.fobj;
    } else {
        (void)quire_fobj_put(slice.fobj);
    }
    return status;
}

enum quire_status slices_find(struct quire_file *file, struct image *image, const struct image_segment *segment,
                              struct quire_fobj **out)
{
    struct quire_file_slice slice;
    enum quire_status status = quire_file_lock(file);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_file_find_slice(file, segment->file_page, image->bias, &slice);
    *out = slice.fobj;
    if (status == QUIRE_NOT_FOUND) {
        status = make(file, image, segment, out);
    }
    (void)quire_file_unlock(file);
    return status;
}

bool slices_check(void)
{
    return quire_file_table_check(&table) == NULL;
}
