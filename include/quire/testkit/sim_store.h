/* quire/testkit/sim_store.h - lets the simulated machine see what stores do. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TESTKIT_SIM_STORE_H
#define QUIRE_TESTKIT_SIM_STORE_H

#include "../base.h"
#include "../fobj.h"
#include "sim_machine.h"

/*
 * The hooks do not tell when a page gets other content and when it is read for saving; the store knows. One call after an fobj
 * of any kind was initialised, and before it is mapped, is enough:
 *
 *     quire_sim_watch_fobj(&watch, &sim, &fobj);
 *
 *     fobj -> ops of the watch: load, save -> rules LOAD_*, SAVE_*, IO_*, LOCK_HELD -> the operations it had before
 *
 * A store that answered PENDING says quire_sim_watch_answer() just before quire_io_complete(). A test's own store may call the
 * four functions below instead.
 */
QUIRE_BEGIN

struct quire_sim_watch {
    struct quire_fobj_ops ops;          /* first: the fobj points here */
    const struct quire_fobj_ops *inner; /* what it pointed to before */
    struct quire_sim *sim;
    uint64_t loads; /* begun */
    uint64_t saves;
    uint32_t in_flight; /* now */
    uint32_t most;      /* at once, so far */
};

/* Puts `watch` between the pager and the store of `fobj`; it lives as long as the object. INVALID: null, or an unpaged
 * object. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_sim_watch_fobj(struct quire_sim_watch *watch, struct quire_sim *sim,
                                                                  struct quire_fobj *fobj) QUIRE_SYM(quire_sim_watch_fobj);

/* The store of a watched object is done with *io, which it answered with PENDING; `status` is what it is about to complete it
 * with. */
QUIRE_API void quire_sim_watch_answer(const struct quire_io *io, bool load, enum quire_status status)
    QUIRE_SYM(quire_sim_watch_answer);

/* A load of the page at `alias` begins. `fills`: the store promises to write all of it (QUIRE_FOBJ_OPS_FILLS): then the
 * page is filled with junk here; else it must be zero. Checks LOCK_HELD, IO_*, LOAD_*. Takes the lock. O(page). */
QUIRE_API void quire_sim_load_begin(struct quire_sim *sim, void *alias, bool fills) QUIRE_SYM(quire_sim_load_begin);

/* It ended; `ok`: with success. Otherwise the page must not be mapped until another load succeeds. */
QUIRE_API void quire_sim_load_end(struct quire_sim *sim, void *alias, bool ok) QUIRE_SYM(quire_sim_load_end);

/* The page at `alias` is about to be read for saving. Checks LOCK_HELD, IO_*, SAVE_WRITABLE. */
QUIRE_API void quire_sim_save_begin(struct quire_sim *sim, void *alias) QUIRE_SYM(quire_sim_save_begin);

/* It has been read. */
QUIRE_API void quire_sim_save_end(struct quire_sim *sim, void *alias) QUIRE_SYM(quire_sim_save_end);

QUIRE_END

#endif /* QUIRE_TESTKIT_SIM_STORE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TESTKIT_SIM_STORE_IMPLEMENTED)
#define QUIRE_TESTKIT_SIM_STORE_IMPLEMENTED

QUIRE_BEGIN

#define QUIRE_SIM_JUNK_ 0xa5

/* The page a store was given, if the simulator may go on with it. */
static struct quire_sim_page *quire_sim_io_page_(struct quire_sim *sim, const void *alias, uint32_t *number)
{
    *number = quire_sim_page_at_(sim, alias);
    if (*number == QUIRE_SIM_NONE_) {
        quire_sim_blame_(sim, QUIRE_SIM_IO_NO_ALIAS, QUIRE_SIM_NO_CPU, NULL, 0, QUIRE_SIM_NONE_);
        return NULL;
    }
    return &sim->page[*number];
}

