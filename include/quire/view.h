/* quire/view.h - a bounded window on memory that another world can write. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_VIEW_H
#define QUIRE_VIEW_H

#include "base.h"

/*
 * What two worlds share may change between any two reads of it. A view gives no pointer to it, only operations that check
 * bounds and touch each byte once; whatever is decided on is read from private memory, where it stands still.
 *
 *     quire_view_make(va, pa, size, &window);                     what this world mapped, and where it lies physically
 *     quire_view_slice_pa(&window, pa_from_them, len, &message);  INVALID unless all of it is inside
 *     quire_view_snapshot(&message, 0, buffer, len, &snap);       the one fetch
 *     quire_snapshot_u32(&snap, 4, &count);                       decoders see the snapshot and nothing else
 *
 *       virtual:   va           va + offset          va + size - 1            numbers, not pointers: `*view.va` does not
 *                  |----------------[== slice ==]----------------|            compile, nor does memcpy() from it (C++, or
 *       physical:  pa           pa + offset          pa + size - 1            C with -Werror or -pedantic-errors)
 *                                     |
 *                                     | snapshot: each byte once
 *                                     v
 *       private:                [== snapshot ==]  --> quire_snapshot_u8(), _u16(), _u32(), _u64(), _bytes()
 *
 * A view owns nothing and is freely copied. It is itself private: keep it where the other world cannot write.
 *
 * How memory is touched. The compiler can neither repeat, drop, merge nor reorder these accesses:
 *   - load and store of 8, 16, 32 and 64 bits: ONE access of that width where the address is a multiple of it (64 bits where
 *     registers hold them; elsewhere two of 32, the lower address first); else byte by byte, ascending. Always little-endian.
 *   - snapshot, write and fill: ascending; machine words at multiples of a word, bytes at the ends.
 * Each byte exactly once, and no byte outside of what was asked for. None of them is a barrier for other processors or devices:
 * where a doorbell must not overtake the message, put yours between the two.
 *
 * Invariants: a view that was made is not empty and neither of its ranges wraps (the last byte may be the last there is); a
 * slice lies within its view; va and pa differ by the same amount throughout. A zeroed view refuses everything.
 *
 * QUIRE_VIEW_FETCH(va, len), if the configuration defines it, is called before each single access that reads shared memory:
 * a test's ledger of what was fetched, and how often.
 */
#ifndef QUIRE_VIEW_FETCH
#define QUIRE_VIEW_FETCH(va, len) ((void)0)
#endif

QUIRE_BEGIN

/* Read the fields if you like; only the functions below fill them. */
struct quire_view {
    uintptr_t va;       /* first byte, as this world maps it; a number on purpose */
    struct quire_pa pa; /* the same byte, physically */
    size_t size;        /* bytes; 0 only in a view that was never made */
};

/* Private memory with a message in it that was fetched once. Only quire_view_snapshot() makes one. */
struct quire_snapshot {
    const unsigned char *bytes; /* the caller's buffer, which outlives the snapshot and is not written meanwhile */
    size_t len;                 /* bytes */
};

/*
 * All of this: O(1) unless it says otherwise; takes no lock, does not sleep, and faults only if the window is not mapped.
 * INVALID: a null pointer, an empty range, one that wraps, or one that is not all inside; then nothing was read or written,
 * in shared memory or private. What the other world sent goes in unchecked: lengths of physical ranges have 64 bits, also
 * where size_t has 32.
 */

/* ---- Windows ---- */

/* Makes a window of `size` bytes, mapped at `va`, physically at `pa`. Both ranges may end with the last byte there is. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_make(uintptr_t va, struct quire_pa pa, size_t size,
                                                             struct quire_view *view) QUIRE_SYM(quire_view_make);

/* Makes a view of the `len` bytes at `offset` of `view`, which the slice may replace: quire_view_slice(&v, 8, 16, &v). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_slice(const struct quire_view *view, size_t offset, size_t len,
                                                              struct quire_view *slice) QUIRE_SYM(quire_view_slice);

/* The same by virtual range ... */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_slice_va(const struct quire_view *view, uintptr_t va, size_t len,
                                                                 struct quire_view *slice) QUIRE_SYM(quire_view_slice_va);

