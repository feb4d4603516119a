/* elf_image.c - headers and segments of an ELF file that nobody trusts. SPDX-License-Identifier: BSD-2-Clause */
#include "elf_image.h"

#include <elf.h>
#include <string.h>

/* One more than the last page that [vaddr, vaddr + len) touches; len > 0, and the range is known not to wrap. */
static uint64_t page_end(uint64_t vaddr, uint64_t len)
{
    return ((vaddr + (len - 1u)) >> QUIRE_PAGE_SHIFT) + 1u;
}

static const char *check_header(const Elf64_Ehdr *header, uint64_t file_size)
{
    static const uint16_t probe = 1;
    unsigned char native = *(const unsigned char *)&probe == 1 ? ELFDATA2LSB : ELFDATA2MSB;

    if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0) {
        return "not an ELF file";
    }
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_ident[EI_DATA] != native) {
        return "not a 64-bit ELF file of this machine's byte order";
    }
    if (header->e_ident[EI_VERSION] != EV_CURRENT || header->e_version != EV_CURRENT) {
        return "unknown ELF version";
    }
    if (header->e_type != ET_EXEC && header->e_type != ET_DYN) {
        return "neither a program nor a shared object";
    }
    if (header->e_ehsize != sizeof(Elf64_Ehdr) || header->e_phentsize != sizeof(Elf64_Phdr)) {
        return "header sizes are not those of a 64-bit ELF file";
    }
    if (header->e_phnum == 0 || header->e_phnum == PN_XNUM) {
        return "no program headers, or too many";
    }
    if (header->e_phoff > file_size || (uint64_t)header->e_phnum * sizeof(Elf64_Phdr) > file_size - header->e_phoff) {
        return "the program headers lie outside the file";
    }
    return NULL;
}

static const char *check_load(const Elf64_Phdr *ph, uint64_t file_size)
{
    if (ph->p_filesz > ph->p_memsz) {
        return "a segment is larger in the file than in memory";
    }
    if (ph->p_offset > file_size || ph->p_filesz > file_size - ph->p_offset) {
        return "a segment lies outside the file";
    }
    if (ph->p_memsz - 1u > UINT64_MAX - ph->p_vaddr) {
        return "a segment passes the end of the address space";
    }
    if (page_end(ph->p_vaddr, ph->p_memsz) - (ph->p_vaddr >> QUIRE_PAGE_SHIFT) > ELF_IMAGE_PAGES) {
        return "a segment is too large";
    }
    if (ph->p_align > 1u &&
        ((ph->p_align & (ph->p_align - 1u)) != 0 || ((ph->p_vaddr ^ ph->p_offset) & (ph->p_align - 1u)) != 0)) {
        return "a segment is misaligned";
    }
    if ((ph->p_flags & PF_R) == 0) {
        return "a segment that nobody may read";
    }
    if ((ph->p_flags & PF_W) != 0 && (ph->p_flags & PF_X) != 0) {
        return "a segment is writable and executable";
    }
    return NULL;
}

static const char *add_segment(struct elf_image *image, const Elf64_Phdr *ph)
{
    uint64_t first = ph->p_vaddr >> QUIRE_PAGE_SHIFT;
    uint64_t end = page_end(ph->p_vaddr, ph->p_memsz);
    struct elf_segment *segment;

    if (image->num_segments == ELF_SEGMENTS) {
        return "too many segments";
    }
    if (image->num_segments == 0) {
        image->first_page = first;
    } else if (first < image->first_page + image->npages) {
        return "segments overlap, share a page, or are out of order";
    }
    if (end - image->first_page > ELF_IMAGE_PAGES) {
        return "the segments lie too far apart";
    }
    image->npages = (uint32_t)(end - image->first_page);
    segment = &image->segment[image->num_segments++];
    segment->vaddr = ph->p_vaddr;
    segment->memsz = ph->p_memsz;
    segment->offset = ph->p_offset;
    segment->filesz = ph->p_filesz;
    segment->first_page = first;
    segment->npages = (uint32_t)(end - first);
    segment->prot = QUIRE_PROT_READ;
    segment->prot |= (ph->p_flags & PF_W) != 0 ? QUIRE_PROT_WRITE : 0u;
    segment->prot |= (ph->p_flags & PF_X) != 0 ? QUIRE_PROT_EXEC : 0u;
    return NULL;
}

static const char *take_program_header(struct elf_image *image, const Elf64_Phdr *ph, uint64_t file_size)
{
    const char *wrong;

    if (ph->p_type == PT_DYNAMIC) {
        if (image->dynamic_size != 0) {
            return "two dynamic sections";
        }
        image->dynamic = ph->p_vaddr;
        image->dynamic_size = ph->p_filesz;
    }
    if (ph->p_type != PT_LOAD || ph->p_memsz == 0) {
        return NULL;
    }
    wrong = check_load(ph, file_size);
    return wrong != NULL ? wrong : add_segment(image, ph);
}

const char *elf_parse(const struct elf_source *source, struct elf_image *image)
{
    Elf64_Ehdr header;
    const char *wrong;
    unsigned i;

    memset(image, 0, sizeof *image);
    if (source->size < sizeof header) {
        return "too short to be an ELF file";
    }
    if (!source->read(source->ctx, 0, &header, sizeof header)) {
        return "cannot be read";
    }
    wrong = check_header(&header, source->size);
    for (i = 0; wrong == NULL && i < header.e_phnum; i++) {
        Elf64_Phdr ph;

        if (!source->read(source->ctx, header.e_phoff + i * sizeof ph, &ph, sizeof ph)) {
            return "cannot be read";
        }
        wrong = take_program_header(image, &ph, source->size);
    }
    image->entry = header.e_entry;
    image->machine = header.e_machine;
    return wrong == NULL && image->num_segments == 0 ? "nothing to load" : wrong;
}

const struct elf_segment *elf_segment_at(const struct elf_image *image, uint64_t vaddr, uint64_t len, bool in_file)
{
    uint32_t i;

    for (i = 0; i < image->num_segments; i++) {
        const struct elf_segment *segment = &image->segment[i];
        uint64_t size = in_file ? segment->filesz : segment->memsz;

        if (vaddr >= segment->vaddr && vaddr - segment->vaddr <= size && len <= size - (vaddr - segment->vaddr)) {
            return segment;
        }
    }
    return NULL;
}
