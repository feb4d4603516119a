/* test_elf.c - the ELF reader against files that are hostile in every field. SPDX-License-Identifier: BSD-2-Clause
 *
 * Usage: test_elf FILE [COUNT [SEED]]
 *
 * FILE is a good shared object with relocations. Every field of its header, program headers, dynamic section, and of some
 * relocations and symbols gets every boundary value; then COUNT times several bytes change at random; then it is cut short.
 * Whatever the reader accepts must keep the promises of elf_image.h; built with -fsanitize=address, it must stay in its bounds.
 * Prints "ok - ..." or "not ok - ..." for each part.
 */
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "elf_image.h"

struct file {
    unsigned char *bytes; /* exactly `size` of them, so that a sanitizer sees the end */
    uint64_t size;
};

struct tally {
    uint64_t accepted;
    uint64_t refused;
    const char *broken; /* a promise that was not kept; null: none */
};

static unsigned char *good; /* the file as it should be */
static uint64_t good_size;

static bool read_bytes(void *ctx, uint64_t offset, void *to, size_t len)
{
    const struct file *file = ctx;

    if (offset > file->size || len > file->size - offset) {
        return false;
    }
    memcpy(to, file->bytes + offset, len);
    return true;
}

/* ---- What is promised ---- */

static const char *segment_broken(const struct elf_image *image, const struct elf_segment *segment, uint64_t size)
{
    uint64_t end = segment->first_page + segment->npages;

    if (segment->filesz > segment->memsz || segment->offset > size || segment->filesz > size - segment->offset) {
        return "a segment is not in the file";
    }
    if (segment->first_page < image->first_page || end > image->first_page + image->npages || segment->npages == 0) {
        return "a segment is not in the image";
    }
    if (segment->vaddr >> QUIRE_PAGE_SHIFT != segment->first_page ||
        (segment->vaddr + (segment->memsz - 1u)) >> QUIRE_PAGE_SHIFT != end - 1u) {
        return "a segment's pages are not those of its addresses";
    }
    if ((segment->prot & QUIRE_PROT_READ) == 0 || segment->prot == QUIRE_PROT_RWX) {
        return "a segment is writable and executable, or unreadable";
    }
    return NULL;
}

static const char *image_broken(const struct elf_image *image, uint64_t size)
{
    uint32_t i;

    if (image->num_segments == 0 || image->num_segments > ELF_SEGMENTS || image->npages > ELF_IMAGE_PAGES) {
        return "the image has impossible sizes";
    }
    for (i = 0; i < image->num_segments; i++) {
        const struct elf_segment *segment = &image->segment[i];
        const char *broken = segment_broken(image, segment, size);

        if (broken != NULL) {
            return broken;
        }
        if (i > 0 && segment[-1].first_page + segment[-1].npages > segment->first_page) {
            return "segments share a page or are out of order";
        }
    }
    return NULL;
}

struct patches {
    const struct elf_image *image;
    uint64_t n;
    const char *broken;
};

static bool take_patch(void *ctx, const struct elf_patch *patch)
{
    struct patches *patches = ctx;
    uint32_t i;

    for (i = 0; i < patches->image->num_segments; i++) {
        const struct elf_segment *segment = &patches->image->segment[i];

        if ((segment->prot & QUIRE_PROT_WRITE) != 0 && patch->vaddr >= segment->vaddr && segment->memsz >= 8u &&
            patch->vaddr - segment->vaddr <= segment->memsz - 8u) {
            patches->n++;
            return true;
        }
    }
    patches->broken = "a patch is not in a writable segment";
    return false;
}

/* Reads the file as a loader does. Returns null, or why it was refused; *broken is set if a promise was not kept. */
static const char *load(const struct file *file, uint64_t *patched, const char **broken)
{
    struct elf_source source = {read_bytes, (void *)(uintptr_t)file, file->size};
    struct elf_image image;
    struct patches patches = {&image, 0, NULL};
    const char *wrong = elf_parse(&source, &image);

    if (wrong != NULL) {
        return wrong;
    }
    *broken = image_broken(&image, file->size);
    if (*broken != NULL) {
        return NULL;
    }
    wrong = elf_relocate(&source, &image, take_patch, &patches);
    *broken = patches.broken;
    *patched = patches.n;
    return wrong;
}

