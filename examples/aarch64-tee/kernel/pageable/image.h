/* image.h - the applications that are known: ELF files in normal memory, believed by their hashes only. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_IMAGE_H
#define KERNEL_IMAGE_H

#include "../host/elf_image.h"
#include "../host/sha256.h"

/*
 * A file is copied into secure memory once, a page at a time, when it is registered: of that copy come its tag, the SHA-256 of all of it,
 * and the hash of each page. Whatever is read of the file later, its ELF headers too, is compared with those hashes first. So the normal
 * world may change the file at any time, and gains nothing but INTEGRITY.
 *
 * This kernel runs any application: it is told apart from others by its tag, and kept apart from them by the MMU. One that runs only
 * what somebody signed would look the tag up here.
 */
#define IMAGES_MAX 16u
#define IMAGE_BYTES_MAX 0x400000u

/* What a loader needs of one segment, in pages of the file. */
struct image_segment {
    uint64_t va;         /* of its first page, unbiased */
    uint32_t file_page;  /* its first page in the file ... */
    uint32_t file_pages; /* ... and how many; ... */
    uint32_t zero_pages; /* ... pages of zeros follow them */
    unsigned prot;       /* QUIRE_PROT_* */
    uint32_t *relocs;    /* offsets from the segment's first page, ascending */
    uint32_t num_relocs;
    uint32_t max_relocs; /* that there is memory for */
};

struct image {
    uint64_t name[2]; /* all zero: unused */
    uint64_t pa;
    uint64_t size;                   /* bytes */
    uint8_t (*hashes)[SHA256_BYTES]; /* of each page, zeros behind its end */
    uint8_t tag[SHA256_BYTES];       /* of the file */
    uintptr_t bias;  /* where it is loaded: random for this tag and boot, the same for all instances, which so share what
                                        was relocated, too */
    uintptr_t entry; /* unbiased */
    uint32_t num_segments;
    struct image_segment segment[ELF_SEGMENTS];
    uint32_t users; /* instances, and slices that read and verify with what is here */
};

/* Takes up the file of `size` bytes at `pa`, page-aligned, all of it normal memory. Returns a TEE_RESULT_*: ACCESS_CONFLICT if the name or
 * the file is known already. */
uint32_t image_register(const uint64_t name[2], uint64_t pa, uint64_t size);

/* Forgets it. ITEM_NOT_FOUND; BUSY: it has users. */
uint32_t image_unregister(const uint64_t name[2]);

/* Finds an image, which has one more user until it is put. Null: there is none. */
struct image *image_find(const uint64_t name[2]);

void image_get(struct image *image);
void image_put(struct image *image);

#endif
