/* quire/base.h - configuration, status, checked arithmetic, and the hooks of the compiler. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_BASE_H
#define QUIRE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Floor 0: everything else includes this header and it includes nothing of Quire.
 *
 * To configure, define QUIRE_CONFIG_H as the name of a header of yours (-DQUIRE_CONFIG_H='"my_quire.h"'); it may set
 *
 *   QUIRE_PAGE_SHIFT      log2 of the page size; a plain decimal, 12 unless told          | these three decide layouts:
 *   QUIRE_BATCH_ENTRIES   entries a flush batch names before it widens; 2..4096, 16       | they are part of every
 *   QUIRE_SEGMENT_BITS    log2 of how many segments of pages a pool may have; 0..8, 4     | symbol's name (QUIRE_SYM)
 *   QUIRE_RESIDENT        section attribute of every function the fault path reaches
 *   QUIRE_RESIDENT_RO     section attribute of every constant the fault path reads
 *   QUIRE_ASSERT(x)       a bug inside the library; traps unless NDEBUG is defined
 *   QUIRE_MEMSET, QUIRE_MEMCPY              both or neither; the compiler's built-ins unless told
 *   QUIRE_ATOMIC_LOAD(p), _STORE(p, v), _ADD(p, v), _SUB(p, v), _CAS(p, expected, v)
 *                         all or none; on uint32_t, sequentially consistent; ADD and SUB give the old value
 *   QUIRE_VIEW_FETCH(va, len)               called before each read of memory that another world can write (view.h)
 *   QUIRE_TRACE           0: pagers tell no trace (trace.h), and have not one instruction for it; 1 unless told
 *   QUIRE_PORTABLE_BITS   no built-ins for the highest and lowest bit (bits.h)
 *   QUIRE_STATIC          every function static, in each unit that includes Quire
 *
 * Otherwise exactly one unit defines QUIRE_IMPLEMENTATION before it includes Quire.
 */
#define QUIRE_VERSION_MAJOR 0
#define QUIRE_VERSION_MINOR 4
#define QUIRE_VERSION_PATCH 1
#define QUIRE_VERSION "0.4.1"

#ifdef QUIRE_CONFIG_H
#include QUIRE_CONFIG_H
#endif

/* ---- Configuration ---------------------------------------------------------------------------------------------- */

#ifndef QUIRE_PAGE_SHIFT
#define QUIRE_PAGE_SHIFT 12
#endif
#if QUIRE_PAGE_SHIFT < 8 || QUIRE_PAGE_SHIFT > 24
#error "QUIRE_PAGE_SHIFT must lie in 8..24"
#endif

#ifndef QUIRE_BATCH_ENTRIES
#define QUIRE_BATCH_ENTRIES 16
#endif
#if QUIRE_BATCH_ENTRIES < 2 || QUIRE_BATCH_ENTRIES > 4096
#error "QUIRE_BATCH_ENTRIES must lie in 2..4096"
#endif

#ifndef QUIRE_SEGMENT_BITS
#define QUIRE_SEGMENT_BITS 4
#endif
#if QUIRE_SEGMENT_BITS < 0 || QUIRE_SEGMENT_BITS > 8
#error "QUIRE_SEGMENT_BITS must lie in 0..8"
#endif

#ifndef QUIRE_TRACE
#define QUIRE_TRACE 1
#endif
#if QUIRE_TRACE != 0 && QUIRE_TRACE != 1
#error "QUIRE_TRACE must be 0 or 1"
#endif

#if defined(__GNUC__) || defined(__clang__)
#define QUIRE_GNU 1
#else
#define QUIRE_GNU 0
#endif

#ifndef QUIRE_RESIDENT
#define QUIRE_RESIDENT
#endif
#ifndef QUIRE_RESIDENT_RO
#define QUIRE_RESIDENT_RO
#endif

