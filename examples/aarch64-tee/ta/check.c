/* check.c - build step: is this file what abi/ta.h promises to the kernel? SPDX-License-Identifier: BSD-2-Clause */
#include <elf.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs on a little-endian host, as the file is. It trusts the linker not to be hostile, but not to have done what was wanted. */

#define PAGE 4096u
#define SEGMENTS 3

static const unsigned wanted_flags[SEGMENTS] = {PF_R | PF_X, PF_R, PF_R | PF_W};

static const char *path;
static unsigned char *file;
static uint64_t file_bytes;
static Elf64_Ehdr header;
static Elf64_Phdr segment[SEGMENTS];
static unsigned segments;

__attribute__((noreturn, format(printf, 1, 2))) static void wrong(const char *fmt, ...)
{
    va_list args;

    fprintf(stderr, "%s: ", path);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void read_file(void)
{
    FILE *in = fopen(path, "rb");
    long end;

    if (in == NULL || fseek(in, 0, SEEK_END) != 0 || (end = ftell(in)) < 0) {
        wrong("cannot be read");
    }
    rewind(in);
    file_bytes = (uint64_t)end;
    file = malloc(file_bytes + 1u);
    if (file == NULL || fread(file, 1, file_bytes, in) != file_bytes) {
        wrong("cannot be read");
    }
    fclose(in);
}

static void fetch(void *to, uint64_t offset, uint64_t bytes)
{
    if (offset > file_bytes || bytes > file_bytes - offset) {
        wrong("offset %#llx is outside the file", (unsigned long long)offset);
    }
    memcpy(to, file + offset, bytes);
}

static uint64_t page_up(uint64_t n)
{
    return (n + PAGE - 1u) / PAGE * PAGE;
}

static void check_header(void)
{
    fetch(&header, 0, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != EM_AARCH64 || header.e_type != ET_DYN) {
        wrong("no position-independent ELF64 file for AArch64");
    }
}

static void check_load(const Elf64_Phdr *ph)
{
    const Elf64_Phdr *before = segments > 0 ? &segment[segments - 1u] : NULL;
    uint64_t at;

    if (segments == SEGMENTS) {
        wrong("more than %d segments", SEGMENTS);
    }
    if (ph->p_flags != wanted_flags[segments]) {
        wrong("segment %u has flags %u, not %u", segments, (unsigned)ph->p_flags, wanted_flags[segments]);
    }
    if (ph->p_vaddr % PAGE != 0 || ph->p_offset % PAGE != 0) {
        wrong("segment %u does not begin at a page boundary", segments);
    }
    if (before == NULL ? ph->p_vaddr != 0 : ph->p_vaddr < before->p_vaddr + before->p_memsz) {
        wrong("segment %u begins at %#llx", segments, (unsigned long long)ph->p_vaddr);
    }
    if (ph->p_filesz > ph->p_memsz || ph->p_memsz == 0 || page_up(ph->p_offset + ph->p_filesz) > file_bytes) {
        wrong("segment %u: %#llx bytes in memory, %#llx in the file, whose last page may not be whole", segments,
              (unsigned long long)ph->p_memsz, (unsigned long long)ph->p_filesz);
    }
    for (at = ph->p_offset + ph->p_filesz; at % PAGE != 0; at++) {
        if (file[at] != 0) {
            wrong("segment %u: the rest of its last page, at %#llx, is not zero", segments, (unsigned long long)at);
        }
    }
    segment[segments++] = *ph;
}

/* The segment whose bytes in the file hold all of [vaddr, vaddr + bytes). */
static const Elf64_Phdr *segment_of(uint64_t vaddr, uint64_t bytes)
{
    unsigned i;

    for (i = 0; i < segments; i++) {
        const Elf64_Phdr *ph = &segment[i];

        if (vaddr >= ph->p_vaddr && vaddr - ph->p_vaddr <= ph->p_filesz && bytes <= ph->p_filesz - (vaddr - ph->p_vaddr)) {
            return ph;
        }
    }
    return NULL;
}

static void fetch_at(void *to, uint64_t vaddr, uint64_t bytes)
{
    const Elf64_Phdr *ph = segment_of(vaddr, bytes);

    if (ph == NULL) {
        wrong("address %#llx is in no segment of the file", (unsigned long long)vaddr);
    }
    fetch(to, ph->p_offset + (vaddr - ph->p_vaddr), bytes);
}

/* Whether some page of the file that a segment is loaded from has any of [offset, offset + bytes). */
static int touches_a_segment(uint64_t offset, uint64_t bytes)
{
    unsigned i;

    for (i = 0; i < segments; i++) {
        if (bytes > 0 && offset < page_up(segment[i].p_offset + segment[i].p_filesz) && offset + bytes > segment[i].p_offset) {
            return 1;
        }
    }
    return 0;
}

static void check_pages_are_exclusive(void)
{
    unsigned i;

    for (i = 1; i < segments; i++) {
        if (segment[i].p_filesz > 0 && segment[i].p_offset < page_up(segment[i - 1u].p_offset + segment[i - 1u].p_filesz)) {
            wrong("segments %u and %u share a page of the file", i - 1u, i);
        }
    }
    if (touches_a_segment(0, sizeof header) ||
        touches_a_segment(header.e_phoff, (uint64_t)header.e_phnum * sizeof(Elf64_Phdr)) ||
        touches_a_segment(header.e_shoff, (uint64_t)header.e_shnum * sizeof(Elf64_Shdr))) {
        wrong("the headers are in a page of a segment");
    }
    for (i = 0; i < header.e_shnum; i++) {
        Elf64_Shdr section;

        fetch(&section, header.e_shoff + i * sizeof section, sizeof section);
        if ((section.sh_flags & SHF_ALLOC) == 0 && section.sh_type != SHT_NOBITS && section.sh_type != SHT_NULL &&
            touches_a_segment(section.sh_offset, section.sh_size)) {
            wrong("section %u is not loaded, but in a page of a segment", i);
        }
    }
}

static void check_relocation(const Elf64_Rela *rela)
{
    const Elf64_Phdr *ph = segment_of(rela->r_offset, sizeof(uint64_t));
    const Elf64_Phdr *last = &segment[segments - 1u];
    uint64_t word;

    if (rela->r_info != ELF64_R_INFO(0, R_AARCH64_RELATIVE)) {
        wrong("a relocation of another kind, at %#llx", (unsigned long long)rela->r_offset);
    }
    if (ph == NULL || (ph->p_flags & PF_X) != 0 || rela->r_offset % sizeof word != 0) {
        wrong("a relocation of no aligned word of data, at %#llx", (unsigned long long)rela->r_offset);
    }
    fetch_at(&word, rela->r_offset, sizeof word);
    if (word != (uint64_t)rela->r_addend || word > last->p_vaddr + last->p_memsz) {
        wrong("the word at %#llx is not its relocation's addend", (unsigned long long)rela->r_offset);
    }
}

static uint64_t check_dynamic(const Elf64_Phdr *ph)
{
    uint64_t table = 0;
    uint64_t bytes = 0;
    uint64_t at;

    for (at = 0; at + sizeof(Elf64_Dyn) <= ph->p_filesz; at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;

        fetch_at(&entry, ph->p_vaddr + at, sizeof entry);
        switch (entry.d_tag) {
        case DT_RELA:
            table = entry.d_un.d_ptr;
            break;
        case DT_RELASZ:
            bytes = entry.d_un.d_val;
            break;
        case DT_NEEDED:
        case DT_TEXTREL:
        case DT_REL:
        case DT_JMPREL:
        case 36: /* DT_RELR, which older <elf.h> do not name */
        case DT_INIT:
        case DT_INIT_ARRAY:
            wrong("the dynamic section has an entry %lld", (long long)entry.d_tag);
        }
    }
    for (at = 0; at < bytes; at += sizeof(Elf64_Rela)) {
        Elf64_Rela rela;

        fetch_at(&rela, table + at, sizeof rela);
        check_relocation(&rela);
    }
    return bytes / sizeof(Elf64_Rela);
}

int main(int argc, char **argv)
{
    uint64_t relocations = 0;
    unsigned i;
    const Elf64_Phdr *entered;

    if (argc != 2) {
        fprintf(stderr, "usage: check FILE\n");
        return 2;
    }
    path = argv[1];
    read_file();
    check_header();
    for (i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr ph;

        fetch(&ph, header.e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type == PT_LOAD) {
            check_load(&ph);
        } else if (ph.p_type == PT_INTERP || ph.p_type == PT_TLS) {
            wrong("it wants an interpreter, or has thread-local data");
        }
    }
    if (segments != SEGMENTS) {
        wrong("not %d segments", SEGMENTS);
    }
    check_pages_are_exclusive();
    entered = segment_of(header.e_entry, sizeof(uint32_t));
    if (header.e_entry == 0 || entered == NULL || (entered->p_flags & PF_X) == 0 || header.e_entry % sizeof(uint32_t) != 0) {
        wrong("the entry is not in the code");
    }
    for (i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr ph;

        fetch(&ph, header.e_phoff + i * sizeof ph, sizeof ph);
        if (ph.p_type == PT_DYNAMIC) {
            relocations += check_dynamic(&ph);
        }
    }
    printf("%s: %llu KiB of code, %llu KiB of constants, %llu KiB of data; %llu relocations\n", path,
           (unsigned long long)(page_up(segment[0].p_memsz) / 1024u), (unsigned long long)(page_up(segment[1].p_memsz) / 1024u),
           (unsigned long long)(page_up(segment[2].p_memsz) / 1024u), (unsigned long long)relocations);
    return 0;
}
