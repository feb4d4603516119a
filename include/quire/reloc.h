/* quire/reloc.h - relocation, page by page: words of a file to which the address it is loaded at is added. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_RELOC_H
#define QUIRE_RELOC_H

#include "base.h"

/*
 * A table of offsets into a file, sorted. At each lies a word of 4 or 8 bytes, little-endian, to which `bias` is added, modulo its
 * size, in the copy of the page that is shown; the file stays as it is, and so tells nobody where it was loaded. fobj_ro.h
 * calls what is here; a user only fills in
 *
 *     struct quire_relocs relocs = {0};
 *     relocs.offsets = table;  relocs.count = n;  relocs.word = 8;  relocs.bias = where_it_lies - where_it_was_linked;
 *
 * An entry may straddle two pages. What is added to its upper part depends on whether its lower part carries, which the bytes
 * of the page before decide:
 *
 *     page N - 1                    page N
 *     ... [ w0 w1 w2 | carry --> ] [ w3 w4 w5 w6 w7 ] ...           two bits for page N - 1: known, and carries
 *
 * Invariants: only bytes of verified pages decide a carry; a carry once known is for good, since the file does not change.
 */
QUIRE_BEGIN

/* Memory for the carries of n pages. */
#define QUIRE_RELOCS_CARRY_BYTES(n) (((size_t)(n) + 15u) / 16u * sizeof(uint32_t))

struct quire_relocs {
    const uint32_t *offsets; /* bytes, ascending, no two words overlap; in memory that nobody else can write, until the end */
    size_t count;            /* any number; 0: nothing is relocated */
    uint64_t bias;           /* what is added; may be negative, modulo the word size */
    unsigned word;           /* bytes of a word: 4 or 8 */
    uint32_t *carries;       /* QUIRE_RELOCS_CARRY_BYTES(pages) bytes, all zero; null if no entry straddles two pages */
};

/* Is the table sorted, without overlaps, and inside of a file of `len` bytes, the word one of 4 and 8, and are there carries if
 * an entry straddles? O(count). */
QUIRE_API bool quire_relocs_valid(const struct quire_relocs *relocs, uint64_t len) QUIRE_SYM(quire_relocs_valid);

/* The first entry of the table that lies, in part at least, in page `pgidx` or behind it; `count`: none does. O(log count). */
QUIRE_API QUIRE_RESIDENT size_t quire_relocs_find(const struct quire_relocs *relocs, uint32_t pgidx)
    QUIRE_SYM(quire_relocs_find);

/* Must the page before be looked at, with quire_relocs_learn(), before page `pgidx` can be relocated? `first`: what
 * quire_relocs_find() says of it. O(1). */
QUIRE_API QUIRE_RESIDENT bool quire_relocs_unknown(const struct quire_relocs *relocs, uint32_t pgidx, size_t first)
    QUIRE_SYM(quire_relocs_unknown);

/* Remembers whether the entry that straddles the end of page `pgidx`, if one does, carries. `page`: as it is in the file,
 * verified. By several threads at once, for any pages. O(log count). */
QUIRE_API QUIRE_RESIDENT void quire_relocs_learn(const struct quire_relocs *relocs, uint32_t pgidx, const unsigned char *page)
    QUIRE_SYM(quire_relocs_learn);

/* Relocates `page`, which is as in the file, verified; and learns. Not before quire_relocs_unknown() is false. `first`: what
 * quire_relocs_find() says of it. O(entries of the page). */
QUIRE_API QUIRE_RESIDENT void quire_relocs_apply(const struct quire_relocs *relocs, uint32_t pgidx, size_t first,
                                                 unsigned char *page) QUIRE_SYM(quire_relocs_apply);

QUIRE_END

#endif /* QUIRE_RELOC_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_RELOC_IMPLEMENTED)
#define QUIRE_RELOC_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_RELOCS_KNOWN_ 1u
#define QUIRE_RELOCS_CARRIES_ 2u

QUIRE_API bool quire_relocs_valid(const struct quire_relocs *relocs, uint64_t len)
{
    uint64_t end = 0; /* of the entry before */
    bool straddles = false;
    size_t i;

    if (relocs->count == 0) {
        return true;
    }
    if (relocs->offsets == NULL || (relocs->word != 4u && relocs->word != 8u)) {
        return false;
    }
    for (i = 0; i < relocs->count; i++) {
        uint64_t offset = relocs->offsets[i];

        if (offset < end || len < relocs->word || offset > len - relocs->word) {
            return false;
        }
        end = offset + relocs->word;
        straddles = straddles || (offset & QUIRE_PAGE_MASK) > QUIRE_PAGE_SIZE - relocs->word;
    }
    return !straddles || relocs->carries != NULL;
}

QUIRE_API QUIRE_RESIDENT size_t quire_relocs_find(const struct quire_relocs *relocs, uint32_t pgidx)
{
    uint64_t start = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;
    const uint32_t *offset = relocs->offsets;
    size_t n = relocs->count;

    if (pgidx == 0 || n == 0) {
        return 0;
    }
    /* Those that are passed over end at `start` or before. */
    while (n > 0) {
        size_t half = (n + 1u) / 2u;

        offset += offset[half - 1u] <= start - relocs->word ? half : 0;
        n -= half;
    }
    return (size_t)(offset - relocs->offsets);
}