#if QUIRE_GNU
#define QUIRE_UNUSED __attribute__((unused))
#define QUIRE_MUST_CHECK __attribute__((warn_unused_result))
#define QUIRE_NOINLINE __attribute__((noinline))   /* a way of its own, whose registers and stack its caller should not have */
#define QUIRE_COLD __attribute__((noinline, cold)) /* off the fault's usual way: it costs that way a call, and no space in it */
#define QUIRE_LIKELY(x) __builtin_expect(!!(x), 1)
#define QUIRE_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define QUIRE_RELOAD() __asm__ volatile("" ::: "memory") /* what follows reads memory again: no register is kept for it */
#else
#define QUIRE_UNUSED
#define QUIRE_MUST_CHECK
#define QUIRE_NOINLINE
#define QUIRE_COLD
#define QUIRE_LIKELY(x) (x)
#define QUIRE_UNLIKELY(x) (x)
#define QUIRE_RELOAD() ((void)0)
#endif

/* Of the fault's usual way: one piece of code where speed is asked for, shared functions where size is. */
#if QUIRE_GNU && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#define QUIRE_INLINE static inline __attribute__((always_inline))
#else
#define QUIRE_INLINE static inline
#endif

#ifndef QUIRE_ASSERT
#ifdef NDEBUG
#define QUIRE_ASSERT(x) ((void)0)
#elif QUIRE_GNU
#define QUIRE_ASSERT(x) ((x) ? (void)0 : __builtin_trap())
#else
#error "this compiler has no trap that Quire knows: define QUIRE_ASSERT(x)"
#endif
#endif

#if defined(QUIRE_MEMSET) != defined(QUIRE_MEMCPY)
#error "define both of QUIRE_MEMSET and QUIRE_MEMCPY, or neither"
#endif
#ifndef QUIRE_MEMSET
#if !QUIRE_GNU
#error "define QUIRE_MEMSET and QUIRE_MEMCPY for this compiler"
#endif
#define QUIRE_MEMSET(to, byte, len) __builtin_memset((to), (byte), (len))
#define QUIRE_MEMCPY(to, from, len) __builtin_memcpy((to), (from), (len))
#endif

#if defined(QUIRE_ATOMIC_LOAD) != defined(QUIRE_ATOMIC_STORE) || defined(QUIRE_ATOMIC_LOAD) != defined(QUIRE_ATOMIC_ADD) || \
    defined(QUIRE_ATOMIC_LOAD) != defined(QUIRE_ATOMIC_SUB) || defined(QUIRE_ATOMIC_LOAD) != defined(QUIRE_ATOMIC_CAS)
#error "define all of QUIRE_ATOMIC_LOAD, _STORE, _ADD, _SUB and _CAS, or none"
#endif
#if !defined(QUIRE_ATOMIC_LOAD) && !QUIRE_GNU
#error "define QUIRE_ATOMIC_LOAD, _STORE, _ADD, _SUB and _CAS for this compiler"
#endif

/* ---- Linkage ---------------------------------------------------------------------------------------------------- */

#define QUIRE_STR_(x) #x
#define QUIRE_STR(x) QUIRE_STR_(x)
#define QUIRE_CONCAT_(a, b) a##b
#define QUIRE_CONCAT(a, b) QUIRE_CONCAT_(a, b)

/* What decides layouts, as one number: objects carry it where the linker cannot tell (see quire_pager_init). */
#define QUIRE_STAMP                                                                             \
    ((uint32_t)(((uint32_t)QUIRE_VERSION_MAJOR << 28) | ((uint32_t)QUIRE_VERSION_MINOR << 22) | \
                ((uint32_t)QUIRE_PAGE_SHIFT << 17) | ((uint32_t)QUIRE_BATCH_ENTRIES << 4) | (uint32_t)QUIRE_SEGMENT_BITS))

#ifdef __cplusplus
#define QUIRE_BEGIN extern "C" {
#define QUIRE_END }
#else
#define QUIRE_BEGIN
#define QUIRE_END
#endif

#ifdef QUIRE_STATIC
#ifndef QUIRE_IMPLEMENTATION
#define QUIRE_IMPLEMENTATION
#endif
#define QUIRE_API static QUIRE_UNUSED
#define QUIRE_SYM(name)
#else
#define QUIRE_API extern
#if QUIRE_GNU
/* The linker sees name_p12b16s4: a unit built with other options asks for a symbol that is not there. */
#define QUIRE_SYM(name)                            \
    __asm__(QUIRE_STR(__USER_LABEL_PREFIX__) #name \
            "_p" QUIRE_STR(QUIRE_PAGE_SHIFT) "b" QUIRE_STR(QUIRE_BATCH_ENTRIES) "s" QUIRE_STR(QUIRE_SEGMENT_BITS))