static void attempt(const struct file *file, struct tally *tally)
{
    const char *broken = NULL;
    uint64_t patched = 0;

    if (load(file, &patched, &broken) == NULL) {
        tally->accepted++;
    } else {
        tally->refused++;
    }
    tally->broken = tally->broken != NULL ? tally->broken : broken;
}

static bool tell(const char *what, const struct tally *tally)
{
    bool passed = tally->broken == NULL && tally->refused > 0;

    printf("%s - %s: %llu accepted, %llu refused%s%s\n", passed ? "ok" : "not ok", what, (unsigned long long)tally->accepted,
           (unsigned long long)tally->refused, tally->broken != NULL ? "; " : "", tally->broken != NULL ? tally->broken : "");
    return passed;
}

/* ---- Fields ---- */

struct field {
    uint64_t offset;
    size_t size;
};

static void put(struct file *file, const struct field *field, uint64_t value)
{
    uint16_t v16 = (uint16_t)value;
    uint32_t v32 = (uint32_t)value;
    uint8_t v8 = (uint8_t)value;
    const void *from = field->size == 1   ? (const void *)&v8
                       : field->size == 2 ? (const void *)&v16
                       : field->size == 4 ? (const void *)&v32
                                          : (const void *)&value;

    memcpy(file->bytes + field->offset, from, field->size);
}

static uint64_t get(const struct file *file, const struct field *field)
{
    uint64_t value = 0;

    memcpy(&value, file->bytes + field->offset, field->size); /* little-endian machines only, as the header says */
    return value;
}

static void try_value(struct file *file, const struct field *field, uint64_t value, struct tally *tally)
{
    put(file, field, value);
    attempt(file, tally);
    memcpy(file->bytes + field->offset, good + field->offset, field->size);
}

/* Every power of two and its neighbours, and the neighbours of the field's own value and of the file's size. */
static void try_field(struct file *file, const struct field *field, struct tally *tally)
{
    uint64_t own = get(file, field);
    unsigned bit;
    uint64_t d;

    if (field->offset > file->size || field->size > file->size - field->offset) {
        return;
    }
    for (bit = 0; bit < 64u; bit++) {
        for (d = 0; d < 3u; d++) {
            try_value(file, field, (UINT64_C(1) << bit) + d - 1u, tally);
            try_value(file, field, own + (UINT64_C(1) << bit) + d - 1u, tally);
            try_value(file, field, own - (UINT64_C(1) << bit) + d - 1u, tally);
            try_value(file, field, UINT64_MAX - (UINT64_C(1) << bit) + d, tally);
        }
    }
    for (d = 0; d < 80u; d++) {
        try_value(file, field, file->size + d - 72u, tally);
    }
}

#define FIELD(base, type, member)                                    \
    {                                                                \
        (base) + offsetof(type, member), sizeof(((type *)0)->member) \
    }

static void try_fields(struct file *file, const struct field *fields, size_t n, struct tally *tally)
{
    size_t i;

    for (i = 0; i < n; i++) {
        try_field(file, &fields[i], tally);
    }
}

static bool header_fields(struct file *file)
{
    struct field fields[] = {
        FIELD(0, Elf64_Ehdr, e_type),     FIELD(0, Elf64_Ehdr, e_machine),   FIELD(0, Elf64_Ehdr, e_version),
        FIELD(0, Elf64_Ehdr, e_entry),    FIELD(0, Elf64_Ehdr, e_phoff),     FIELD(0, Elf64_Ehdr, e_shoff),
        FIELD(0, Elf64_Ehdr, e_flags),    FIELD(0, Elf64_Ehdr, e_ehsize),    FIELD(0, Elf64_Ehdr, e_phentsize),
        FIELD(0, Elf64_Ehdr, e_phnum),    FIELD(0, Elf64_Ehdr, e_shentsize), FIELD(0, Elf64_Ehdr, e_shnum),
        FIELD(0, Elf64_Ehdr, e_shstrndx),
    };
    struct tally tally = {0, 0, NULL};
    struct field byte = {0, 1};

    try_fields(file, fields, sizeof fields / sizeof fields[0], &tally);
    for (; byte.offset < EI_NIDENT; byte.offset++) {
        try_field(file, &byte, &tally);
    }
    return tell("every field of the header", &tally);
}