/* Adds bytes [from, to) of the bias, and `carry`, to those of a word at `byte`; returns the carry. `write` null: only that. */
static QUIRE_RESIDENT unsigned quire_relocs_add_(uint64_t bias, unsigned from, unsigned to, const unsigned char *byte,
                                                 unsigned char *write, unsigned carry)
{
    unsigned i;

    for (i = from; i < to; i++) {
        carry += byte[i - from] + (unsigned)(bias >> (8u * i) & 0xffu);
        if (write != NULL) {
            write[i - from] = (unsigned char)(carry & 0xffu);
        }
        carry >>= 8;
    }
    return carry;
}

static QUIRE_RESIDENT unsigned quire_relocs_carry_(const struct quire_relocs *relocs, uint32_t pgidx)
{
    return quire_atomic_load(&relocs->carries[pgidx / 16u]) >> (pgidx % 16u * 2u) & 3u;
}

/* The bits of the other pages of its word may be set at the same time. */
static QUIRE_RESIDENT void quire_relocs_remember_(const struct quire_relocs *relocs, uint32_t pgidx, unsigned carry)
{
    uint32_t *bits = &relocs->carries[pgidx / 16u];
    uint32_t more = (uint32_t)(QUIRE_RELOCS_KNOWN_ | (carry != 0 ? QUIRE_RELOCS_CARRIES_ : 0u)) << (pgidx % 16u * 2u);
    uint32_t seen = quire_atomic_load(bits);

    while ((seen & more) != more && !quire_atomic_cas(bits, &seen, seen | more)) {
    }
}

QUIRE_API QUIRE_RESIDENT bool quire_relocs_unknown(const struct quire_relocs *relocs, uint32_t pgidx, size_t first)
{
    uint64_t start = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;

    return first < relocs->count && relocs->offsets[first] < start && quire_relocs_carry_(relocs, pgidx - 1u) == 0;
}

QUIRE_API QUIRE_RESIDENT void quire_relocs_learn(const struct quire_relocs *relocs, uint32_t pgidx, const unsigned char *page)
{
    uint64_t start = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;
    uint64_t end = start + QUIRE_PAGE_SIZE;
    size_t i;

    if (relocs->carries == NULL || relocs->count == 0) {
        return;
    }
    i = quire_relocs_find(relocs, pgidx + 1u);
    if (i < relocs->count && relocs->offsets[i] < end) {
        unsigned here = (unsigned)(end - relocs->offsets[i]);

        quire_relocs_remember_(relocs, pgidx,
                               quire_relocs_add_(relocs->bias, 0, here, page + (QUIRE_PAGE_SIZE - here), NULL, 0));
    }
}

/* Adds to a whole word. (Compilers make one load and one store of this.) */
static QUIRE_RESIDENT void quire_relocs_add_4_(unsigned char *at, uint64_t bias)
{
    uint32_t value = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;

    value += (uint32_t)bias;
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
    at[2] = (unsigned char)(value >> 16);
    at[3] = (unsigned char)(value >> 24);
}

static QUIRE_RESIDENT void quire_relocs_add_8_(unsigned char *at, uint64_t bias)
{
    uint64_t value = (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24 |
                     (uint64_t)at[4] << 32 | (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 | (uint64_t)at[7] << 56;

    value += bias;
    at[0] = (unsigned char)value;
    at[1] = (unsigned char)(value >> 8);
    at[2] = (unsigned char)(value >> 16);
    at[3] = (unsigned char)(value >> 24);
    at[4] = (unsigned char)(value >> 32);
    at[5] = (unsigned char)(value >> 40);
    at[6] = (unsigned char)(value >> 48);
    at[7] = (unsigned char)(value >> 56);
}

QUIRE_API QUIRE_RESIDENT void quire_relocs_apply(const struct quire_relocs *relocs, uint32_t pgidx, size_t first,
                                                 unsigned char *page)
{
    uint64_t start = (uint64_t)pgidx << QUIRE_PAGE_SHIFT;
    uint64_t end = start + QUIRE_PAGE_SIZE;
    size_t i = first;

    if (i < relocs->count && relocs->offsets[i] < start) {
        unsigned before = (unsigned)(start - relocs->offsets[i]);
        unsigned carry = (quire_relocs_carry_(relocs, pgidx - 1u) & QUIRE_RELOCS_CARRIES_) != 0 ? 1u : 0u;

        (void)quire_relocs_add_(relocs->bias, before, relocs->word, page, page, carry);
        i++;
    }
    for (; i < relocs->count && (uint64_t)relocs->offsets[i] + relocs->word <= end; i++) {
        unsigned char *at = page + (size_t)(relocs->offsets[i] - start);

        if (relocs->word == 8u) {
            quire_relocs_add_8_(at, relocs->bias);
        } else {
            quire_relocs_add_4_(at, relocs->bias);
        }
    }
    if (i < relocs->count && relocs->offsets[i] < end) {
        unsigned here = (unsigned)(end - relocs->offsets[i]);
        unsigned char *at = page + (QUIRE_PAGE_SIZE - here);

        quire_relocs_remember_(relocs, pgidx, quire_relocs_add_(relocs->bias, 0, here, at, at, 0));
    }
}

QUIRE_END

#endif