#else
#define QUIRE_SYM(name) /* no labels: the stamp in the objects is then the only guard */
#endif
#endif

/* Fails to compile, with NAME in the message, unless X holds. */
#define QUIRE_STATIC_ASSERT(x, name) typedef char QUIRE_CONCAT(quire_static_assert_, name)[(x) ? 1 : -1] QUIRE_UNUSED

/* The structure of TYPE in which the object at PTR is the member MEMBER. */
#define QUIRE_CONTAINER_OF(ptr, type, member) ((type *)(void *)((unsigned char *)(ptr)-offsetof(type, member)))

QUIRE_BEGIN

/* ---- Status ----------------------------------------------------------------------------------------------------- */

/* 0 is success, errors are negative. An operation that returns an error has left every object as it was, unless it says what it
 * did (STUCK). Pointers must be valid unless the declaration says that they may be null. */
enum quire_status {
    QUIRE_OK = 0,
    QUIRE_INVALID = -1,     /* an argument no call may have: unaligned, empty, wrapping, out of range */
    QUIRE_EXISTS = -2,      /* the range overlaps an area or is allocated already, or the tag or slice is there already */
    QUIRE_NOT_FOUND = -3,   /* no area at this address, no such tag or slice */
    QUIRE_DENIED = -4,      /* the area or the object does not permit this access */
    QUIRE_CONFLICT = -5,    /* one page would show with conflicting attributes, or writable here and executable there */
    QUIRE_NO_MEMORY = -6,   /* no bookkeeping memory */
    QUIRE_NO_PAGE = -7,     /* no physical page can be had: all are pinned, locked, quarantined or cannot be saved */
    QUIRE_NO_TABLE = -8,    /* no page-table memory */
    QUIRE_NO_SPACE = -9,    /* no hole fits */
    QUIRE_BUSY = -10,       /* the object is in use in a way that forbids this operation */
    QUIRE_AGAIN = -11,      /* would have to wait and may not: nothing changed, try again */
    QUIRE_DEAD = -12,       /* the object died meanwhile; the region or piece was returned already */
    QUIRE_IO = -13,         /* the store could not read or write */
    QUIRE_INTEGRITY = -14,  /* the store's content was refused: a hash or an authentication tag differs */
    QUIRE_STUCK = -15,      /* an MMU refused to drop an entry: its page is quarantined, its address stays taken */
    QUIRE_LIMIT = -16,      /* a counter is at its maximum */
    QUIRE_DIRTY = -17,      /* the page holds content that is nowhere else */
    QUIRE_BAD_ANSWER = -18, /* a store or a hook answered outside its contract */
    QUIRE_UNDERFLOW = -19,  /* put at count zero */
    QUIRE_MISMATCH = -20,   /* the object was initialised by a unit built with other options */
    QUIRE_CORRUPT = -21,    /* quire_*_check() found an invariant broken */
    QUIRE_PENDING = -22,    /* a store's answer: complete later, by ticket */
    QUIRE_NEED = -23,       /* a store's answer: page (need_fobj, need_pgidx) must be present first */
    QUIRE_TIMEOUT = -24     /* the store did not answer in time; it still may: the page is quarantined until then */
};

/* Returns the name of `status` without the prefix ("NO_PAGE"), "?" for no status. Never null. O(1). */
QUIRE_API const char *quire_status_name(enum quire_status status) QUIRE_SYM(quire_status_name);

/* ---- Addresses and pages ---------------------------------------------------------------------------------------- */

/* A physical address: a type of its own, so that it cannot be passed for a virtual one. */
struct quire_pa {
    uint64_t addr; /* bytes */
};

#define QUIRE_PAGE_SIZE ((size_t)1 << QUIRE_PAGE_SHIFT)
#define QUIRE_PAGE_MASK (QUIRE_PAGE_SIZE - 1u)