static bool program_header_fields(struct file *file)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)good;
    struct tally tally = {0, 0, NULL};
    unsigned i;

    for (i = 0; i < header->e_phnum; i++) {
        uint64_t at = header->e_phoff + i * sizeof(Elf64_Phdr);
        struct field fields[] = {
            FIELD(at, Elf64_Phdr, p_type),  FIELD(at, Elf64_Phdr, p_flags), FIELD(at, Elf64_Phdr, p_offset),
            FIELD(at, Elf64_Phdr, p_vaddr), FIELD(at, Elf64_Phdr, p_paddr), FIELD(at, Elf64_Phdr, p_filesz),
            FIELD(at, Elf64_Phdr, p_memsz), FIELD(at, Elf64_Phdr, p_align),
        };

        try_fields(file, fields, sizeof fields / sizeof fields[0], &tally);
    }
    return tell("every field of every program header", &tally);
}

/* The bytes at an address of the good image, as an offset in the file. */
static uint64_t offset_of(const struct elf_image *image, uint64_t vaddr)
{
    const struct elf_segment *segment = elf_segment_at(image, vaddr, 1, true);

    return segment != NULL ? segment->offset + (vaddr - segment->vaddr) : 0;
}

static uint64_t dynamic_value(const struct elf_image *image, int64_t tag)
{
    uint64_t at = offset_of(image, image->dynamic);
    Elf64_Dyn entry;

    do {
        memcpy(&entry, good + at, sizeof entry);
        at += sizeof entry;
    } while (entry.d_tag != tag && entry.d_tag != DT_NULL);
    return entry.d_tag == tag ? entry.d_un.d_val : 0;
}

static bool relocation_fields(struct file *file, const struct elf_image *image)
{
    uint64_t size = dynamic_value(image, DT_RELASZ);
    uint64_t at = offset_of(image, dynamic_value(image, DT_RELA));
    uint64_t symbol = offset_of(image, dynamic_value(image, DT_SYMTAB));
    uint64_t dynamic = offset_of(image, image->dynamic);
    struct tally tally = {0, 0, NULL};
    uint64_t i;

    for (i = 0; i < image->dynamic_size; i += 8u) {
        struct field field = {dynamic + i, 8};

        try_field(file, &field, &tally);
    }
    for (i = 0; i + sizeof(Elf64_Rela) <= size; i += sizeof(Elf64_Rela)) {
        if (i < 2u * sizeof(Elf64_Rela) || i + 3u * sizeof(Elf64_Rela) > size) {
            struct field fields[] = {FIELD(at + i, Elf64_Rela, r_offset), FIELD(at + i, Elf64_Rela, r_info)};

            try_fields(file, fields, 2, &tally);
        }
    }
    for (i = 0; i < 3u; i++) {
        uint64_t base = symbol + i * sizeof(Elf64_Sym);
        struct field fields[] = {FIELD(base, Elf64_Sym, st_info), FIELD(base, Elf64_Sym, st_shndx),
                                 FIELD(base, Elf64_Sym, st_value)};

        try_fields(file, fields, 3, &tally);
    }
    return tell("the dynamic section, relocations and symbols", &tally);
}

/* ---- At random, and cut short ---- */

static bool random_bytes(struct file *file, uint64_t count, uint64_t seed)
{
    uint64_t x = seed * 2u + 1u;
    struct tally tally = {0, 0, NULL};
    uint64_t round;
    unsigned i;
    char what[64];

    for (round = 0; round < count; round++) {
        for (i = 0; i < 4u; i++) {
            x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
            file->bytes[(x >> 33) % (i < 3u ? 1024u : file->size) % file->size] = (unsigned char)(x >> 25);
        }
        attempt(file, &tally);
        memcpy(file->bytes, good, file->size);
    }
    snprintf(what, sizeof what, "random bytes, seed %llu", (unsigned long long)seed);
    return tell(what, &tally);
}

static bool short_files(void)
{
    struct tally tally = {0, 0, NULL};
    uint64_t size = 0;

    while (size < good_size) {
        struct file file = {malloc(size + (size == 0)), size};

        if (file.bytes == NULL) {
            return false;
        }
        memcpy(file.bytes, good, size);
        attempt(&file, &tally);
        free(file.bytes);
        size += size < 2048u || good_size - size < 2048u ? 1u : 997u;
    }
    return tell("cut short", &tally);
}

/* ---- Some by name, with what is said ---- */

struct lie {
    struct field field;
    uint64_t value;
    const char *said;
};

