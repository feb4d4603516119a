/* quire/file.h - files whose tagged slices are shared between applications. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_FILE_H
#define QUIRE_FILE_H

#include "base.h"
#include "fobj.h"
#include "refcount.h"
#include "tree.h"

/*
 * When the same application is loaded again, its read-only sections are in memory already. A file names them: its tag is
 * normally the hash of the whole file the application was loaded from, its slices are fobjs at page offsets of that file. A
 * section that was relocated differs per load bias, so the bias is a part of the slice's name.
 *
 *     table  files, by (hash of the tag, tag)
 *              file "9f86d081..."   slices, by (bias, page offset); no two of one bias overlap
 *                 bias 0      [ fobj X: pages 0..3 ]      [ fobj Y: pages 5..8 ]
 *                 bias 40000  [ fobj Z: pages 0..3 ]
 *
 * A loader begins with three calls: quire_file_new() with what it can share (EXISTS: somebody was faster, and the file it gets
 * is that one), quire_file_find_slice() for each section, and quire_file_put() when the application ends. quire_file_get_by_tag()
 * first saves the work where the file is probably there.
 *
 * Whoever has a reference to a file may use it; the table has none. A last put takes the table's lock before it drops the last
 * reference, so a look-up finds a file alive or not at all. Nothing is allocated, freed, or put with that lock held, so it nests
 * with no other lock of Quire; whoever wants both takes it before the pager's.
 *
 * Invariants: a tag names at most one live file; slices of one file and bias never overlap; a file in a table has references;
 * a file has one reference to the fobj of each slice, and its last put drops each exactly once.
 */
QUIRE_BEGIN

struct quire_file_table;
struct quire_file;

/* The longest tag, in bytes. No layout depends on it. */
#ifndef QUIRE_FILE_TAG_MAX
#define QUIRE_FILE_TAG_MAX 64
#endif
#if QUIRE_FILE_TAG_MAX < 1 || QUIRE_FILE_TAG_MAX > 65535
#error "QUIRE_FILE_TAG_MAX must lie in 1..65535"
#endif

/* ---- What the user supplies ---- */

/* All are optional; `ctx` is the first argument of each. */
struct quire_file_hooks {
    void *ctx; /* the user's own */

    /* (both or neither) The table's lock; `lock` returns a key that `unlock` gets back. Held for a short time, and around
     * no other hook. Null: the table is used by one thread at a time. */
    uintptr_t (*lock)(void *ctx);
    void (*unlock)(void *ctx, uintptr_t key);

    /* (both or neither) A file begins, before anybody can find it (set file->user here; anything but OK: quire_file_new
     * returns it), and ends, when nobody can find it any more. Where two loaders race, the slower one's file ends without
     * having been found. Called without locks; may sleep. */
    enum quire_status (*file_init)(void *ctx, struct quire_file *file);
    void (*file_fini)(void *ctx, struct quire_file *file);

    /* (all or none) The user's own lock of one file, which may sleep. Only quire_file_lock() and its siblings call them; the
     * library itself never does. `file_trylock` returns whether it took the lock. */
    void (*file_lock)(void *ctx, struct quire_file *file);
    bool (*file_trylock)(void *ctx, struct quire_file *file);
    void (*file_unlock)(void *ctx, struct quire_file *file);
};

/* ---- Types ---- */

/* A part of a file that can be shared: all pages of one fobj. */
struct quire_file_slice {
    struct quire_fobj *fobj; /* the content */
    uint32_t page_offset;    /* where its first page lies in the file */
    uint32_t npages;         /* fobj->num_pages; ignored where a slice is handed in */
    uintptr_t bias;          /* the load bias it is relocated for, in bytes; 0: not relocated */
};

/* A slice as a file keeps it. */
struct quire_file_entry {
    struct quire_tree_node node;   /* in file->slices */
    struct quire_file_slice slice; /* never changes */
    struct quire_file_entry *next; /* the one added before it, if it was added later */
};