/* Permissions of areas, entries and accesses. USER: unprivileged accesses too. */
#define QUIRE_PROT_READ 1u
#define QUIRE_PROT_WRITE 2u
#define QUIRE_PROT_EXEC 4u
#define QUIRE_PROT_USER 8u
#define QUIRE_PROT_RWX (QUIRE_PROT_READ | QUIRE_PROT_WRITE | QUIRE_PROT_EXEC)
#define QUIRE_PROT_ALL (QUIRE_PROT_RWX | QUIRE_PROT_USER)

static inline QUIRE_RESIDENT struct quire_pa quire_pa_make(uint64_t addr)
{
    struct quire_pa pa;

    pa.addr = addr;
    return pa;
}

/* Stores in *last the last byte of [va, va + npages pages); false if it is empty, unaligned or passes the end of the
 * address space. A range that ends at the very top is fine: that is why ranges are kept by their last byte. O(1). */
static inline QUIRE_RESIDENT bool quire_va_range(uintptr_t va, size_t npages, uintptr_t *last)
{
    if ((va & QUIRE_PAGE_MASK) != 0 || npages == 0 || npages > (UINTPTR_MAX >> QUIRE_PAGE_SHIFT) + (size_t)1) {
        return false;
    }
    *last = va + (((uintptr_t)npages << QUIRE_PAGE_SHIFT) - 1u);
    return *last >= va;
}

/* Does [first, first + n) lie in 0..limit-1, and is n > 0? No arithmetic in it can wrap. O(1). */
static inline QUIRE_RESIDENT bool quire_index_range(uint32_t first, uint32_t n, uint32_t limit)
{
    return n != 0 && first < limit && n <= limit - first;
}

/* ---- Bookkeeping memory ----------------------------------------------------------------------------------------- */

/* The user's allocator. Both hooks are called without any lock of the library held and may sleep. */
struct quire_mem {
    void *ctx;
    void *(*alloc)(void *ctx, size_t size, size_t align); /* null when there is none; content does not matter */
    void (*free)(void *ctx, void *ptr, size_t size);
};

/* ---- Atomics on uint32_t ---------------------------------------------------------------------------------------- */

static inline QUIRE_RESIDENT uint32_t quire_atomic_load(const uint32_t *p)
{
#ifdef QUIRE_ATOMIC_LOAD
    return QUIRE_ATOMIC_LOAD(p);
#else
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
#endif
}

static inline QUIRE_RESIDENT void quire_atomic_store(uint32_t *p, uint32_t v)
{
#ifdef QUIRE_ATOMIC_STORE
    QUIRE_ATOMIC_STORE(p, v);
#else
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
#endif
}

/* If *p is *expected, stores v and returns true; else stores what it found in *expected and returns false. */
static inline QUIRE_RESIDENT bool quire_atomic_cas(uint32_t *p, uint32_t *expected, uint32_t v)
{
#ifdef QUIRE_ATOMIC_CAS
    return QUIRE_ATOMIC_CAS(p, expected, v);
#else
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
#endif
}

QUIRE_END

#ifndef QUIRE_IMPLEMENTATION
#define QUIRE_DECLARED_ONLY_
#endif

#endif /* QUIRE_BASE_H */

/* What a header includes is within its guard: a second time it brings no implementation. (Seen here when a header comes that is
 * new to the unit, and in quire.h.) */
#if defined(QUIRE_IMPLEMENTATION) && defined(QUIRE_DECLARED_ONLY_)
#error "define QUIRE_IMPLEMENTATION before the first header of Quire that the unit includes"
#endif

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_BASE_IMPLEMENTED)
#define QUIRE_BASE_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API const char *quire_status_name(enum quire_status status)
{
    static const char *const names[] = {
        "OK",         "INVALID",   "EXISTS",   "NOT_FOUND", "DENIED",  "CONFLICT",  "NO_MEMORY", "NO_PAGE", "NO_TABLE",
        "NO_SPACE",   "BUSY",      "AGAIN",    "DEAD",      "IO",      "INTEGRITY", "STUCK",     "LIMIT",   "DIRTY",
        "BAD_ANSWER", "UNDERFLOW", "MISMATCH", "CORRUPT",   "PENDING", "NEED",      "TIMEOUT",
    };
    int i = (int)status;

    return i <= 0 && i > -(int)(sizeof names / sizeof names[0]) ? names[-i] : "?";
}

QUIRE_END

#endif