static bool named(struct file *file)
{
    const Elf64_Ehdr *header = (const Elf64_Ehdr *)(const void *)good;
    uint64_t at = header->e_phoff;
    struct lie lies[] = {
        {{0, 1}, 0, "not an ELF file"},
        {{EI_CLASS, 1}, ELFCLASS32, "not a 64-bit"},
        {{EI_DATA, 1}, 3, "byte order"},
        {FIELD(0, Elf64_Ehdr, e_type), ET_REL, "neither a program"},
        {FIELD(0, Elf64_Ehdr, e_phentsize), 55, "header sizes"},
        {FIELD(0, Elf64_Ehdr, e_phnum), 0, "no program headers"},
        {FIELD(0, Elf64_Ehdr, e_phnum), 60000, "outside the file"},
        {FIELD(0, Elf64_Ehdr, e_phoff), UINT64_MAX - 7u, "outside the file"},
        {FIELD(at, Elf64_Phdr, p_filesz), UINT64_MAX, "larger in the file"},
        {FIELD(at, Elf64_Phdr, p_offset), UINT64_MAX - 4095u, "outside the file"},
        {FIELD(at, Elf64_Phdr, p_memsz), UINT64_MAX, "too large"},
        {FIELD(at, Elf64_Phdr, p_vaddr), UINT64_MAX - 7u, "end of the address space"},
        {FIELD(at, Elf64_Phdr, p_vaddr), UINT64_C(1) << 40, "out of order"},
        {FIELD(at, Elf64_Phdr, p_align), 3, "misaligned"},
        {FIELD(at, Elf64_Phdr, p_flags), PF_X, "nobody may read"},
        {FIELD(at, Elf64_Phdr, p_flags), PF_R | PF_W | PF_X, "writable and executable"},
    };
    size_t n = sizeof lies / sizeof lies[0];
    size_t bad = 0;
    size_t i;

    for (i = 0; i < n; i++) {
        const char *broken = NULL;
        uint64_t patched;
        const char *said;

        put(file, &lies[i].field, lies[i].value);
        said = load(file, &patched, &broken);
        if (said == NULL || strstr(said, lies[i].said) == NULL) {
            printf("not ok - lie %zu: \"%s\" was to be said, not \"%s\"\n", i, lies[i].said, said != NULL ? said : "nothing");
            bad++;
        }
        memcpy(file->bytes, good, file->size);
    }
    if (bad == 0) {
        printf("ok - %zu lies are called by their names\n", n);
    }
    return bad == 0;
}

/* ---- Set-up ---- */

static bool read_good(const char *path)
{
    FILE *file = fopen(path, "rb");
    long size = -1;

    if (file != NULL && fseek(file, 0, SEEK_END) == 0) {
        size = ftell(file);
        rewind(file);
    }
    if (size > 0) {
        good_size = (uint64_t)size;
        good = malloc(good_size);
    }
    if (good == NULL || fread(good, 1, good_size, file) != good_size) {
        fprintf(stderr, "test_elf: %s cannot be read\n", path);
        return false;
    }
    fclose(file);
    return true;
}

static bool the_good_one(const struct file *file, struct elf_image *image)
{
    struct elf_source source = {read_bytes, (void *)(uintptr_t)file, file->size};
    const char *broken = NULL;
    uint64_t patched = 0;
    const char *wrong = load(file, &patched, &broken);

    if (wrong != NULL || broken != NULL || patched == 0 || elf_parse(&source, image) != NULL || image->dynamic_size == 0) {
        printf("not ok - the good file: %s\n", wrong != NULL ? wrong : broken != NULL ? broken : "nothing to relocate");
        return false;
    }
    printf("ok - the good file: %u segments, %llu words relocated\n", image->num_segments, (unsigned long long)patched);
    return true;
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 0) : 20000u;
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 0) : 1u;
    struct elf_image image;
    struct file file;
    int bad = 0;

    if (argc < 2 || !read_good(argv[1])) {
        fputs("usage: test_elf FILE [COUNT [SEED]]\n", stderr);
        return 2;
    }
    file.bytes = malloc(good_size);
    file.size = good_size;
    if (file.bytes == NULL) {
        return 2;
    }
    memcpy(file.bytes, good, good_size);
    if (!the_good_one(&file, &image)) {
        return 1;
    }
    bad += !named(&file);
    bad += !header_fields(&file);
    bad += !program_header_fields(&file);
    bad += !relocation_fields(&file, &image);
    bad += !random_bytes(&file, count, seed);
    bad += !short_files();
    free(file.bytes);
    free(good);
    return bad != 0;
}