struct quire_file {
    struct quire_tree_node node;    /* in table->files */
    uint64_t hash;                  /* of the tag */
    struct quire_refcount refs;     /* zero: it has left the table */
    uint32_t taglen;                /* bytes; 1..QUIRE_FILE_TAG_MAX */
    const uint8_t *tag;             /* the file's own copy */
    struct quire_file_table *table; /* for life */
    struct quire_tree slices;       /* by (bias, page offset); under the table's lock */
    struct quire_file_entry *first; /* the num_first slices it was made with, part of the file's own memory */
    struct quire_file_entry *added; /* those added later, a list; under the table's lock */
    uint32_t num_first;             /* never changes */
    uint32_t num_added;             /* under the table's lock */
    void *user;                     /* the user's own; null until file_init sets it */
};

struct quire_file_table {
    uint32_t stamp;                /* QUIRE_STAMP of the unit that initialised it */
    uint32_t num_files;            /* under the table's lock, as the tree */
    struct quire_tree files;       /* by (hash, length, bytes) of the tag */
    struct quire_mem mem;          /* the user's allocator */
    struct quire_file_hooks hooks; /* all null where the user gave none */
};

/* ---- The table ---- */

/* Makes an empty table, in storage of the caller. `mem` and `hooks` are copied; `hooks` null: none. INVALID: an allocator hook
 * is missing, or hooks that belong together are not all there. Takes no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_table_init(struct quire_file_table *table, const struct quire_mem *mem,
                                                                   const struct quire_file_hooks *hooks)
    QUIRE_SYM(quire_file_table_init);

/* Ends a table. BUSY while files live: nothing changed. INVALID: null. Under the table's lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_table_fini(struct quire_file_table *table)
    QUIRE_SYM(quire_file_table_fini);

/* Invariant 7: order and uniqueness of tags, order and disjointness of slices, counts, references. Returns null, or what is
 * wrong. Changes nothing. Under the table's lock throughout; O(bytes of tags + slices). */
QUIRE_API const char *quire_file_table_check(struct quire_file_table *table) QUIRE_SYM(quire_file_table_check);

/* ---- Files ---- */

/*
 * Makes a file with the tag tag[0..taglen-1], which is copied, and num_slices slices (`slices` may be null if there are none).
 * *out is a reference for the caller. The file takes a reference of its own to each slice's fobj; the caller keeps his.
 *
 * EXISTS: a live file has the tag; *out is a reference to that file, which is as it was (its slices are its own: look for them,
 * and add those it lacks with quire_file_add_slice). With every other error *out is null. INVALID: a null pointer, a tag of a
 * length outside 1..QUIRE_FILE_TAG_MAX, a slice that passes page 2^32 - 1, or two slices that overlap. NO_MEMORY. DEAD, LIMIT: no
 * reference to an fobj, or to the file that exists, can be had. MISMATCH: `table` was initialised by a unit with other options.
 * Or what file_init said. Calls alloc, free, file_init and file_fini without locks, and sleeps where they do; takes the table's
 * lock. O(log files + num_slices x log num_slices).
 */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_new(struct quire_file_table *table, const uint8_t *tag, size_t taglen,
                                                            const struct quire_file_slice *slices, size_t num_slices,
                                                            struct quire_file **out) QUIRE_SYM(quire_file_new);

/* Finds the file with this tag; *out is a reference for the caller, null on error. NOT_FOUND; INVALID as above; LIMIT: it has
 * QUIRE_REFCOUNT_MAX references. Takes the table's lock, never sleeps otherwise. O(log files), one comparison of tags. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_get_by_tag(struct quire_file_table *table, const uint8_t *tag,
                                                                   size_t taglen, struct quire_file **out)
    QUIRE_SYM(quire_file_get_by_tag);

/* Adds a reference to a file the caller has one of. LIMIT at the maximum; DEAD if the last one is gone (file_fini is running);
 * INVALID: null. Atomic, no lock; O(1). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_get(struct quire_file *file) QUIRE_SYM(quire_file_get);

/* Drops a reference. With the last one the file leaves the table; then, without locks, file_fini runs, the fobjs are put and
 * the memory is freed. UNDERFLOW at count zero, INVALID: null; nothing changed. Takes the table's lock for the last reference;
 * must not be called with it or the pager's held. O(1), for the last one O(log files + slices). */