static void quire_sim_io_claim_(struct quire_sim *sim, struct quire_sim_page *page, uint32_t number, enum quire_sim_io io)
{
    if (page->io == QUIRE_SIM_IO_LOADING || page->io == QUIRE_SIM_IO_SAVING) {
        quire_sim_blame_(sim, QUIRE_SIM_IO_TWICE, QUIRE_SIM_NO_CPU, NULL, 0, number);
    }
    page->io = (uint8_t)io;
}

/* The end of a load or save: the page is in state `io` now. */
static void quire_sim_io_end_(struct quire_sim *sim, const void *alias, enum quire_sim_io io)
{
    uint32_t number;
    struct quire_sim_page *page;
    uintptr_t key;
    bool entered = quire_sim_enter_unlocked_(sim, &key);

    page = quire_sim_io_page_(sim, alias, &number);
    if (page != NULL) {
        page->io = (uint8_t)io;
    }
    quire_sim_leave_(sim, entered, key);
}

/* `again`: the store answered NEED and goes on with the same request; what it wrote so far stays. */
static void quire_sim_load_begin_(struct quire_sim *sim, void *alias, bool fills, bool again)
{
    uint32_t number;
    struct quire_sim_page *page;
    uintptr_t key;
    bool entered = quire_sim_enter_unlocked_(sim, &key);

    sim->counts.loads++;
    sim->steps++;
    page = quire_sim_io_page_(sim, alias, &number);
    if (page != NULL) {
        quire_sim_io_claim_(sim, page, number, QUIRE_SIM_IO_LOADING);
        if (page->entries != 0) {
            quire_sim_blame_entry_(sim, QUIRE_SIM_LOAD_MAPPED, number, 0);
        }
        if (page->slots != 0) {
            quire_sim_blame_slot_(sim, QUIRE_SIM_LOAD_CACHED, number, 0, false);
        }
        if (!fills && !again && !quire_sim_same_((const unsigned char *)alias, NULL)) {
            quire_sim_blame_(sim, QUIRE_SIM_LOAD_UNWIPED, QUIRE_SIM_NO_CPU, NULL, 0, number);
        }
        page->loads++;
        page->syncs = 0;
        page->code = QUIRE_SIM_CODE_UNKNOWN;
        if (fills && !again) {
            QUIRE_MEMSET(alias, QUIRE_SIM_JUNK_, QUIRE_PAGE_SIZE);
        }
    }
    quire_sim_leave_(sim, entered, key);
}

QUIRE_API void quire_sim_load_begin(struct quire_sim *sim, void *alias, bool fills)
{
    quire_sim_load_begin_(sim, alias, fills, false);
}

QUIRE_API void quire_sim_load_end(struct quire_sim *sim, void *alias, bool ok)
{
    quire_sim_io_end_(sim, alias, ok ? QUIRE_SIM_IO_NONE : QUIRE_SIM_IO_FAILED);
}

QUIRE_API void quire_sim_save_begin(struct quire_sim *sim, void *alias)
{
    uint32_t number;
    struct quire_sim_page *page;
    uintptr_t key;
    bool entered = quire_sim_enter_unlocked_(sim, &key);

    sim->counts.saves++;
    sim->steps++;
    page = quire_sim_io_page_(sim, alias, &number);
    if (page != NULL) {
        quire_sim_io_claim_(sim, page, number, QUIRE_SIM_IO_SAVING);
        if (page->writable != 0) {
            quire_sim_blame_entry_(sim, QUIRE_SIM_SAVE_WRITABLE, number, QUIRE_ENTRY_WRITE);
        } else if (page->writable_slots != 0) {
            quire_sim_blame_slot_(sim, QUIRE_SIM_SAVE_WRITABLE, number, QUIRE_ENTRY_WRITE, false);
        }
    }
    quire_sim_leave_(sim, entered, key);
}

