/* loader.c - what a TA loader does. SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "sha256.h"

/*
 *   tag = SHA-256 of the whole file
 *   quire_file_get_by_tag(), or quire_file_new()  -> the file, perhaps one that another context made
 *     each segment: quire_file_find_slice(), or make the object and quire_file_add_slice()
 *     each writable segment: an object of its own, a copy on write of that slice: what nobody writes is verified once and in memory
 *     once, for all contexts; then the payload's words are relocated, which makes their pages its own
 *
 * A slice is named by where its first page lies in the loaded image: segments that lie in one page of the file are at
 * different pages of the image, so slices never overlap.
 */

#define COPY_BYTES ((size_t)64 << 10)

static const char *take_tag(const struct host_file *file, unsigned char tag[SHA256_BYTES])
{
    unsigned char *buffer = malloc(COPY_BYTES);
    struct sha256 sha;
    uint64_t offset = 0;

    sha256_init(&sha);
    while (buffer != NULL && offset < file->size) {
        size_t len = file->size - offset < COPY_BYTES ? (size_t)(file->size - offset) : COPY_BYTES;

        if (!plan_read(file, offset, buffer, len)) {
            free(buffer);
            return "cannot be read";
        }
        sha256_update(&sha, buffer, len);
        offset += len;
    }
    sha256_final(&sha, tag);
    if (buffer == NULL) {
        return "no memory";
    }
    free(buffer);
    return NULL;
}

/* ---- Mapping ---- */

/* Maps `fobj` as segment `i`. The first segment goes where the whole image fits, the others to their places behind it. */
static const char *map_segment(struct context *context, struct loaded *loaded, uint32_t i, struct quire_fobj *fobj,
                               unsigned prot)
{
    const struct elf_image *image = &loaded->file->image;
    const struct elf_segment *segment = &image->segment[i];
    struct quire_mapping mapping;
    enum quire_status status;
    uintptr_t va;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = fobj;
    mapping.prot = prot | QUIRE_PROT_USER;
    mapping.user = loaded->file->payload ? HOST_EXECUTED : NULL;
    if (i == 0) {
        mapping.va = QUIRE_VA_ANY;
        mapping.min = context->vm.first + (uintptr_t)(context_random(context, 32) << QUIRE_PAGE_SHIFT);
        mapping.pad_before = 1;
        mapping.pad_after = image->npages - segment->npages + 1u;
    } else {
        mapping.va = loaded->bias + (uintptr_t)(segment->first_page << QUIRE_PAGE_SHIFT);
    }
    status = quire_vm_map(&context->vm, &mapping, &va);
    if (status != QUIRE_OK) {
        return quire_status_name(status);
    }
    host_name_object(context->host, fobj);
    if (i == 0) {
        loaded->bias = va - (uintptr_t)(segment->first_page << QUIRE_PAGE_SHIFT);
    }
    loaded->segment[i].segment = segment;
    loaded->segment[i].va = va;
    return NULL;
}

/* ---- Slices ---- */

/* Finds the slice of a segment, or makes it. The caller has the file's lock, so nobody makes it twice. */
static const char *get_slice(struct context *context, struct loaded *loaded, const struct elf_segment *segment,
                             struct quire_file_slice *slice)
{
    uint32_t offset = (uint32_t)(segment->first_page - loaded->file->image.first_page);
    enum quire_status status = quire_file_find_slice(loaded->shared, offset, 0, slice);
    const char *wrong;

    if (status == QUIRE_OK) {
        counter_add(&context->figures.slices_found, 1);
        return NULL;
    }
    if (status != QUIRE_NOT_FOUND) {
        return quire_status_name(status);
    }
    wrong = store_slice(&context->host->store, loaded->file->path, segment, loaded->file->payload, &slice->fobj);
    if (wrong != NULL) {
        return wrong;
    }
    slice->page_offset = offset;
    slice->npages = segment->npages;
    slice->bias = 0;
    status = quire_file_add_slice(loaded->shared, slice);
    if (status != QUIRE_OK) {
        (void)quire_fobj_put(slice->fobj);
        return quire_status_name(status);
    }
    counter_add(&context->figures.slices_made, 1);
    return NULL;
}

/* ... with a reference for the caller. */
static const char *take_slice(struct context *context, struct loaded *loaded, uint32_t i, struct quire_file_slice *slice)
{
    const char *wrong;

    if (quire_file_lock(loaded->shared) != QUIRE_OK) {
        return "no lock of the file";
    }
    wrong = get_slice(context, loaded, &loaded->file->image.segment[i], slice);
    (void)quire_file_unlock(loaded->shared);
    return wrong;
}

static const char *load_slice(struct context *context, struct loaded *loaded, uint32_t i)
{
    struct quire_file_slice slice;
    const char *wrong = take_slice(context, loaded, i, &slice);

    if (wrong != NULL) {
        return wrong;
    }
    wrong = map_segment(context, loaded, i, slice.fobj, loaded->file->image.segment[i].prot);
    (void)quire_fobj_put(slice.fobj); /* the area has its own reference */
    return wrong;
}