QUIRE_API enum quire_status quire_file_put(struct quire_file *file) QUIRE_SYM(quire_file_put);

/* ---- Slices ---- */

/* Finds the slice of `file` that covers page `page_offset` of the file and is relocated for `bias`, and copies it to *out; with
 * it the caller gets a reference to out->fobj, to be put. NOT_FOUND; INVALID: a null pointer; LIMIT, DEAD: no reference to the
 * fobj can be had. On error out->fobj is null. Takes the table's lock, never sleeps otherwise. O(log slices). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_find_slice(struct quire_file *file, uint32_t page_offset,
                                                                   uintptr_t bias, struct quire_file_slice *out)
    QUIRE_SYM(quire_file_find_slice);

/* Adds a slice, which stays as long as the file; the file takes its own reference to the fobj. EXISTS: it overlaps a slice of the
 * same bias at some page. INVALID: a null pointer, or it passes page 2^32 - 1. NO_MEMORY. DEAD, LIMIT: no reference to the fobj
 * can be had. Calls alloc and free without locks; takes the table's lock. O(log slices). */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_add_slice(struct quire_file *file, const struct quire_file_slice *slice)
    QUIRE_SYM(quire_file_add_slice);

/* ---- The user's own lock ---- */

/* Takes the lock of `file` through the user's hook, for example while one loader fills in what others wait for. INVALID: no
 * file, or no hook. Sleeps as the hook does. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_lock(struct quire_file *file) QUIRE_SYM(quire_file_lock);

/* The same without waiting. AGAIN: somebody has it; INVALID: no file, or no hook. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_file_trylock(struct quire_file *file) QUIRE_SYM(quire_file_trylock);

/* Releases the lock of `file`. INVALID: no file, or no hook. */
QUIRE_API enum quire_status quire_file_unlock(struct quire_file *file) QUIRE_SYM(quire_file_unlock);

QUIRE_END

#endif /* QUIRE_FILE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_FILE_IMPLEMENTED)
#define QUIRE_FILE_IMPLEMENTED

QUIRE_BEGIN

struct quire_file_align_ {
    char c;
    struct quire_file file;
};

struct quire_file_entry_align_ {
    char c;
    struct quire_file_entry entry;
};

#define QUIRE_FILE_ALIGN_ offsetof(struct quire_file_align_, file)
#define QUIRE_FILE_ENTRY_ALIGN_ offsetof(struct quire_file_entry_align_, entry)

/* A file's memory is one block: the file, then the slices it was made with, then its tag. */
QUIRE_STATIC_ASSERT(sizeof(struct quire_file) % QUIRE_FILE_ENTRY_ALIGN_ == 0, file_entries_follow_the_file_aligned);

static uintptr_t quire_file_table_lock_(const struct quire_file_table *table)
{
    return table->hooks.lock != NULL ? table->hooks.lock(table->hooks.ctx) : 0;
}

static void quire_file_table_unlock_(const struct quire_file_table *table, uintptr_t key)
{
    if (table->hooks.unlock != NULL) {
        table->hooks.unlock(table->hooks.ctx, key);
    }
}

/* ---- Tags ---- */

/* 8 bytes as a number. Its byte order is the machine's: it never leaves it. */
static inline uint64_t quire_file_word_(const uint8_t *bytes)
{
    uint64_t word;

    QUIRE_MEMCPY(&word, bytes, sizeof word);
    return word;
}

