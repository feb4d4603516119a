/* image.c - the applications that are known: ELF files in normal memory, believed by their hashes only. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/image.h"

#include <elf.h>

#include "abi/message.h"
#include "kernel/entropy.h"
#include "kernel/log.h"
#include "kernel/mutex.h"
#include "kernel/normal.h"
#include "kernel/pageable/heap.h"
#include "lib/memory.h"

#define PAGES(bytes) ((uint32_t)(((bytes) + QUIRE_PAGE_SIZE - 1u) >> QUIRE_PAGE_SHIFT))
#define RELOCS_MAX 65536u /* of one segment */
#define BIAS_FIRST ((uintptr_t)1 << 32)
#define BIAS_PAGES ((uintptr_t)1 << 24) /* 64 GiB of places */

static struct image images[IMAGES_MAX];
static struct mutex mutex;                 /* of the array, the names and the users */
static unsigned char secret[SHA256_BYTES]; /* of this boot; first used, it is drawn */
static bool secret_drawn;

/* ---- Reading, verified ---- */

/* A page of the file, in secure memory. */
struct page_reader {
    const struct image *image;
    unsigned char *page;
    uint32_t number; /* of the page; UINT32_MAX: none yet */
};

/* Copies page `number` of the file, zeros behind its end. */
static void fetch(const struct image *image, uint32_t number, unsigned char *page)
{
    uint64_t offset = (uint64_t)number << QUIRE_PAGE_SHIFT;
    size_t len = image->size - offset < QUIRE_PAGE_SIZE ? (size_t)(image->size - offset) : QUIRE_PAGE_SIZE;

    memcpy(page, normal_va(image->pa + offset), len);
    memset(page + len, 0, QUIRE_PAGE_SIZE - len);
}

static bool read_page(struct page_reader *reader, uint32_t number)
{
    unsigned char hash[SHA256_BYTES];

    if (reader->number == number) {
        return true;
    }
    reader->number = UINT32_MAX;
    fetch(reader->image, number, reader->page);
    sha256_of(reader->page, QUIRE_PAGE_SIZE, hash);
    if (memcmp(hash, reader->image->hashes[number], sizeof hash) != 0) {
        return false;
    }
    reader->number = number;
    return true;
}

/* A source of elf_image.h: [offset, offset + len) lies in the file. */
static bool read_bytes(void *ctx, uint64_t offset, void *to, size_t len)
{
    struct page_reader *reader = ctx;
    unsigned char *out = to;

    while (len > 0) {
        size_t begin = (size_t)(offset & QUIRE_PAGE_MASK);
        size_t n = QUIRE_PAGE_SIZE - begin < len ? QUIRE_PAGE_SIZE - begin : len;

        if (!read_page(reader, (uint32_t)(offset >> QUIRE_PAGE_SHIFT))) {
            return false;
        }
        memcpy(out, reader->page + begin, n);
        out += n;
        offset += n;
        len -= n;
    }
    return true;
}

/* ---- Relocations ---- */

struct rela {
    uint64_t offset; /* address in the file; 0 with size 0: there are none */
    uint64_t size;
};

static const char *find_rela(struct page_reader *reader, const struct elf_image *elf, struct rela *rela)
{
    const struct elf_segment *segment = elf_segment_at(elf, elf->dynamic, elf->dynamic_size, true);
    uint64_t address = 0;
    uint64_t offset;
    uint64_t end;

    rela->size = 0;
    if (elf->dynamic_size == 0) {
        return NULL;
    }
    if (segment == NULL) {
        return "the dynamic section lies outside the segments";
    }
    offset = segment->offset + (elf->dynamic - segment->vaddr);
    end = offset + elf->dynamic_size;
    for (; end - offset >= sizeof(Elf64_Dyn); offset += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;

        if (!read_bytes(reader, offset, &entry, sizeof entry)) {
            return "cannot be read";
        }
        if (entry.d_tag == DT_NULL) {
            break;
        }
        if (entry.d_tag == DT_NEEDED || entry.d_tag == DT_REL || entry.d_tag == DT_JMPREL) {
            return "needs other objects, or has relocations of another kind";
        }
        address = entry.d_tag == DT_RELA ? entry.d_un.d_ptr : address;
        rela->size = entry.d_tag == DT_RELASZ ? entry.d_un.d_val : rela->size;
    }
    if (rela->size == 0) {
        return NULL;
    }
    segment = elf_segment_at(elf, address, rela->size, true);
    if (segment == NULL || rela->size % sizeof(Elf64_Rela) != 0) {
        return "the relocations lie outside the segments";
    }
    rela->offset = segment->offset + (address - segment->vaddr);
    return NULL;
}

/* Walks the relocations: counts those of each segment, or, where there is memory for them by now, writes them down. */
static const char *walk_rela(struct page_reader *reader, const struct elf_image *elf, const struct rela *rela,
                             struct image *image)
{
    uint64_t done;

