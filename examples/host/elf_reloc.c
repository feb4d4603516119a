/* elf_reloc.c - the relocations of an ELF file that nobody trusts. SPDX-License-Identifier: BSD-2-Clause */
#include "elf_image.h"

#include <elf.h>
#include <string.h>

#define DYNAMIC_ENTRIES 4096u
#define RELOCATIONS 65536u

struct table {
    uint64_t vaddr;
    uint64_t size;
};

/* What the dynamic section says. */
struct dynamic {
    struct table rela;
    struct table jmprel;
    uint64_t symtab; /* 0: none */
};

enum form { FORM_UNKNOWN, FORM_NONE, FORM_RELATIVE, FORM_SYMBOL };

static enum form form_of(unsigned machine, uint64_t type)
{
    if (machine == EM_X86_64) {
        switch (type) {
        case R_X86_64_NONE:
            return FORM_NONE;
        case R_X86_64_RELATIVE:
            return FORM_RELATIVE;
        case R_X86_64_64:
        case R_X86_64_GLOB_DAT:
        case R_X86_64_JUMP_SLOT:
            return FORM_SYMBOL;
        default:
            return FORM_UNKNOWN;
        }
    }
    if (machine == EM_AARCH64) {
        switch (type) {
        case R_AARCH64_NONE:
            return FORM_NONE;
        case R_AARCH64_RELATIVE:
            return FORM_RELATIVE;
        case R_AARCH64_ABS64:
        case R_AARCH64_GLOB_DAT:
        case R_AARCH64_JUMP_SLOT:
            return FORM_SYMBOL;
        default:
            return FORM_UNKNOWN;
        }
    }
    return FORM_UNKNOWN;
}

/* Reads `len` bytes that the image has at `vaddr`, from the file. */
static bool read_at(const struct elf_source *source, const struct elf_image *image, uint64_t vaddr, void *to, size_t len)
{
    const struct elf_segment *segment = elf_segment_at(image, vaddr, len, true);

    return segment != NULL && source->read(source->ctx, segment->offset + (vaddr - segment->vaddr), to, len);
}

/* Sorts one entry of the dynamic section; returns what is wrong with it. */
static const char *take_dynamic(struct dynamic *out, const Elf64_Dyn *entry)
{
    switch (entry->d_tag) {
    case DT_RELA:
        out->rela.vaddr = entry->d_un.d_ptr;
        return NULL;
    case DT_RELASZ:
        out->rela.size = entry->d_un.d_val;
        return NULL;
    case DT_JMPREL:
        out->jmprel.vaddr = entry->d_un.d_ptr;
        return NULL;
    case DT_PLTRELSZ:
        out->jmprel.size = entry->d_un.d_val;
        return NULL;
    case DT_SYMTAB:
        out->symtab = entry->d_un.d_ptr;
        return NULL;
    case DT_RELAENT:
        return entry->d_un.d_val == sizeof(Elf64_Rela) ? NULL : "relocations of an unknown size";
    case DT_SYMENT:
        return entry->d_un.d_val == sizeof(Elf64_Sym) ? NULL : "symbols of an unknown size";
    case DT_PLTREL:
        return entry->d_un.d_val == DT_RELA ? NULL : "relocations without addends";
    case DT_NEEDED:
        return "needs another object";
    case DT_REL:
    case DT_TEXTREL:
    case 36 /* DT_RELR, which older headers do not name */:
        return "relocations of an unsupported form";
    default:
        return NULL;
    }
}

static const char *read_dynamic(const struct elf_source *source, const struct elf_image *image, struct dynamic *out)
{
    uint64_t n = image->dynamic_size / sizeof(Elf64_Dyn);
    uint64_t i;

    memset(out, 0, sizeof *out);
    if (n > DYNAMIC_ENTRIES || image->dynamic > UINT64_MAX - image->dynamic_size) {
        return "the dynamic section is too large";
    }
    for (i = 0; i < n; i++) {
        Elf64_Dyn entry;
        const char *wrong;

        if (!read_at(source, image, image->dynamic + i * sizeof entry, &entry, sizeof entry)) {
            return "the dynamic section lies outside the segments";
        }
        if (entry.d_tag == DT_NULL) {
            return NULL;
        }
        wrong = take_dynamic(out, &entry);
        if (wrong != NULL) {
            return wrong;
        }
    }
    return n == 0 ? NULL : "the dynamic section has no end";
}