/* ... and by physical range: how an address that the other world sent becomes something to read. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_slice_pa(const struct quire_view *view, struct quire_pa pa,
                                                                 uint64_t len, struct quire_view *slice)
    QUIRE_SYM(quire_view_slice_pa);

/* Does all of [va, va + len) lie in the view? false for len 0 and for null. */
QUIRE_API bool quire_view_contains_va(const struct quire_view *view, uintptr_t va, size_t len)
    QUIRE_SYM(quire_view_contains_va);
QUIRE_API bool quire_view_contains_pa(const struct quire_view *view, struct quire_pa pa, uint64_t len)
    QUIRE_SYM(quire_view_contains_pa);

/* Translates the address of one byte of the view. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_va_to_pa(const struct quire_view *view, uintptr_t va,
                                                                 struct quire_pa *pa) QUIRE_SYM(quire_view_va_to_pa);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_pa_to_va(const struct quire_view *view, struct quire_pa pa,
                                                                 uintptr_t *va) QUIRE_SYM(quire_view_pa_to_va);

/* ---- Messages ---- */

/* Fetches the `len` bytes at `offset` into private memory, each exactly once. `buffer` holds at least `len` bytes that only
 * this world can write; one that overlaps the view is INVALID, other ways to the same memory (a second mapping, the rest of
 * the window) cannot be told from here. O(len). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_snapshot(const struct quire_view *view, size_t offset, void *buffer,
                                                                 size_t len, struct quire_snapshot *snapshot)
    QUIRE_SYM(quire_view_snapshot);

/* Copies `len` private bytes to `offset` of the view. INVALID too if `from` overlaps the view. O(len). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_write(const struct quire_view *view, size_t offset, const void *from,
                                                              size_t len) QUIRE_SYM(quire_view_write);

/* Sets `len` bytes to `byte`: a wipe that the compiler does not remove. O(len). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_fill(const struct quire_view *view, size_t offset, unsigned char byte,
                                                             size_t len) QUIRE_SYM(quire_view_fill);

/* Store in *value the little-endian number at `offset`, however it is aligned. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_snapshot_u8(const struct quire_snapshot *snapshot, size_t offset,
                                                               uint8_t *value) QUIRE_SYM(quire_snapshot_u8);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_snapshot_u16(const struct quire_snapshot *snapshot, size_t offset,
                                                                uint16_t *value) QUIRE_SYM(quire_snapshot_u16);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_snapshot_u32(const struct quire_snapshot *snapshot, size_t offset,
                                                                uint32_t *value) QUIRE_SYM(quire_snapshot_u32);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_snapshot_u64(const struct quire_snapshot *snapshot, size_t offset,
                                                                uint64_t *value) QUIRE_SYM(quire_snapshot_u64);

/* Stores in *bytes where the `len` bytes at `offset` lie in private memory, while the snapshot's buffer lives. A field of a
 * message may be empty: len 0 is fine up to the very end. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_snapshot_bytes(const struct quire_snapshot *snapshot, size_t offset,
                                                                  size_t len, const unsigned char **bytes)
    QUIRE_SYM(quire_snapshot_bytes);

/* ---- Doorbells, status words, answers ---- */