    for (done = 0; done < rela->size; done += sizeof(Elf64_Rela)) {
        const struct elf_segment *at;
        struct image_segment *segment;
        Elf64_Rela entry;

        if (!read_bytes(reader, rela->offset + done, &entry, sizeof entry)) {
            return "cannot be read";
        }
        at = elf_segment_at(elf, entry.r_offset, sizeof(uint64_t), true);
        if (entry.r_info != ELF64_R_INFO(0, R_AARCH64_RELATIVE) || at == NULL) {
            return "a relocation of another kind than RELATIVE, or outside the segments";
        }
        segment = &image->segment[at - elf->segment];
        if (segment->num_relocs == (segment->relocs != NULL ? segment->max_relocs : RELOCS_MAX)) {
            return "too many relocations";
        }
        if (segment->relocs != NULL) {
            segment->relocs[segment->num_relocs] = (uint32_t)(entry.r_offset - segment->va);
        }
        segment->num_relocs++;
    }
    return NULL;
}

static size_t relocs_bytes(const struct image_segment *segment)
{
    return (size_t)segment->max_relocs * sizeof *segment->relocs;
}

static const char *take_relocs(struct page_reader *reader, const struct elf_image *elf, struct image *image)
{
    struct rela rela;
    const char *wrong = find_rela(reader, elf, &rela);
    uint32_t i;

    if (wrong == NULL) {
        wrong = walk_rela(reader, elf, &rela, image);
    }
    for (i = 0; wrong == NULL && i < image->num_segments; i++) {
        struct image_segment *segment = &image->segment[i];

        segment->max_relocs = segment->num_relocs;
        segment->num_relocs = 0; /* the second walk counts anew, and stops where the first would not have */
        if (segment->max_relocs != 0) {
            segment->relocs = heap_alloc(relocs_bytes(segment));
            wrong = segment->relocs == NULL ? "no memory" : NULL;
        }
    }
    return wrong != NULL ? wrong : walk_rela(reader, elf, &rela, image);
}

/* ---- Segments ---- */

/* Are the bytes between `from` and the end of its page zero in the file? */
static bool tail_is_zero(struct page_reader *reader, uint64_t from)
{
    size_t i;

    if ((from & QUIRE_PAGE_MASK) == 0) {
        return true;
    }
    if (!read_page(reader, (uint32_t)(from >> QUIRE_PAGE_SHIFT))) {
        return false;
    }
    for (i = (size_t)(from & QUIRE_PAGE_MASK); i < QUIRE_PAGE_SIZE; i++) {
        if (reader->page[i] != 0) {
            return false;
        }
    }
    return true;
}

static const char *take_segment(struct page_reader *reader, const struct elf_segment *elf, struct image_segment *segment)
{
    if ((elf->vaddr & QUIRE_PAGE_MASK) != 0 || (elf->offset & QUIRE_PAGE_MASK) != 0) {
        return "a segment does not begin at a page";
    }
    if (!tail_is_zero(reader, elf->offset + elf->filesz)) {
        return "something follows a segment in its last page";
    }
    segment->va = elf->vaddr;
    segment->file_page = (uint32_t)(elf->offset >> QUIRE_PAGE_SHIFT);
    segment->file_pages = PAGES(elf->filesz);
    segment->zero_pages = PAGES(elf->memsz) - segment->file_pages;
    segment->prot = elf->prot;
    return NULL;
}

static const char *take_segments(struct page_reader *reader, struct image *image)
{
    struct elf_source source = {read_bytes, reader, image->size};
    struct elf_image elf;
    const char *wrong = elf_parse(&source, &elf);
    const struct elf_segment *entry;
    uint32_t i;

    if (wrong != NULL) {
        return wrong;
    }
    entry = elf_segment_at(&elf, elf.entry, sizeof(uint32_t), true);
    if (elf.machine != EM_AARCH64 || entry == NULL || (entry->prot & QUIRE_PROT_EXEC) == 0) {
        return "not of this machine, or its entry is no code";
    }
    if (elf.segment[elf.num_segments - 1u].first_page + elf.segment[elf.num_segments - 1u].npages > ELF_IMAGE_PAGES) {
        return "linked at too high an address";
    }
    image->entry = (uintptr_t)elf.entry;
    for (i = 0; wrong == NULL && i < elf.num_segments; i++) {
        wrong = take_segment(reader, &elf.segment[i], &image->segment[i]);
    }
    image->num_segments = elf.num_segments;
    return wrong != NULL ? wrong : take_relocs(reader, &elf, image);
}

/* ---- Registering ---- */

/* The one time that the file is believed as it is: what was copied here is what it is from now on. */
static void take_hashes(struct image *image, unsigned char *page)
{
    struct sha256 sha;
    uint32_t i;

    sha256_init(&sha);
    for (i = 0; i < PAGES(image->size); i++) {
        uint64_t left = image->size - ((uint64_t)i << QUIRE_PAGE_SHIFT);

        fetch(image, i, page);
        sha256_update(&sha, page, left < QUIRE_PAGE_SIZE ? (size_t)left : QUIRE_PAGE_SIZE);
        sha256_of(page, QUIRE_PAGE_SIZE, image->hashes[i]);
    }
    sha256_final(&sha, image->tag);
}