/* Not a cryptographic hash: whoever chooses tags can make them collide, and then each step of a descent compares tags. */
static uint64_t quire_file_hash_(const uint8_t *tag, size_t len)
{
    uint64_t hash = len;

    for (; len >= sizeof hash; len -= sizeof hash, tag += sizeof hash) {
        hash = (hash ^ quire_file_word_(tag)) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    for (; len > 0; len--, tag++) {
        hash = (hash ^ *tag) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 32;
    }
    return hash;
}

/* Negative, zero or positive, as (taglen, tag) comes before, is, or comes after the file's; in some total order. */
static int quire_file_compare_(const struct quire_file *file, const uint8_t *tag, size_t taglen)
{
    size_t i = 0;

    if (taglen != file->taglen) {
        return taglen < file->taglen ? -1 : 1;
    }
    for (; i + sizeof(uint64_t) <= taglen; i += sizeof(uint64_t)) {
        uint64_t a = quire_file_word_(tag + i);
        uint64_t b = quire_file_word_(file->tag + i);

        if (a != b) {
            return a < b ? -1 : 1;
        }
    }
    for (; i < taglen; i++) {
        if (tag[i] != file->tag[i]) {
            return tag[i] < file->tag[i] ? -1 : 1;
        }
    }
    return 0;
}

static struct quire_file *quire_file_of_node_(struct quire_tree_node *node)
{
    return node != NULL ? QUIRE_CONTAINER_OF(node, struct quire_file, node) : NULL;
}

/* The file with this tag, or null. */
static struct quire_file *quire_file_find_(const struct quire_file_table *table, uint64_t hash, const uint8_t *tag,
                                           size_t taglen)
{
    struct quire_tree_node *node = table->files.root;

    while (node != NULL) {
        struct quire_file *file = quire_file_of_node_(node);

        if (QUIRE_UNLIKELY(hash == file->hash)) {
            int order = quire_file_compare_(file, tag, taglen);

            if (order == 0) {
                return file;
            }
            node = node->child[order > 0];
        } else {
            node = node->child[hash > file->hash];
        }
    }
    return NULL;
}

/* Links `file`, whose tag no other file has. */
static void quire_file_link_(struct quire_file_table *table, struct quire_file *file)
{
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = table->files.root;
    unsigned side = 0;

    while (node != NULL) {
        const struct quire_file *at = quire_file_of_node_(node);

        parent = node;
        side = file->hash > at->hash || (file->hash == at->hash && quire_file_compare_(at, file->tag, file->taglen) > 0);
        node = node->child[side];
    }
    quire_tree_insert(&table->files, &file->node, parent, side, NULL);
    table->num_files++;
}

/* ---- Slices ---- */

static struct quire_file_entry *quire_file_entry_of_node_(struct quire_tree_node *node)
{
    return node != NULL ? QUIRE_CONTAINER_OF(node, struct quire_file_entry, node) : NULL;
}

static uint32_t quire_file_slice_last_(const struct quire_file_slice *slice)
{
    return slice->page_offset + (slice->npages - 1u);
}

/* A slice of `bias` that covers a page of [first, last], or null. Slices of one bias are disjoint: of those that begin at or
 * before `last`, the last one reaches furthest. To go all the way down to it costs less than to ask at each step whether this
 * is the one. */
static struct quire_file_entry *quire_file_find_entry_(const struct quire_file *file, uintptr_t bias, uint32_t first,
                                                       uint32_t last)
{
    struct quire_tree_node *node = file->slices.root;
    struct quire_file_entry *before = NULL;

    while (node != NULL) {
        struct quire_file_entry *entry = quire_file_entry_of_node_(node);

        if (QUIRE_UNLIKELY(bias != entry->slice.bias)) {
            node = node->child[bias > entry->slice.bias];
        } else if (last < entry->slice.page_offset) {
            node = node->child[0];
        } else {
            before = entry;
            node = node->child[1];
        }
    }
    return before != NULL && quire_file_slice_last_(&before->slice) >= first ? before : NULL;
}

/* Fills `entry` from what a caller handed in, without linking it or taking the reference. */
static enum quire_status quire_file_entry_init_(struct quire_file_entry *entry, const struct quire_file_slice *slice)
{
    if (slice->fobj == NULL || slice->fobj->num_pages - 1u > UINT32_MAX - slice->page_offset) {
        return QUIRE_INVALID;
    }
    quire_tree_node_init(&entry->node);
    entry->slice = *slice;
    entry->slice.npages = slice->fobj->num_pages;
    entry->next = NULL;
    return QUIRE_OK;
}

/* Links `entry`; false if it overlaps another one. */
static bool quire_file_entry_link_(struct quire_file *file, struct quire_file_entry *entry)
{
    const struct quire_file_slice *slice = &entry->slice;
    struct quire_tree_node *parent = NULL;
    struct quire_tree_node *node = file->slices.root;
    unsigned side = 0;

    if (quire_file_find_entry_(file, slice->bias, slice->page_offset, quire_file_slice_last_(slice)) != NULL) {
        return false;
    }
    while (node != NULL) {
        const struct quire_file_slice *at = &quire_file_entry_of_node_(node)->slice;

        parent = node;
        side = slice->bias > at->bias || (slice->bias == at->bias && slice->page_offset > at->page_offset);
        node = node->child[side];
    }
    quire_tree_insert(&file->slices, &entry->node, parent, side, NULL);
    return true;
}

/* ---- A file's memory ---- */

static size_t quire_file_bytes_(size_t num_slices, size_t taglen)
{
    return sizeof(struct quire_file) + num_slices * sizeof(struct quire_file_entry) + taglen;
}

/* Drops the first n of the references to the fobjs of file->first. */
static void quire_file_put_first_(struct quire_file *file, uint32_t n)
{
    while (n > 0) {
        n--;
        (void)quire_fobj_put(file->first[n].slice.fobj);
    }
}

/* Frees a file that is in no table and has no reference to any fobj. */
static void quire_file_free_(struct quire_file *file)
{
    const struct quire_mem *mem = &file->table->mem;

    mem->free(mem->ctx, file, quire_file_bytes_(file->num_first, file->taglen));
}

/* Ends a whole file that nobody can find. */
static void quire_file_destroy_(struct quire_file *file)
{
    const struct quire_file_table *table = file->table;
    struct quire_file_entry *entry = file->added;

    if (table->hooks.file_fini != NULL) {
        table->hooks.file_fini(table->hooks.ctx, file);
    }
    while (entry != NULL) {
        struct quire_file_entry *next = entry->next;

        (void)quire_fobj_put(entry->slice.fobj);
        table->mem.free(table->mem.ctx, entry, sizeof *entry);
        entry = next;
    }
    quire_file_put_first_(file, file->num_first);
    quire_file_free_(file);
}

/* Allocates a file and fills in all but its slices. Null: no memory. */
static struct quire_file *quire_file_alloc_(struct quire_file_table *table, const uint8_t *tag, size_t taglen,
                                            size_t num_slices)
{
    struct quire_file *file;
    uint8_t *copy;

    if (num_slices > UINT32_MAX || num_slices > (SIZE_MAX - quire_file_bytes_(0, taglen)) / sizeof(struct quire_file_entry)) {
        return NULL;
    }
    file = (struct quire_file *)table->mem.alloc(table->mem.ctx, quire_file_bytes_(num_slices, taglen), QUIRE_FILE_ALIGN_);
    if (file == NULL) {
        return NULL;
    }
    QUIRE_MEMSET(file, 0, sizeof *file);
    file->first = (struct quire_file_entry *)(void *)(file + 1);
    file->num_first = (uint32_t)num_slices;
    copy = (uint8_t *)(void *)(file->first + num_slices);
    QUIRE_MEMCPY(copy, tag, taglen);
    file->tag = copy;
    file->taglen = (uint32_t)taglen;
    file->hash = quire_file_hash_(tag, taglen);
    file->table = table;
    quire_refcount_init(&file->refs, 1);
    quire_tree_init(&file->slices);
    return file;
}

/* Gives a new file its slices and lets the user have a look. On error nothing is left to undo but the memory. */
static enum quire_status quire_file_fill_(struct quire_file *file, const struct quire_file_slice *slices)
{
    const struct quire_file_hooks *hooks = &file->table->hooks;
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < file->num_first && status == QUIRE_OK; i++) {
        status = quire_file_entry_init_(&file->first[i], &slices[i]);
        if (status == QUIRE_OK && !quire_file_entry_link_(file, &file->first[i])) {
            status = QUIRE_INVALID;
        }
    }
    if (status != QUIRE_OK) {
        return status;
    }
    for (i = 0; i < file->num_first; i++) {
        status = quire_fobj_get(file->first[i].slice.fobj);
        if (status != QUIRE_OK) {
            quire_file_put_first_(file, i);
            return status;
        }
    }
    if (hooks->file_init != NULL) {
        status = hooks->file_init(hooks->ctx, file);
        if (status != QUIRE_OK) {
            quire_file_put_first_(file, file->num_first);
        }
    }
    return status;
}