/* The value of symbol `index`, which the image must define itself. */
static const char *resolve(const struct elf_source *source, const struct elf_image *image, const struct dynamic *dynamic,
                           uint64_t index, struct elf_patch *patch)
{
    uint64_t offset = index * sizeof(Elf64_Sym); /* the index has 32 bits */
    Elf64_Sym symbol;

    if (dynamic->symtab == 0 || dynamic->symtab > UINT64_MAX - offset ||
        !read_at(source, image, dynamic->symtab + offset, &symbol, sizeof symbol)) {
        return "a symbol lies outside the segments";
    }
    if (symbol.st_shndx == SHN_UNDEF) {
        patch->value = 0;
        patch->biased = false;
        return ELF64_ST_BIND(symbol.st_info) == STB_WEAK ? NULL : "needs a symbol of another object";
    }
    if (ELF64_ST_TYPE(symbol.st_info) > STT_FUNC) {
        return "a symbol of an unsupported kind";
    }
    patch->value = symbol.st_value;
    patch->biased = symbol.st_shndx != SHN_ABS;
    return NULL;
}

static const char *make_patch(const struct elf_source *source, const struct elf_image *image, const struct dynamic *dynamic,
                              const Elf64_Rela *rela, struct elf_patch *patch)
{
    const struct elf_segment *segment = elf_segment_at(image, rela->r_offset, 8, false);
    enum form form = form_of(image->machine, ELF64_R_TYPE(rela->r_info));
    const char *wrong;

    if (form == FORM_UNKNOWN) {
        return "a relocation of an unknown kind";
    }
    if (segment == NULL || (segment->prot & QUIRE_PROT_WRITE) == 0) {
        return "a relocation outside the writable segments";
    }
    patch->vaddr = rela->r_offset;
    patch->value = 0;
    patch->biased = true;
    wrong = form == FORM_SYMBOL ? resolve(source, image, dynamic, ELF64_R_SYM(rela->r_info), patch) : NULL;
    patch->value += (uint64_t)rela->r_addend;
    return wrong;
}

static const char *relocate_table(const struct elf_source *source, const struct elf_image *image, const struct dynamic *dynamic,
                                  const struct table *table, bool (*patch)(void *ctx, const struct elf_patch *patch), void *ctx)
{
    uint64_t n = table->size / sizeof(Elf64_Rela);
    uint64_t i;

    if (n > RELOCATIONS || table->size % sizeof(Elf64_Rela) != 0 || table->vaddr > UINT64_MAX - table->size) {
        return "a relocation table has an impossible size";
    }
    for (i = 0; i < n; i++) {
        struct elf_patch one;
        Elf64_Rela rela;
        const char *wrong;

        if (!read_at(source, image, table->vaddr + i * sizeof rela, &rela, sizeof rela)) {
            return "a relocation table lies outside the segments";
        }
        if (form_of(image->machine, ELF64_R_TYPE(rela.r_info)) == FORM_NONE) {
            continue;
        }
        wrong = make_patch(source, image, dynamic, &rela, &one);
        if (wrong == NULL && !patch(ctx, &one)) {
            wrong = "a relocation could not be applied";
        }
        if (wrong != NULL) {
            return wrong;
        }
    }
    return NULL;
}

const char *elf_relocate(const struct elf_source *source, const struct elf_image *image,
                         bool (*patch)(void *ctx, const struct elf_patch *patch), void *ctx)
{
    struct dynamic dynamic;
    const char *wrong = read_dynamic(source, image, &dynamic);

    if (wrong == NULL) {
        wrong = relocate_table(source, image, &dynamic, &dynamic.rela, patch, ctx);
    }
    if (wrong == NULL) {
        wrong = relocate_table(source, image, &dynamic, &dynamic.jmprel, patch, ctx);
    }
    return wrong;
}
