/* elf_image.h - what a loader needs to know of an ELF file that nobody trusts. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_ELF_IMAGE_H
#define HOST_ELF_IMAGE_H

#include <quire/base.h>

/*
 * Reads 64-bit ELF files of this machine's byte order. Every field may hold anything: each is checked before it is used,
 * and what is wrong is said in words. Nothing is allocated. What an accepted image promises:
 *
 *   - 1..ELF_SEGMENTS segments in ascending order, no two on one page, all within `npages` pages from page `first_page`;
 *   - filesz <= memsz, and the file has all filesz bytes;
 *   - none is both writable and executable, all are readable.
 */
#define ELF_SEGMENTS 16u
#define ELF_IMAGE_PAGES (UINT64_C(1) << 18)

/* Where the bytes come from. `read` fetches exactly len bytes at offset, or returns false. */
struct elf_source {
    bool (*read)(void *ctx, uint64_t offset, void *to, size_t len);
    void *ctx;
    uint64_t size; /* bytes of the file */
};

struct elf_segment {
    uint64_t vaddr;
    uint64_t memsz;
    uint64_t offset;
    uint64_t filesz;
    uint64_t first_page; /* of the image, counted from address 0 */
    uint32_t npages;
    unsigned prot; /* QUIRE_PROT_READ, and WRITE or EXEC */
};

struct elf_image {
    uint64_t entry; /* unchecked: whoever jumps there looks at elf_segment_at() first */
    unsigned machine;
    uint32_t num_segments;
    struct elf_segment segment[ELF_SEGMENTS];
    uint64_t first_page;
    uint32_t npages;
    uint64_t dynamic; /* address and bytes of the dynamic section; 0 bytes: none */
    uint64_t dynamic_size;
};

/* Returns null if `image` is filled and its promises hold, else what is wrong. */
const char *elf_parse(const struct elf_source *source, struct elf_image *image);

/* The segment that holds all of [vaddr, vaddr + len), in the file or (in_file false) in memory; null if none does. */
const struct elf_segment *elf_segment_at(const struct elf_image *image, uint64_t vaddr, uint64_t len, bool in_file);

/* One 8-byte word to be patched. `biased`: the address the image was loaded at is to be added to `value`. */
struct elf_patch {
    uint64_t vaddr; /* all 8 bytes lie in one writable segment */
    uint64_t value;
    bool biased;
};

/* Calls `patch` for every relocation of the image until it returns false. Returns null, or what is wrong: then some patches
 * may have been handed out, and the image is not to be used. Knows the relocations of position-independent x86-64 and
 * aarch64 objects that need no other object. */
const char *elf_relocate(const struct elf_source *source, const struct elf_image *image,
                         bool (*patch)(void *ctx, const struct elf_patch *patch), void *ctx);

#endif