static void forget(struct image *image)
{
    uint32_t i;

    for (i = 0; i < ELF_SEGMENTS; i++) {
        heap_free(image->segment[i].relocs, relocs_bytes(&image->segment[i]));
    }
    heap_free(image->hashes, PAGES(image->size) * sizeof *image->hashes);
    memset(image, 0, sizeof *image);
}

static uint32_t take_file(struct image *image)
{
    struct page_reader reader = {image, heap_alloc(QUIRE_PAGE_SIZE), UINT32_MAX};
    const char *wrong = NULL;
    uint32_t result = TEE_RESULT_OK;

    image->hashes = heap_alloc(PAGES(image->size) * sizeof *image->hashes);
    if (reader.page == NULL || image->hashes == NULL) {
        result = TEE_RESULT_OUT_OF_MEMORY;
    } else {
        take_hashes(image, reader.page);
        wrong = take_segments(&reader, image);
        result = wrong != NULL ? TEE_RESULT_BAD_FORMAT : TEE_RESULT_OK;
    }
    heap_free(reader.page, QUIRE_PAGE_SIZE);
    return result;
}

/* Where files of this tag are loaded until the next boot. */
static uintptr_t choose_bias(const struct image *image)
{
    unsigned char both[2u * SHA256_BYTES];
    unsigned char digest[SHA256_BYTES];
    uint64_t place;

    if (!secret_drawn) {
        entropy_fill(secret, sizeof secret);
        secret_drawn = true;
    }
    memcpy(both, secret, sizeof secret);
    memcpy(both + sizeof secret, image->tag, sizeof image->tag);
    sha256_of(both, sizeof both, digest);
    memcpy(&place, digest, sizeof place);
    return BIAS_FIRST + ((place % BIAS_PAGES) << QUIRE_PAGE_SHIFT);
}

/* Another image with the tag of this one? */
static bool is_known(const struct image *image)
{
    uint32_t i;

    for (i = 0; i < IMAGES_MAX; i++) {
        if (&images[i] != image && (images[i].name[0] | images[i].name[1]) != 0 &&
            memcmp(images[i].tag, image->tag, sizeof image->tag) == 0) {
            return true;
        }
    }
    return false;
}

/* The image of that name, or an unused place (a name of zeros). */
static struct image *find(uint64_t first, uint64_t second)
{
    uint32_t i;

    for (i = 0; i < IMAGES_MAX; i++) {
        if (images[i].name[0] == first && images[i].name[1] == second) {
            return &images[i];
        }
    }
    return NULL;
}

uint32_t image_register(const uint64_t name[2], uint64_t pa, uint64_t size)
{
    struct image *image;
    uint32_t result;

    if ((name[0] | name[1]) == 0 || (pa & QUIRE_PAGE_MASK) != 0 || size == 0 || size > IMAGE_BYTES_MAX) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    if (!normal_contains(pa, size)) {
        return TEE_RESULT_ACCESS_DENIED;
    }
    mutex_lock(&mutex);
    image = find(0, 0);
    if (find(name[0], name[1]) != NULL) {
        result = TEE_RESULT_ACCESS_CONFLICT;
    } else if (image == NULL) {
        result = TEE_RESULT_OUT_OF_MEMORY;
    } else {
        image->pa = pa;
        image->size = size;
        result = take_file(image);
        if (result == TEE_RESULT_OK && is_known(image)) {
            result = TEE_RESULT_ACCESS_CONFLICT;
        }
        image->bias = choose_bias(image);
        memcpy(image->name, name, sizeof image->name);
        if (result != TEE_RESULT_OK) {
            forget(image);
        }
    }
    mutex_unlock(&mutex);
    return result;
}

uint32_t image_unregister(const uint64_t name[2])
{
    uint32_t result = TEE_RESULT_OK;
    struct image *image;

    mutex_lock(&mutex);
    image = (name[0] | name[1]) != 0 ? find(name[0], name[1]) : NULL;
    if (image == NULL) {
        result = TEE_RESULT_ITEM_NOT_FOUND;
    } else if (image->users != 0) {
        result = TEE_RESULT_BUSY;
    } else {
        forget(image);
    }
    mutex_unlock(&mutex);
    return result;
}

struct image *image_find(const uint64_t name[2])
{
    struct image *image;

    mutex_lock(&mutex);
    image = (name[0] | name[1]) != 0 ? find(name[0], name[1]) : NULL;
    if (image != NULL) {
        image->users++;
    }
    mutex_unlock(&mutex);
    return image;
}

void image_get(struct image *image)
{
    mutex_lock(&mutex);
    image->users++;
    mutex_unlock(&mutex);
}

void image_put(struct image *image)
{
    mutex_lock(&mutex);
    image->users--;
    mutex_unlock(&mutex);
}