/* ---- Writable segments ---- */

/* Makes the context's copy on write of `origin`, and maps it. */
static const char *map_copy(struct context *context, struct loaded *loaded, uint32_t i, struct quire_fobj *origin)
{
    const struct elf_segment *segment = &loaded->file->image.segment[i];
    struct host *host = context->host;
    enum quire_status status;
    struct quire_fobj *copy;
    const char *wrong;
    char name[48];

    snprintf(name, sizeof name, "%.32s %u", store_name(origin), context->index);
    wrong = store_private(&host->store, name, segment->npages, &copy);
    if (wrong != NULL) {
        return wrong;
    }
    status = quire_fobj_cow_make(&host->pager, copy, origin);
    wrong = status == QUIRE_OK ? map_segment(context, loaded, i, copy, segment->prot) : quire_status_name(status);
    if (wrong == NULL) {
        host_name_object(host, origin);
    }
    (void)quire_fobj_put(copy);
    return wrong;
}

static const char *load_private(struct context *context, struct loaded *loaded, uint32_t i)
{
    struct quire_file_slice slice;
    const char *wrong;

    loaded->segment[i].generation = calloc(loaded->file->image.segment[i].npages, sizeof(uint32_t));
    if (loaded->segment[i].generation == NULL) {
        return "no memory";
    }
    wrong = take_slice(context, loaded, i, &slice);
    if (wrong != NULL) {
        return wrong;
    }
    wrong = map_copy(context, loaded, i, slice.fobj);
    (void)quire_fobj_put(slice.fobj); /* the copy has its own reference */
    return wrong;
}

struct patching {
    struct context *context;
    const struct loaded *loaded;
};

static bool apply_patch(void *ctx, const struct elf_patch *patch)
{
    const struct patching *patching = ctx;
    struct quire_vm_copy how = {.privileged = false, .wait_ok = true, .thread = patching->context->index};
    uint64_t value = patch->value + (patch->biased ? patching->loaded->bias : 0u);

    return quire_vm_copy_to(&patching->context->vm, patching->loaded->bias + (uintptr_t)patch->vaddr, &value, sizeof value,
                            &how, NULL) == QUIRE_OK;
}

static const char *relocate(struct context *context, const struct loaded *loaded)
{
    struct elf_source source = plan_source(loaded->file);
    struct patching patching;

    patching.context = context;
    patching.loaded = loaded;
    return elf_relocate(&source, &loaded->file->image, apply_patch, &patching);
}

/* ---- Loading ---- */

static const char *load(struct context *context, struct loaded *loaded)
{
    const struct elf_image *image = &loaded->file->image;
    unsigned char tag[SHA256_BYTES];
    const char *wrong = take_tag(loaded->file, tag);
    enum quire_status status;
    uint32_t i;

    if (wrong != NULL) {
        return wrong;
    }
    status = quire_file_get_by_tag(&context->host->table, tag, sizeof tag, &loaded->shared);
    if (status == QUIRE_NOT_FOUND) {
        status = quire_file_new(&context->host->table, tag, sizeof tag, NULL, 0, &loaded->shared);
    }
    if (status != QUIRE_OK && status != QUIRE_EXISTS) { /* EXISTS: another context was faster, and this is its file */
        return quire_status_name(status);
    }
    for (i = 0; wrong == NULL && i < image->num_segments; i++) {
        bool writable = (image->segment[i].prot & QUIRE_PROT_WRITE) != 0;

        wrong = writable ? load_private(context, loaded, i) : load_slice(context, loaded, i);
    }
    return wrong == NULL && loaded->file->payload ? relocate(context, loaded) : wrong;
}

const char *loader_unload(struct context *context, struct loaded *loaded)
{
    const char *wrong = NULL;
    uint32_t i;

    for (i = 0; i < ELF_SEGMENTS; i++) {
        struct loaded_segment *segment = &loaded->segment[i];

        if (segment->va != 0) {
            enum quire_status status = quire_vm_unmap(&context->vm, segment->va, segment->segment->npages);

            wrong = status == QUIRE_OK ? wrong : quire_status_name(status);
        }
        free(segment->generation);
    }
    if (loaded->shared != NULL) {
        enum quire_status status = quire_file_put(loaded->shared);

        wrong = status == QUIRE_OK ? wrong : quire_status_name(status);
    }
    memset(loaded, 0, sizeof *loaded);
    return wrong;
}

const char *loader_load(struct context *context, const struct host_file *file, struct loaded *out)
{
    const char *wrong;

    memset(out, 0, sizeof *out);
    out->file = file;
    wrong = load(context, out);
    if (wrong != NULL) {
        (void)loader_unload(context, out);
    }
    return wrong;
}