/* ---- The table ---- */

static bool quire_file_hooks_valid_(const struct quire_file_hooks *hooks)
{
    return (hooks->lock == NULL) == (hooks->unlock == NULL) && (hooks->file_init == NULL) == (hooks->file_fini == NULL) &&
           (hooks->file_lock == NULL) == (hooks->file_trylock == NULL) &&
           (hooks->file_lock == NULL) == (hooks->file_unlock == NULL);
}

QUIRE_API enum quire_status quire_file_table_init(struct quire_file_table *table, const struct quire_mem *mem,
                                                  const struct quire_file_hooks *hooks)
{
    if (table == NULL || mem == NULL || mem->alloc == NULL || mem->free == NULL ||
        (hooks != NULL && !quire_file_hooks_valid_(hooks))) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(table, 0, sizeof *table);
    table->stamp = QUIRE_STAMP;
    table->mem = *mem;
    if (hooks != NULL) {
        table->hooks = *hooks;
    }
    quire_tree_init(&table->files);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_file_table_fini(struct quire_file_table *table)
{
    uintptr_t key;
    bool busy;

    if (table == NULL) {
        return QUIRE_INVALID;
    }
    key = quire_file_table_lock_(table);
    busy = table->num_files != 0;
    quire_file_table_unlock_(table, key);
    return busy ? QUIRE_BUSY : QUIRE_OK;
}

static bool quire_file_tags_ordered_(const struct quire_file *before, const struct quire_file *after)
{
    return before->hash < after->hash ||
           (before->hash == after->hash && quire_file_compare_(before, after->tag, after->taglen) > 0);
}

static bool quire_file_slices_ordered_(const struct quire_file_slice *before, const struct quire_file_slice *after)
{
    return before->bias < after->bias || (before->bias == after->bias && quire_file_slice_last_(before) < after->page_offset);
}

/* Is the file itself as it should be? Returns null, or what is wrong. */
static const char *quire_file_check_(const struct quire_file_table *table, const struct quire_file *file)
{
    const struct quire_file_entry *before = NULL;
    struct quire_tree_node *node;
    uint64_t n = 0;

    if (file->table != table || file->hash != quire_file_hash_(file->tag, file->taglen)) {
        return "7: a file is in the wrong table, or under the wrong tag";
    }
    if (quire_refcount_read(&file->refs) == 0) {
        return "7: a file can be found that has no references";
    }
    if (!quire_tree_check(&file->slices)) {
        return "7: the slice tree of a file is broken";
    }
    for (node = quire_tree_first(&file->slices); node != NULL; node = quire_tree_next(node)) {
        const struct quire_file_entry *entry = quire_file_entry_of_node_(node);

        if (quire_refcount_read(&entry->slice.fobj->refs) == 0 || entry->slice.npages != entry->slice.fobj->num_pages) {
            return "7: a slice shows a dead or another fobj";
        }
        if (before != NULL && !quire_file_slices_ordered_(&before->slice, &entry->slice)) {
            return "7: slices of a file overlap";
        }
        before = entry;
        n++;
    }
    return n == (uint64_t)file->num_first + file->num_added ? NULL : "7: a file counts its slices wrongly";
}

static const char *quire_file_table_check_(const struct quire_file_table *table)
{
    const struct quire_file *before = NULL;
    struct quire_tree_node *node;
    uint32_t n = 0;

    if (!quire_tree_check(&table->files)) {
        return "7: the file tree of a table is broken";
    }
    for (node = quire_tree_first(&table->files); node != NULL; node = quire_tree_next(node)) {
        const struct quire_file *file = quire_file_of_node_(node);
        const char *wrong = quire_file_check_(table, file);

        if (wrong != NULL) {
            return wrong;
        }
        if (before != NULL && !quire_file_tags_ordered_(before, file)) {
            return "7: a tag names two files";
        }
        before = file;
        n++;
    }
    return n == table->num_files ? NULL : "7: a table counts its files wrongly";
}

QUIRE_API const char *quire_file_table_check(struct quire_file_table *table)
{
    uintptr_t key = quire_file_table_lock_(table);
    const char *wrong = quire_file_table_check_(table);

    quire_file_table_unlock_(table, key);
    return wrong;
}

/* ---- Files ---- */

/* Enters `file` under its tag, or, if a live file has the tag, takes a reference to that one: EXISTS, or LIMIT. */
static enum quire_status quire_file_enter_(struct quire_file *file, struct quire_file **existing)
{
    struct quire_file_table *table = file->table;
    enum quire_status status = QUIRE_OK;
    uintptr_t key = quire_file_table_lock_(table);

    *existing = quire_file_find_(table, file->hash, file->tag, file->taglen);
    if (*existing == NULL) {
        quire_file_link_(table, file);
    } else {
        status = quire_refcount_get(&(*existing)->refs);
        status = status == QUIRE_OK ? QUIRE_EXISTS : status;
    }
    quire_file_table_unlock_(table, key);
    return status;
}

QUIRE_API enum quire_status quire_file_new(struct quire_file_table *table, const uint8_t *tag, size_t taglen,
                                           const struct quire_file_slice *slices, size_t num_slices, struct quire_file **out)
{
    struct quire_file *existing;
    struct quire_file *file;
    enum quire_status status;

    if (out == NULL) {
        return QUIRE_INVALID;
    }
    *out = NULL;
    if (table == NULL || tag == NULL || taglen - 1u >= QUIRE_FILE_TAG_MAX || (slices == NULL && num_slices != 0)) {
        return QUIRE_INVALID;
    }
    if (table->stamp != QUIRE_STAMP) {
        return QUIRE_MISMATCH;
    }
    file = quire_file_alloc_(table, tag, taglen, num_slices);
    if (file == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_file_fill_(file, slices);
    if (status != QUIRE_OK) {
        quire_file_free_(file);
        return status;
    }
    status = quire_file_enter_(file, &existing);
    if (status == QUIRE_OK) {
        *out = file;
        return QUIRE_OK;
    }
    quire_file_destroy_(file);
    *out = status == QUIRE_EXISTS ? existing : NULL;
    return status;
}

QUIRE_API enum quire_status quire_file_get_by_tag(struct quire_file_table *table, const uint8_t *tag, size_t taglen,
                                                  struct quire_file **out)
{
    enum quire_status status = QUIRE_NOT_FOUND;
    struct quire_file *file;
    uint64_t hash;
    uintptr_t key;

    if (out == NULL) {
        return QUIRE_INVALID;
    }
    *out = NULL;
    if (table == NULL || tag == NULL || taglen - 1u >= QUIRE_FILE_TAG_MAX) {
        return QUIRE_INVALID;
    }
    hash = quire_file_hash_(tag, taglen);
    key = quire_file_table_lock_(table);
    file = quire_file_find_(table, hash, tag, taglen);
    if (file != NULL) {
        status = quire_refcount_get(&file->refs);
    }
    quire_file_table_unlock_(table, key);
    if (status == QUIRE_OK) {
        *out = file;
    }
    return status;
}

QUIRE_API enum quire_status quire_file_get(struct quire_file *file)
{
    return file != NULL ? quire_refcount_get(&file->refs) : QUIRE_INVALID;
}

QUIRE_API enum quire_status quire_file_put(struct quire_file *file)
{
    struct quire_file_table *table;
    enum quire_status status;
    uintptr_t key;
    bool last;

    if (file == NULL) {
        return QUIRE_INVALID;
    }
    if (quire_refcount_put_not_last(&file->refs)) {
        return QUIRE_OK;
    }
    /* A look-up may have added a reference since: only under the lock is the last one known to be the last. */
    table = file->table;
    key = quire_file_table_lock_(table);
    status = quire_refcount_put(&file->refs, &last);
    if (last) {
        quire_tree_remove(&table->files, &file->node, NULL);
        table->num_files--;
    }
    quire_file_table_unlock_(table, key);
    if (last) {
        quire_file_destroy_(file);
    }
    return status;
}

QUIRE_API enum quire_status quire_file_find_slice(struct quire_file *file, uint32_t page_offset, uintptr_t bias,
                                                  struct quire_file_slice *out)
{
    struct quire_file_entry *entry;
    enum quire_status status;
    uintptr_t key;

    if (out == NULL) {
        return QUIRE_INVALID;
    }
    out->fobj = NULL;
    if (file == NULL) {
        return QUIRE_INVALID;
    }
    key = quire_file_table_lock_(file->table);
    entry = quire_file_find_entry_(file, bias, page_offset, page_offset);
    quire_file_table_unlock_(file->table, key);
    if (entry == NULL) {
        return QUIRE_NOT_FOUND;
    }
    /* A slice stays, unchanged, as long as the file, which the caller has a reference to. */
    status = quire_fobj_get(entry->slice.fobj);
    if (status == QUIRE_OK) {
        *out = entry->slice;
    }
    return status;
}

QUIRE_API enum quire_status quire_file_add_slice(struct quire_file *file, const struct quire_file_slice *slice)
{
    struct quire_file_entry *entry;
    enum quire_status status;
    const struct quire_mem *mem;
    uintptr_t key;

    if (file == NULL || slice == NULL) {
        return QUIRE_INVALID;
    }
    mem = &file->table->mem;
    entry = (struct quire_file_entry *)mem->alloc(mem->ctx, sizeof *entry, QUIRE_FILE_ENTRY_ALIGN_);
    if (entry == NULL) {
        return QUIRE_NO_MEMORY;
    }
    status = quire_file_entry_init_(entry, slice);
    if (status == QUIRE_OK) {
        status = quire_fobj_get(entry->slice.fobj);
    }
    if (status == QUIRE_OK) {
        key = quire_file_table_lock_(file->table);
        if (quire_file_entry_link_(file, entry)) {
            entry->next = file->added;
            file->added = entry;
            file->num_added++;
        } else {
            status = QUIRE_EXISTS;
        }
        quire_file_table_unlock_(file->table, key);
        if (status == QUIRE_OK) {
            return QUIRE_OK;
        }
        (void)quire_fobj_put(entry->slice.fobj);
    }
    mem->free(mem->ctx, entry, sizeof *entry);
    return status;
}

/* ---- The user's own lock ---- */

QUIRE_API enum quire_status quire_file_lock(struct quire_file *file)
{
    const struct quire_file_hooks *hooks;

    if (file == NULL || file->table->hooks.file_lock == NULL) {
        return QUIRE_INVALID;
    }
    hooks = &file->table->hooks;
    hooks->file_lock(hooks->ctx, file);
    return QUIRE_OK;
}

QUIRE_API enum quire_status quire_file_trylock(struct quire_file *file)
{
    const struct quire_file_hooks *hooks;

    if (file == NULL || file->table->hooks.file_trylock == NULL) {
        return QUIRE_INVALID;
    }
    hooks = &file->table->hooks;
    return hooks->file_trylock(hooks->ctx, file) ? QUIRE_OK : QUIRE_AGAIN;
}

QUIRE_API enum quire_status quire_file_unlock(struct quire_file *file)
{
    const struct quire_file_hooks *hooks;

    if (file == NULL || file->table->hooks.file_unlock == NULL) {
        return QUIRE_INVALID;
    }
    hooks = &file->table->hooks;
    hooks->file_unlock(hooks->ctx, file);
    return QUIRE_OK;
}

QUIRE_END

#endif