QUIRE_API void quire_sim_save_end(struct quire_sim *sim, void *alias)
{
    quire_sim_io_end_(sim, alias, QUIRE_SIM_IO_NONE);
}

/* ---- The watch ---- */

static struct quire_sim_watch *quire_sim_watch_of_(const struct quire_fobj *fobj)
{
    const unsigned char *ops = (const unsigned char *)fobj->ops;

    /* The object was given the address of a watch that is not const. */
    return (struct quire_sim_watch *)(uintptr_t)(ops - offsetof(struct quire_sim_watch, ops));
}

/* `in_flight` changes under the machine's lock. */
static void quire_sim_watch_count_(struct quire_sim_watch *watch, uint64_t *counter, bool begins)
{
    uintptr_t key;
    bool entered = quire_sim_enter_(watch->sim, &key);

    if (begins) {
        (*counter)++;
        watch->in_flight++;
        watch->most = watch->in_flight > watch->most ? watch->in_flight : watch->most;
    } else {
        watch->in_flight--;
    }
    quire_sim_leave_(watch->sim, entered, key);
}

/* The store let go of the pages. */
static void quire_sim_watch_end_(struct quire_sim_watch *watch, const struct quire_io *io, bool load, enum quire_status status)
{
    uint32_t i;

    for (i = 0; i < io->npages; i++) {
        if (load) {
            quire_sim_load_end(watch->sim, io->page[i], status == QUIRE_OK);
        } else {
            quire_sim_save_end(watch->sim, io->page[i]);
        }
    }
    quire_sim_watch_count_(watch, NULL, false);
}

QUIRE_API void quire_sim_watch_answer(const struct quire_io *io, bool load, enum quire_status status)
{
    quire_sim_watch_end_(quire_sim_watch_of_(io->fobj), io, load, status);
}

static enum quire_status quire_sim_watch_load_(struct quire_io *io)
{
    struct quire_sim_watch *watch = quire_sim_watch_of_(io->fobj);
    uint64_t ticket = io->ticket;
    enum quire_status status;
    uint32_t i;

    quire_sim_watch_count_(watch, &watch->loads, true);
    for (i = 0; i < io->npages; i++) {
        quire_sim_load_begin_(watch->sim, io->page[i], (watch->inner->flags & QUIRE_FOBJ_OPS_FILLS) != 0,
                              io->need_page != NULL);
    }
    status = watch->inner->load(io);
    if (status != QUIRE_PENDING || ticket == 0) { /* else *io may be another's already */
        quire_sim_watch_end_(watch, io, true, status);
    }
    return status;
}

static enum quire_status quire_sim_watch_save_(struct quire_io *io)
{
    struct quire_sim_watch *watch = quire_sim_watch_of_(io->fobj);
    uint64_t ticket = io->ticket;
    enum quire_status status;
    uint32_t i;

    quire_sim_watch_count_(watch, &watch->saves, true);
    for (i = 0; i < io->npages; i++) {
        quire_sim_save_begin(watch->sim, io->page[i]);
    }
    status = watch->inner->save(io);
    if (status != QUIRE_PENDING || ticket == 0) {
        quire_sim_watch_end_(watch, io, false, status);
    }
    return status;
}

QUIRE_API enum quire_status quire_sim_watch_fobj(struct quire_sim_watch *watch, struct quire_sim *sim, struct quire_fobj *fobj)
{
    if (watch == NULL || sim == NULL || fobj == NULL || quire_fobj_is_unpaged(fobj)) {
        return QUIRE_INVALID;
    }
    QUIRE_MEMSET(watch, 0, sizeof *watch);
    watch->sim = sim;
    watch->inner = fobj->ops;
    watch->ops = *fobj->ops;
    watch->ops.load = quire_sim_watch_load_;
    watch->ops.save = watch->inner->save != NULL ? quire_sim_watch_save_ : NULL;
    fobj->ops = &watch->ops;
    return QUIRE_OK;
}

QUIRE_END

#endif