/* Load the little-endian number at `offset` of shared memory. It may be another one next time: load once, use the value. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_load8(const struct quire_view *view, size_t offset, uint8_t *value)
    QUIRE_SYM(quire_view_load8);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_load16(const struct quire_view *view, size_t offset, uint16_t *value)
    QUIRE_SYM(quire_view_load16);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_load32(const struct quire_view *view, size_t offset, uint32_t *value)
    QUIRE_SYM(quire_view_load32);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_load64(const struct quire_view *view, size_t offset, uint64_t *value)
    QUIRE_SYM(quire_view_load64);

/* Store a number at `offset` of shared memory, little-endian. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_store8(const struct quire_view *view, size_t offset, uint8_t value)
    QUIRE_SYM(quire_view_store8);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_store16(const struct quire_view *view, size_t offset, uint16_t value)
    QUIRE_SYM(quire_view_store16);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_store32(const struct quire_view *view, size_t offset, uint32_t value)
    QUIRE_SYM(quire_view_store32);
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_view_store64(const struct quire_view *view, size_t offset, uint64_t value)
    QUIRE_SYM(quire_view_store64);

QUIRE_END

#endif /* QUIRE_VIEW_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_VIEW_IMPLEMENTED)
#define QUIRE_VIEW_IMPLEMENTED

QUIRE_BEGIN

/* ---- Bounds ---- */

/* Does [offset, offset + len) lie in 0..size-1, and is len > 0? Nothing in it can wrap. 64 bits, so that what comes from a
 * physical address is not cut to a size_t before it is checked. */
QUIRE_INLINE bool quire_view_within_(uint64_t offset, uint64_t len, uint64_t size)
{
    return len != 0 && offset < size && len <= size - offset;
}

QUIRE_INLINE bool quire_view_holds_(const struct quire_view *view, size_t offset, size_t len)
{
    return view != NULL && quire_view_within_(offset, len, view->size);
}

/* Are these bytes some that are not the view's own? (By last bytes: both may end at the top of the address space.) */
QUIRE_INLINE bool quire_view_apart_(const struct quire_view *view, const void *ptr, size_t len)
{
    uintptr_t first = (uintptr_t)ptr;
    uintptr_t last = first + (len - 1u);

    return ptr != NULL && last >= first && (last < view->va || first > view->va + (view->size - 1u));
}

QUIRE_API enum quire_status quire_view_make(uintptr_t va, struct quire_pa pa, size_t size, struct quire_view *view)
{
    if (view == NULL || size == 0 || va + (size - 1u) < va || pa.addr + (size - 1u) < pa.addr) {
        return QUIRE_INVALID;
    }
    view->va = va;
    view->pa = pa;
    view->size = size;
    return QUIRE_OK;
}

/* Within a view no sum wraps: what is inside of a range that does not wrap does not wrap either. */
QUIRE_API enum quire_status quire_view_slice(const struct quire_view *view, size_t offset, size_t len, struct quire_view *slice)
{
    if (slice == NULL || !quire_view_holds_(view, offset, len)) {
        return QUIRE_INVALID;
    }
    slice->va = view->va + offset;
    slice->pa = quire_pa_make(view->pa.addr + offset);
    slice->size = len;
    return QUIRE_OK;
}

/* An address below the start gives an offset that wraps: to the size or more, because start + size - 1 does not wrap. */
QUIRE_API bool quire_view_contains_va(const struct quire_view *view, uintptr_t va, size_t len)
{
    return view != NULL && quire_view_within_(va - view->va, len, view->size);
}

QUIRE_API bool quire_view_contains_pa(const struct quire_view *view, struct quire_pa pa, uint64_t len)
{
    return view != NULL && quire_view_within_(pa.addr - view->pa.addr, len, view->size);
}

QUIRE_API enum quire_status quire_view_slice_va(const struct quire_view *view, uintptr_t va, size_t len,
                                                struct quire_view *slice)
{
    return quire_view_contains_va(view, va, len) ? quire_view_slice(view, va - view->va, len, slice) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_view_slice_pa(const struct quire_view *view, struct quire_pa pa, uint64_t len,
                                                struct quire_view *slice)
{
    if (!quire_view_contains_pa(view, pa, len)) {
        return QUIRE_INVALID;
    }
    return quire_view_slice(view, (size_t)(pa.addr - view->pa.addr), (size_t)len, slice);
}

QUIRE_API enum quire_status quire_view_va_to_pa(const struct quire_view *view, uintptr_t va, struct quire_pa *pa)
{
    if (pa == NULL || !quire_view_contains_va(view, va, 1)) {
        return QUIRE_INVALID;
    }
    *pa = quire_pa_make(view->pa.addr + (va - view->va));
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_pa_to_va(const struct quire_view *view, struct quire_pa pa, uintptr_t *va)
{
    if (va == NULL || !quire_view_contains_pa(view, pa, 1)) {
        return QUIRE_INVALID;
    }
    *va = view->va + (uintptr_t)(pa.addr - view->pa.addr);
    return QUIRE_OK;
}

/* ---- Single accesses: the only code that touches shared memory ---- */

/* Whoever wrote the memory in this program may have done so as any type: an access that assumed otherwise could be moved before
 * that. (Compilers without the attribute: tell them not to assume.) */
#if QUIRE_GNU
typedef uint16_t quire_view_16_ __attribute__((may_alias));
typedef uint32_t quire_view_32_ __attribute__((may_alias));
typedef uint64_t quire_view_64_ __attribute__((may_alias));
#else
typedef uint16_t quire_view_16_;
typedef uint32_t quire_view_32_;
typedef uint64_t quire_view_64_;
#endif

#define QUIRE_VIEW_WORD_ sizeof(uintptr_t)

/* Does the machine keep the highest byte first? Folds to a constant. */
QUIRE_INLINE bool quire_view_big_endian_(void)
{
    const uint16_t one = 1;

    return *(const unsigned char *)&one == 0;
}

/* Turns the machine's order of the `width` bytes of `raw` into little-endian, or back. */
QUIRE_INLINE uint64_t quire_view_order_(uint64_t raw, unsigned width)
{
    if (!quire_view_big_endian_()) {
        return raw;
    }
    raw = ((raw & 0x00ff00ff00ff00ffu) << 8) | ((raw >> 8) & 0x00ff00ff00ff00ffu);
    raw = ((raw & 0x0000ffff0000ffffu) << 16) | ((raw >> 16) & 0x0000ffff0000ffffu);
    raw = (raw << 32) | (raw >> 32);
    return raw >> (64u - 8u * width);
}

/* Reads `width` bytes, 1, 2, 4 or a word, at a multiple of `width`: one access, in the machine's order. */
QUIRE_INLINE uint64_t quire_view_get_(uintptr_t va, unsigned width)
{
    QUIRE_VIEW_FETCH(va, width);
    switch (width) {
    case 1:
        return *(const volatile unsigned char *)va;
    case 2:
        return *(const volatile quire_view_16_ *)va;
    case 4:
        return *(const volatile quire_view_32_ *)va;
    default:
        return *(const volatile quire_view_64_ *)va;
    }
}

/* Its counterpart. */
QUIRE_INLINE void quire_view_set_(uintptr_t va, unsigned width, uint64_t raw)
{
    switch (width) {
    case 1:
        *(volatile unsigned char *)va = (unsigned char)raw;
        break;
    case 2:
        *(volatile quire_view_16_ *)va = (quire_view_16_)raw;
        break;
    case 4:
        *(volatile quire_view_32_ *)va = (quire_view_32_)raw;
        break;
    default:
        *(volatile quire_view_64_ *)va = raw;
        break;
    }
}

/* ---- Numbers ---- */

/* How wide the accesses are that make up a number at `va`: one if it is aligned and fits a register, else narrower ones. */
QUIRE_INLINE unsigned quire_view_step_(uintptr_t va, unsigned width)
{
    if ((va & (width - 1u)) != 0) {
        return 1;
    }
    return width <= QUIRE_VIEW_WORD_ ? width : (unsigned)QUIRE_VIEW_WORD_;
}

QUIRE_INLINE enum quire_status quire_view_load_(const struct quire_view *view, size_t offset, unsigned width, uint64_t *value)
{
    uint64_t sum = 0;
    unsigned step;
    unsigned at;

    if (!quire_view_holds_(view, offset, width)) {
        return QUIRE_INVALID;
    }
    step = quire_view_step_(view->va + offset, width);
    if (step == width) {
        *value = quire_view_order_(quire_view_get_(view->va + offset, width), width);
        return QUIRE_OK;
    }
    for (at = 0; at < width; at += step) {
        sum |= quire_view_order_(quire_view_get_(view->va + offset + at, step), step) << (8u * at);
    }
    *value = sum;
    return QUIRE_OK;
}

QUIRE_INLINE enum quire_status quire_view_store_(const struct quire_view *view, size_t offset, unsigned width, uint64_t value)
{
    unsigned step;
    unsigned at;

    if (!quire_view_holds_(view, offset, width)) {
        return QUIRE_INVALID;
    }
    step = quire_view_step_(view->va + offset, width);
    if (step == width) {
        quire_view_set_(view->va + offset, width, quire_view_order_(value, width));
        return QUIRE_OK;
    }
    for (at = 0; at < width; at += step) {
        quire_view_set_(view->va + offset + at, step, quire_view_order_(value >> (8u * at), step));
    }
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_load8(const struct quire_view *view, size_t offset, uint8_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_view_load_(view, offset, 1, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint8_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_load16(const struct quire_view *view, size_t offset, uint16_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_view_load_(view, offset, 2, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint16_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_load32(const struct quire_view *view, size_t offset, uint32_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_view_load_(view, offset, 4, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint32_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_load64(const struct quire_view *view, size_t offset, uint64_t *value)
{
    return value != NULL ? quire_view_load_(view, offset, 8, value) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_view_store8(const struct quire_view *view, size_t offset, uint8_t value)
{
    return quire_view_store_(view, offset, 1, value);
}

QUIRE_API enum quire_status quire_view_store16(const struct quire_view *view, size_t offset, uint16_t value)
{
    return quire_view_store_(view, offset, 2, value);
}

QUIRE_API enum quire_status quire_view_store32(const struct quire_view *view, size_t offset, uint32_t value)
{
    return quire_view_store_(view, offset, 4, value);
}

QUIRE_API enum quire_status quire_view_store64(const struct quire_view *view, size_t offset, uint64_t value)
{
    return quire_view_store_(view, offset, 8, value);
}

/* ---- Messages ---- */

/* A copy has three parts: bytes up to the first multiple of a word, words, bytes. How many bytes the first two have. */
QUIRE_INLINE size_t quire_view_head_(uintptr_t va, size_t len)
{
    size_t head = (size_t)(0u - va) & (QUIRE_VIEW_WORD_ - 1u);

    return head < len ? head : len;
}

QUIRE_INLINE size_t quire_view_body_(size_t len)
{
    return len & ~(QUIRE_VIEW_WORD_ - 1u);
}

/* Bytes [at, end) of what lies at `va`, one by one, to or from the same place of private memory. */
QUIRE_INLINE void quire_view_fetch_bytes_(uintptr_t va, unsigned char *to, size_t at, size_t end)
{
    for (; at != end; at++) {
        to[at] = (unsigned char)quire_view_get_(va + at, 1);
    }
}

QUIRE_INLINE void quire_view_put_bytes_(uintptr_t va, const unsigned char *from, size_t at, size_t end)
{
    for (; at != end; at++) {
        quire_view_set_(va + at, 1, from[at]);
    }
}

QUIRE_API enum quire_status quire_view_snapshot(const struct quire_view *view, size_t offset, void *buffer, size_t len,
                                                struct quire_snapshot *snapshot)
{
    unsigned char *to = (unsigned char *)buffer;
    uintptr_t word;
    uintptr_t va;
    size_t words;
    size_t at;

    if (snapshot == NULL || !quire_view_holds_(view, offset, len) || !quire_view_apart_(view, buffer, len)) {
        return QUIRE_INVALID;
    }
    va = view->va + offset;
    at = quire_view_head_(va, len);
    words = at + quire_view_body_(len - at);
    quire_view_fetch_bytes_(va, to, 0, at);
    for (; at != words; at += QUIRE_VIEW_WORD_) {
        word = (uintptr_t)quire_view_get_(va + at, (unsigned)QUIRE_VIEW_WORD_);
        QUIRE_MEMCPY(to + at, &word, QUIRE_VIEW_WORD_);
    }
    quire_view_fetch_bytes_(va, to, at, len);
    snapshot->bytes = to;
    snapshot->len = len;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_write(const struct quire_view *view, size_t offset, const void *from, size_t len)
{
    const unsigned char *bytes = (const unsigned char *)from;
    uintptr_t word;
    uintptr_t va;
    size_t words;
    size_t at;

    if (!quire_view_holds_(view, offset, len) || !quire_view_apart_(view, from, len)) {
        return QUIRE_INVALID;
    }
    va = view->va + offset;
    at = quire_view_head_(va, len);
    words = at + quire_view_body_(len - at);
    quire_view_put_bytes_(va, bytes, 0, at);
    for (; at != words; at += QUIRE_VIEW_WORD_) {
        QUIRE_MEMCPY(&word, bytes + at, QUIRE_VIEW_WORD_);
        quire_view_set_(va + at, (unsigned)QUIRE_VIEW_WORD_, word);
    }
    quire_view_put_bytes_(va, bytes, at, len);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_view_fill(const struct quire_view *view, size_t offset, unsigned char byte, size_t len)
{
    const uintptr_t pattern = UINTPTR_MAX / 255u * byte;
    uintptr_t va;
    size_t words;
    size_t head;
    size_t at;

    if (!quire_view_holds_(view, offset, len)) {
        return QUIRE_INVALID;
    }
    va = view->va + offset;
    head = quire_view_head_(va, len);
    words = head + quire_view_body_(len - head);
    for (at = 0; at != head; at++) {
        quire_view_set_(va + at, 1, byte);
    }
    for (; at != words; at += QUIRE_VIEW_WORD_) {
        quire_view_set_(va + at, (unsigned)QUIRE_VIEW_WORD_, pattern);
    }
    for (; at != len; at++) {
        quire_view_set_(va + at, 1, byte);
    }
    return QUIRE_OK;
}

/* ---- Snapshots: private memory, nothing to be careful about but bounds ---- */

QUIRE_INLINE enum quire_status quire_snapshot_read_(const struct quire_snapshot *snapshot, size_t offset, unsigned width,
                                                    uint64_t *value)
{
    uint64_t raw = 0;

    if (snapshot == NULL || !quire_view_within_(offset, width, snapshot->len)) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMCPY(&raw, snapshot->bytes + offset, width);
    *value = quire_view_order_(raw, 8);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_snapshot_u8(const struct quire_snapshot *snapshot, size_t offset, uint8_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_snapshot_read_(snapshot, offset, 1, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint8_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_snapshot_u16(const struct quire_snapshot *snapshot, size_t offset, uint16_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_snapshot_read_(snapshot, offset, 2, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint16_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_snapshot_u32(const struct quire_snapshot *snapshot, size_t offset, uint32_t *value)
{
    uint64_t wide;

    if (value == NULL || quire_snapshot_read_(snapshot, offset, 4, &wide) != QUIRE_OK) {
        return QUIRE_INVALID;
    }
    *value = (uint32_t)wide;
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_snapshot_u64(const struct quire_snapshot *snapshot, size_t offset, uint64_t *value)
{
    return value != NULL ? quire_snapshot_read_(snapshot, offset, 8, value) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_snapshot_bytes(const struct quire_snapshot *snapshot, size_t offset, size_t len,
                                                 const unsigned char **bytes)
{
    if (snapshot == NULL || snapshot->bytes == NULL || bytes == NULL || offset > snapshot->len ||
        len > snapshot->len - offset) {
        return QUIRE_INVALID;
    }
    *bytes = snapshot->bytes + offset;
    return QUIRE_OK;
}

QUIRE_END

#endif
