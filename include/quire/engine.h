/* quire/engine.h - one operation of the pager: its lock, flushes and waits, and the moves of a page between states. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_ENGINE_H
#define QUIRE_ENGINE_H

#include "account.h"
#include "area.h"
#include "base.h"
#include "fobj.h"
#include "list.h"
#include "mmu.h"
#include "pmem.h"
#include "policy.h"
#include "rmap.h"
#include "state.h"
#include "tell.h"
#include "trace.h"

/*
 * Not for users: what page_in.h, pager.h, vm.h, pin.h and writeback.h are made of. An operation is a `struct quire_op` on the
 * stack: it takes the lock, collects what is to be flushed, and drops the lock. Every function here is called with the lock held.
 *
 *     quire_op_begin -> look, decide, change entries (batch) -> quire_op_flush -> ... -> quire_op_end
 *
 * A page in transit (LOADING, FLUSHING, SAVING) has an owner: the operation that moved it there, which ends the transit with
 * quire_pager_settle() or a release, and keeps fobj->busy raised meanwhile. Everybody else waits, or goes away with AGAIN.
 */
QUIRE_BEGIN

/* ---- Operations ---- */

/* Takes the lock; returns the key for dropping it. */
QUIRE_INLINE QUIRE_RESIDENT uintptr_t quire_pager_lock(const struct quire_pager *pager)
{
    const struct quire_mmu *mmu = pager->mmu;

    return mmu->lock != NULL ? mmu->lock(mmu->ctx) : 0;
}

QUIRE_INLINE QUIRE_RESIDENT void quire_pager_unlock(const struct quire_pager *pager, uintptr_t key)
{
    const struct quire_mmu *mmu = pager->mmu;

    if (mmu->unlock != NULL) {
        mmu->unlock(mmu->ctx, key);
    }
}

/* Takes and drops the lock around a call that may sleep; what was read before is to be read again. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_lock(struct quire_op *op)
{
    op->key = quire_pager_lock(op->pager);
}

QUIRE_INLINE QUIRE_RESIDENT void quire_op_unlock(struct quire_op *op)
{
    quire_pager_unlock(op->pager, op->key);
}

/* Begins with the lock taken already. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_begin_locked(struct quire_op *op, struct quire_pager *pager, uintptr_t key)
{
    op->pager = pager;
    op->key = key;
    op->dead = NULL;
    op->naged = 0;
    op->kept = 0;
    quire_batch_init(&op->batch);
#if QUIRE_TRACE
    op->vm = NULL;
    op->untold = QUIRE_OP_AT_ONCE;
    op->page = QUIRE_PAGE_NONE;
#endif
}

/* Takes the lock. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_begin(struct quire_op *op, struct quire_pager *pager)
{
    quire_op_begin_locked(op, pager, quire_pager_lock(pager));
}

/* Frees the dead objects of an operation, which has dropped the lock. */
QUIRE_API QUIRE_RESIDENT void quire_op_free_dead(struct quire_op *op) QUIRE_SYM(quire_op_free_dead);

/* Drops the lock; then frees the objects whose last page in transit this operation ended. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_end(struct quire_op *op)
{
    QUIRE_ASSERT(quire_batch_empty(&op->batch));
    quire_op_unlock(op);
    if (QUIRE_UNLIKELY(op->dead != NULL)) {
        quire_op_free_dead(op);
    }
}

/* quire_op_flush with FLUSH_UNLOCKED, and the batch not empty. */
QUIRE_API QUIRE_RESIDENT void quire_op_flush_unlocked(struct quire_op *op) QUIRE_SYM(quire_op_flush_unlocked);

/* Flushes the batch. With FLUSH_UNLOCKED the lock is dropped meanwhile: what the batch names must be protected by the
 * `flushing` count of its vm or fobj or by its page's state, and everything is to be read again. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_flush(struct quire_op *op)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    if (quire_batch_empty(&op->batch)) {
        return;
    }
    op->pager->stats.flushes++;
    if (QUIRE_UNLIKELY((mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) != 0)) {
        quire_op_flush_unlocked(op);
    } else {
        mmu->flush(mmu->ctx, &op->batch);
        quire_batch_init(&op->batch);
    }
}

/* Will flushing what is in the batch drop the lock? */
static inline QUIRE_RESIDENT bool quire_op_flush_drops(const struct quire_op *op)
{
    return (op->pager->mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) != 0 && !quire_batch_empty(&op->batch);
}

/* Flushes the batch, which is about page `number` only; that page does not move meanwhile. True if the lock was dropped: then
 * everything is to be read again, the page included unless it is pinned or held. */
QUIRE_API QUIRE_RESIDENT bool quire_op_flush_page(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_op_flush_page);

/* Flushes the batch, which is about pages of `fobj` only; none of them moves meanwhile. True if the lock was dropped. */
QUIRE_API QUIRE_RESIDENT bool quire_op_flush_fobj(struct quire_op *op, struct quire_fobj *fobj) QUIRE_SYM(quire_op_flush_fobj);

/* The same where a page of `fobj` went into quarantine on the way; the object may die meanwhile, its struct stays. */
QUIRE_API QUIRE_RESIDENT void quire_op_flush_quarantined(struct quire_op *op, struct quire_fobj *fobj)
    QUIRE_SYM(quire_op_flush_quarantined);

/* Puts `fobj` into, and out of, the state in which none of its pages moves, because of an unlocked flush. */
QUIRE_API QUIRE_RESIDENT void quire_op_freeze(struct quire_op *op, struct quire_fobj *fobj) QUIRE_SYM(quire_op_freeze);
QUIRE_API QUIRE_RESIDENT void quire_op_thaw(struct quire_op *op, struct quire_fobj *fobj) QUIRE_SYM(quire_op_thaw);

/* Waits for `token`; AGAIN if it must not or cannot. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_op_wait(struct quire_op *op, const void *token, bool wait_ok)
    QUIRE_SYM(quire_op_wait);

/* The same for something of `fobj`, which stays there meanwhile; DEAD if it died. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_op_wait_fobj(struct quire_op *op, struct quire_fobj *fobj, const void *token,
                                                              bool wait_ok) QUIRE_SYM(quire_op_wait_fobj);

/* Wakes who waits for any page to become free or evictable. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_wake_room(struct quire_op *op)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    if (QUIRE_UNLIKELY(op->pager->room_waiters > 0)) {
        mmu->wake(mmu->ctx, &op->pager->pool.free);
    }
}

/* Wakes who waits for page `pgidx` of `fobj`, for the object, or for room. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_wake(struct quire_op *op, struct quire_fobj *fobj, uint32_t pgidx)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    if (QUIRE_UNLIKELY(fobj->waiters > 0)) {
        mmu->wake(mmu->ctx, &fobj->slots[pgidx]);
    }
    quire_op_wake_room(op);
}

/* Nothing refers to the dead `fobj` any more: it will be freed when the lock is dropped. */
QUIRE_API QUIRE_RESIDENT void quire_op_bury(struct quire_op *op, struct quire_fobj *fobj) QUIRE_SYM(quire_op_bury);

/* One reason less (fobj->busy) for the struct to stay: the last one of a dead object hands it over to be freed. */
QUIRE_INLINE QUIRE_RESIDENT void quire_op_unbusy(struct quire_op *op, struct quire_fobj *fobj)
{
    QUIRE_ASSERT(fobj->busy > 0);
    fobj->busy--;
    if (QUIRE_UNLIKELY(fobj->dead && fobj->busy == 0)) {
        quire_op_bury(op, fobj);
    }
}

/* ---- Moves of a page ---- */

/* Hands page `number` to the policy of its account, unless it is fixed; `distance` as in struct quire_policy_ops. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_policy_insert(struct quire_pager *pager, struct quire_pmem *pmem, uint32_t number,
                                                           uint32_t distance)
{
    struct quire_policy *policy = pmem->fobj->account->policy;

    (void)pager;
    QUIRE_ASSERT((pmem->flags & QUIRE_PMEM_IN_POLICY) == 0);
    if ((pmem->flags & QUIRE_PMEM_FIXED) == 0) {
        pmem->flags |= QUIRE_PMEM_IN_POLICY;
        policy->ops->insert(policy, number, distance);
    }
}

/* Takes page `number` away from the policy of its account, if it has it. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_policy_remove(struct quire_pager *pager, struct quire_pmem *pmem, uint32_t number)
{
    (void)pager;
    if ((pmem->flags & QUIRE_PMEM_IN_POLICY) != 0) {
        struct quire_policy *policy = pmem->fobj->account->policy;

        pmem->flags &= (uint8_t)~QUIRE_PMEM_IN_POLICY;
        policy->ops->remove(policy, number);
    }
}

/* Wipes page `number` of a dead object and frees it: what it held is gone before anyone else can have the page. */
QUIRE_API QUIRE_RESIDENT void quire_pager_wipe(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_pager_wipe);

/* Wipes page `number`, whose load failed, and frees it: it holds what the store left of its own content, and of what was there
 * before, whose object may be dead by now. The slot remembers `shadow`. */
QUIRE_API QUIRE_RESIDENT void quire_pager_wipe_failed(struct quire_op *op, uint32_t number, uint32_t shadow)
    QUIRE_SYM(quire_pager_wipe_failed);

/* Wipes the free pages that still hold what was evicted: of an object that has died nothing is left then. Drops the lock between
 * two pages. O(free pages). */
QUIRE_API QUIRE_RESIDENT void quire_pager_wipe_stale(struct quire_op *op) QUIRE_SYM(quire_pager_wipe_stale);

/* The last pages that `thread` needed: a ring of which row[0] says where in row[1..n] the latest is; behind it is the oldest. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t *quire_pager_step_row(const struct quire_pager *pager, uint32_t thread)
{
    return &pager->steps[(size_t)thread * (pager->pages_per_step + 1u)];
}

/* Where in the row the oldest is. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_pager_step_oldest(const struct quire_pager *pager, const uint32_t *row)
{
    return row[0] == 1u ? pager->pages_per_step : row[0] - 1u;
}

/* The thread is about to need another page: the one it used longest ago is no longer kept for it; with the new one it has as
 * many as it is due. Returns its place. */
QUIRE_INLINE QUIRE_RESIDENT uint32_t quire_pager_step_make_room(struct quire_pager *pager, uint32_t *row)
{
    uint32_t oldest = quire_pager_step_oldest(pager, row);

    if (row[oldest] != QUIRE_PAGE_NONE) {
        struct quire_pmem *pmem = quire_pmem_at(&pager->pool, row[oldest]);

        pmem->steps--;
        pager->step_pages -= pmem->steps == 0;
        row[oldest] = QUIRE_PAGE_NONE;
    }
    return oldest;
}

/* If the row has the page already, makes it the latest of them. */
QUIRE_API QUIRE_RESIDENT bool quire_pager_step_again(const struct quire_pager *pager, uint32_t *row, uint32_t number)
    QUIRE_SYM(quire_pager_step_again);

/* Page `number` is the latest that a thread needed. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_step_note(struct quire_pager *pager, uint32_t *row, struct quire_pmem *pmem,
                                                       uint32_t number)
{
    if (pmem->steps == 0 || !quire_pager_step_again(pager, row, number)) {
        uint32_t place = quire_pager_step_make_room(pager, row);

        pager->step_pages += pmem->steps == 0;
        pmem->steps++;
        row[0] = place;
        row[place] = number;
    }
}

/* Answers the policy's questions (struct quire_policy_host). */
QUIRE_API QUIRE_RESIDENT unsigned quire_pager_host_state(void *ctx, uint32_t number) QUIRE_SYM(quire_pager_host_state);
QUIRE_API QUIRE_RESIDENT unsigned quire_pager_host_age(void *ctx, uint32_t number) QUIRE_SYM(quire_pager_host_age);

QUIRE_API QUIRE_RESIDENT bool quire_pager_host_clear(void *ctx, uint32_t number) QUIRE_SYM(quire_pager_host_clear);
QUIRE_API QUIRE_RESIDENT bool quire_pager_host_dirty(void *ctx, uint32_t number) QUIRE_SYM(quire_pager_host_dirty);

/* Is the page in transit, or held, or may none of its object's move? */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_page_busy(const struct quire_pager *pager, const struct quire_pmem *pmem)
{
    return pmem->state != QUIRE_PAGE_RESIDENT || pmem->holds != 0 || (pager->flushing != 0 && pmem->fobj->flushing != 0);
}

/* QUIRE_PAGE_FIXED, QUIRE_PAGE_DIRTY, as the policy is told. */
QUIRE_INLINE QUIRE_RESIDENT unsigned quire_pager_page_state(const struct quire_pager *pager, const struct quire_pmem *pmem)
{
    unsigned state = (pmem->flags & QUIRE_PMEM_DIRTY) != 0 ? QUIRE_PAGE_DIRTY : 0;

    return quire_pager_page_busy(pager, pmem) || pmem->steps != 0 ? state | QUIRE_PAGE_FIXED : state;
}

/* Ends a page's transit: it becomes resident again, or free if it was invalidated or its object died. Wakes. */
QUIRE_API QUIRE_RESIDENT void quire_pager_settle(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_pager_settle);

/* Frees page `number`, which is *pmem, has no entries, pins or holds, and lies in no transit but its own; its slot remembers
 * `shadow`. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_release_at(struct quire_op *op, struct quire_pmem *pmem, uint32_t number,
                                                        uint32_t shadow)
{
    struct quire_pager *pager = op->pager;
    struct quire_fobj *fobj = pmem->fobj;
    uint32_t pgidx = pmem->pgidx;

    quire_pager_policy_remove(pager, pmem, number);
    if ((pmem->flags & QUIRE_PMEM_FIXED) != 0) {
        pager->pool.fixed--;
        quire_account_fix(fobj->account, false);
    }
    quire_pmem_release_at(&pager->pool, pmem, number, shadow);
    quire_op_wake(op, fobj, pgidx);
}

/* The same for who has only the number. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_release_as(struct quire_op *op, uint32_t number, uint32_t shadow)
{
    quire_pager_release_at(op, quire_pmem_at(&op->pager->pool, number), number, shadow);
}

/* The same, with this moment as what the slot remembers, for who tells of it. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_release_told(struct quire_op *op, uint32_t number)
{
    struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);

    quire_pager_release_at(op, pmem, number, quire_account_shadow(pmem->fobj->account));
}

/* The same, and tells. */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_release(struct quire_op *op, uint32_t number)
{
    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_op_tell_release(op, number);
    }
    quire_pager_release_told(op, number);
}

/* Takes page `number` out of circulation: an MMU still shows it somewhere. */
QUIRE_API QUIRE_RESIDENT void quire_pager_quarantine(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_pager_quarantine);

/* Page `number` can (not) be evicted any more: tells the policy. */
QUIRE_API QUIRE_RESIDENT void quire_pager_set_fixed(struct quire_pager *pager, uint32_t number, bool fixed)
    QUIRE_SYM(quire_pager_set_fixed);

/* Decides anew whether page `number` can be evicted (its pins, its object, its dirtiness). */
QUIRE_INLINE QUIRE_RESIDENT void quire_pager_refix(struct quire_pager *pager, uint32_t number)
{
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    const struct quire_fobj *fobj = pmem->fobj;
    bool must = pmem->pins != 0 || (fobj->flags & QUIRE_FOBJ_LOCKED) != 0 ||
                ((pmem->flags & QUIRE_PMEM_DIRTY) != 0 && fobj->ops->save == NULL);

    if (must != ((pmem->flags & QUIRE_PMEM_FIXED) != 0)) {
        quire_pager_set_fixed(pager, number, must);
    }
}

/* Could one more page of the account become fixed? What is left must be enough for every fault to finish, for what is reserved for
 * other accounts, and of the account's quota for an instruction of one thread. */
QUIRE_API QUIRE_RESIDENT bool quire_pager_may_fix(const struct quire_pager *pager, const struct quire_account *account)
    QUIRE_SYM(quire_pager_may_fix);

/* Could `promised` pages be promised (struct quire_accounts)? */
static inline QUIRE_RESIDENT bool quire_pager_may_promise(const struct quire_pager *pager, uint64_t promised)
{
    return promised + pager->pool.count[QUIRE_PAGE_QUARANTINED] + pager->pool.count[QUIRE_PAGE_OFFLINE] + pager->min_pages <=
           pager->pool.total;
}

/* Could one more page leave the pool, the rest still being enough for every fault to finish and every promise to be kept? */
static inline QUIRE_RESIDENT bool quire_pager_may_spare(const struct quire_pager *pager)
{
    return quire_pager_may_promise(pager, (uint64_t)pager->accounts.promised + 1u);
}

/* Answers the questions of `policy`, which is fresh and that of `account`, from now on. */
QUIRE_API void quire_pager_host(struct quire_pager *pager, const struct quire_account *account, struct quire_policy *policy)
    QUIRE_SYM(quire_pager_host);

/* Is there a free page besides those of the reserve? */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_has_room(const struct quire_pager *pager)
{
    return pager->pool.count[QUIRE_PAGE_FREE] > pager->held_back;
}

/* A load or save ended with AGAIN: its store needs a page that only the owner of the reserve could bring. Waits until that has
 * changed; the caller has nothing in transit, and has not dropped the lock since. AGAIN if it must not wait or cannot. */
static inline QUIRE_RESIDENT enum quire_status quire_op_wait_reserve(struct quire_op *op, bool wait_ok)
{
    return op->pager->needing != NULL ? quire_op_wait(op, &op->pager->needing, wait_ok) : QUIRE_AGAIN;
}

/* Page `number` is about to be written by other means than an entry: it becomes dirty, and code in it unsynced (its entries
 * are removed: flush). NO_PAGE if it would have to be fixed and must not. */
QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_will_write(struct quire_op *op, uint32_t number)
    QUIRE_SYM(quire_pager_will_write);

QUIRE_END

#endif /* QUIRE_ENGINE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_ENGINE_IMPLEMENTED)
#define QUIRE_ENGINE_IMPLEMENTED

QUIRE_BEGIN

/* ---- Lock, flush, wait ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_free_dead(struct quire_op *op)
{
    while (op->dead != NULL) {
        struct quire_fobj *fobj = op->dead;

        op->dead = fobj->link.next != NULL ? QUIRE_CONTAINER_OF(fobj->link.next, struct quire_fobj, link) : NULL;
        if (fobj->ops->free != NULL) {
            fobj->ops->free(fobj);
        }
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_flush_unlocked(struct quire_op *op)
{
    const struct quire_mmu *mmu = op->pager->mmu;
    uint32_t i;

    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_op_tell(op);
    }
    op->pager->flushes++;
    quire_op_unlock(op);
    mmu->flush(mmu->ctx, &op->batch);
    quire_op_lock(op);
    op->pager->flushes--;
    if (op->pager->flushes == 0 && mmu->wake != NULL) {
        mmu->wake(mmu->ctx, &op->pager->flushes); /* a context that a batch named may end now */
    }
    quire_batch_init(&op->batch);
    for (i = 0; i < op->naged; i++) {
        if (quire_pmem_at(&op->pager->pool, op->aged[i])->state == QUIRE_PAGE_FLUSHING) {
            quire_pager_settle(op, op->aged[i]);
        }
    }
    op->naged = 0;
}

QUIRE_API QUIRE_RESIDENT void quire_op_freeze(struct quire_op *op, struct quire_fobj *fobj)
{
    fobj->flushing++;
    op->pager->flushing++;
}

QUIRE_API QUIRE_RESIDENT void quire_op_thaw(struct quire_op *op, struct quire_fobj *fobj)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    op->pager->flushing--;
    fobj->flushing--;
    if (fobj->waiters != 0 && fobj->flushing == 0) {
        mmu->wake(mmu->ctx, fobj);
    }
    quire_op_wake_room(op);
}

QUIRE_API QUIRE_RESIDENT bool quire_op_flush_fobj(struct quire_op *op, struct quire_fobj *fobj)
{
    if (!quire_op_flush_drops(op)) {
        quire_op_flush(op);
        return false;
    }
    quire_op_freeze(op, fobj);
    quire_op_flush(op);
    quire_op_thaw(op, fobj);
    return true;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_flush_quarantined(struct quire_op *op, struct quire_fobj *fobj)
{
    fobj->busy++;
    (void)quire_op_flush_fobj(op, fobj);
    quire_op_unbusy(op, fobj);
}

QUIRE_API QUIRE_RESIDENT bool quire_op_flush_page(struct quire_op *op, uint32_t number)
{
    struct quire_pmem_pool *pool = &op->pager->pool;
    struct quire_pmem *pmem = quire_pmem_at(pool, number);

    if (!quire_op_flush_drops(op)) {
        quire_op_flush(op);
        return false;
    }
    if (pmem->state != QUIRE_PAGE_RESIDENT) {
        return quire_op_flush_fobj(op, pmem->fobj); /* in transit already, by somebody else: held or pinned, so it stays */
    }
    pmem->fobj->busy++;
    quire_pmem_set_state(pool, pmem, QUIRE_PAGE_FLUSHING);
    quire_op_flush(op);
    quire_pager_settle(op, number);
    return true;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_op_wait(struct quire_op *op, const void *token, bool wait_ok)
{
    const struct quire_mmu *mmu = op->pager->mmu;

    if (!wait_ok || mmu->wait == NULL) {
        return QUIRE_AGAIN;
    }
    if (QUIRE_PAGER_TRACED(op->pager)) {
        quire_op_tell(op);
    }
    op->pager->stats.waits++;
    mmu->wait(mmu->ctx, token, op->key);
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_bury(struct quire_op *op, struct quire_fobj *fobj)
{
    QUIRE_ASSERT(fobj->resident == 0);
    fobj->account->objects--;
    quire_list_remove(&fobj->link);
    fobj->link.next = op->dead != NULL ? &op->dead->link : NULL;
    op->dead = fobj;
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_op_wait_fobj(struct quire_op *op, struct quire_fobj *fobj, const void *token,
                                                              bool wait_ok)
{
    enum quire_status status;
    bool dead;

    fobj->busy++;
    fobj->waiters++;
    status = quire_op_wait(op, token, wait_ok);
    fobj->waiters--;
    dead = fobj->dead;
    quire_op_unbusy(op, fobj);
    return status == QUIRE_OK && dead ? QUIRE_DEAD : status;
}

/* ---- Pages and the policy ---- */

QUIRE_API QUIRE_RESIDENT unsigned quire_pager_host_state(void *ctx, uint32_t number)
{
    struct quire_pager *pager = (struct quire_pager *)ctx;

    return quire_pager_page_state(pager, quire_pmem_at(&pager->pool, number));
}

/* Was the page used, as quire_rmap_age() says? With FLUSH_UNLOCKED and no accessed flags, nobody may evict the page or map it
 * anew until the flush: it is in transit then. */
static QUIRE_RESIDENT QUIRE_NOINLINE bool quire_pager_age_(struct quire_op *op, struct quire_pmem *pmem, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    bool drops = pager->mmu->age == NULL && (pager->mmu->features & QUIRE_MMU_FLUSH_UNLOCKED) != 0;
    uint32_t mapped = pmem->mapped;
    bool used;

    if (drops && op->naged == QUIRE_OP_AGED_MAX) {
        return (pmem->flags & QUIRE_PMEM_ACCESSED) != 0;
    }
    used = quire_rmap_age(pager->mmu, &op->batch, pmem);
    if (drops && pmem->mapped != mapped) {
        pmem->fobj->busy++;
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_FLUSHING);
        op->aged[op->naged++] = number;
    }
    return used;
}

/* The same for what is most common, one entry and an accessed flag, in few instructions. */
QUIRE_INLINE QUIRE_RESIDENT bool quire_pager_used_(struct quire_pager *pager, struct quire_pmem *pmem, uint32_t number)
{
    const struct quire_mmu *mmu = pager->mmu;
    const struct quire_area *area = pmem->sole;

    if (QUIRE_LIKELY(mmu->age != NULL && area != NULL && (pmem->flags & QUIRE_PMEM_ACCESSED) == 0)) {
        return mmu->age(mmu->ctx, area->vm, quire_area_va(area, pmem->pgidx));
    }
    return quire_pager_age_(pager->op, pmem, number);
}

QUIRE_API QUIRE_RESIDENT unsigned quire_pager_host_age(void *ctx, uint32_t number)
{
    struct quire_pager *pager = (struct quire_pager *)ctx;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    unsigned state = quire_pager_page_state(pager, pmem);

    if ((state & QUIRE_PAGE_FIXED) != 0 || pager->op == NULL) {
        return state | QUIRE_PAGE_FIXED;
    }
    if (quire_pager_used_(pager, pmem, number)) {
        pmem->fobj->account->headroom.used++;
        return state | QUIRE_PAGE_USED;
    }
    pmem->fobj->account->headroom.unused++;
    return state;
}

QUIRE_API QUIRE_RESIDENT bool quire_pager_host_clear(void *ctx, uint32_t number)
{
    struct quire_pager *pager = (struct quire_pager *)ctx;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (pager->op == NULL || quire_pager_page_busy(pager, pmem)) {
        return false;
    }
    (void)quire_pager_used_(pager, pmem, number);
    return true;
}

QUIRE_API QUIRE_RESIDENT bool quire_pager_host_dirty(void *ctx, uint32_t number)
{
    struct quire_pager *pager = (struct quire_pager *)ctx;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if ((pmem->flags & QUIRE_PMEM_DIRTY) != 0) {
        return true;
    }
    /* A page that cannot be saved is known to be dirty from its first write on, so noting it never makes a page FIXED. */
    if ((pager->mmu->features & QUIRE_MMU_HW_DIRTY) == 0 || pmem->mapped == 0 || pmem->fobj->ops->save == NULL ||
        !quire_rmap_written(pager->mmu, pmem)) {
        return false;
    }
    /* The page stays writable and its entries keep their flags: whoever saves it removes them first, as ever. */
    pmem->flags |= QUIRE_PMEM_DIRTY;
    return true;
}

QUIRE_API QUIRE_RESIDENT bool quire_pager_may_fix(const struct quire_pager *pager, const struct quire_account *account)
{
    uint64_t promised = pager->accounts.promised;

    return quire_pager_may_promise(pager, account->fixed < account->reserved ? promised : promised + 1u) &&
           (uint64_t)account->fixed + pager->pages_per_step < account->quota;
}

QUIRE_API void quire_pager_host(struct quire_pager *pager, const struct quire_account *account, struct quire_policy *policy)
{
    policy->host.pages = &pager->pool.pages;
    policy->host.ctx = pager;
    policy->host.state = quire_pager_host_state;
    policy->host.age = quire_pager_host_age;
    policy->host.clear = quire_pager_host_clear;
    policy->host.dirty = quire_pager_host_dirty;
    policy->host.evictions = &account->evictions;
    policy->host.age_faults = pager->mmu->age == NULL;
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_pager_set_fixed(struct quire_pager *pager, uint32_t number, bool fixed)
{
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (fixed) {
        quire_pager_policy_remove(pager, pmem, number);
        pmem->flags |= QUIRE_PMEM_FIXED;
        pager->pool.fixed++;
        quire_account_fix(pmem->fobj->account, true);
        return;
    }
    pmem->flags &= (uint8_t)~QUIRE_PMEM_FIXED;
    pager->pool.fixed--;
    quire_account_fix(pmem->fobj->account, false);
    if (pmem->state == QUIRE_PAGE_RESIDENT) {
        quire_pager_policy_insert(pager, pmem, number, QUIRE_DISTANCE_UNKNOWN);
    }
}

/* Makes page `number` zero. */
static QUIRE_RESIDENT void quire_pager_zero_(struct quire_op *op, uint32_t number)
{
    const struct quire_mmu *mmu = op->pager->mmu;
    struct quire_pa pa = quire_pmem_pa(&op->pager->pool, number);
    void *alias = mmu->alias_get(mmu->ctx, pa);

    QUIRE_MEMSET(alias, 0, QUIRE_PAGE_SIZE);
    mmu->alias_put(mmu->ctx, pa, alias);
    op->pager->stats.wipes++;
}

QUIRE_API QUIRE_RESIDENT void quire_pager_wipe(struct quire_op *op, uint32_t number)
{
    quire_pager_zero_(op, number);
    quire_pager_release_told(op, number); /* with the end of its object */
    quire_pmem_note_wiped(&op->pager->pool, quire_pmem_at(&op->pager->pool, number));
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_pager_wipe_failed(struct quire_op *op, uint32_t number, uint32_t shadow)
{
    quire_pager_zero_(op, number);
    quire_pager_release_as(op, number, shadow);
    quire_pmem_note_wiped(&op->pager->pool, quire_pmem_at(&op->pager->pool, number));
}

QUIRE_API QUIRE_RESIDENT void quire_pager_wipe_stale(struct quire_op *op)
{
    struct quire_pmem_pool *pool = &op->pager->pool;
    uint32_t number = pool->free;

    while (pool->stale != 0 && number != QUIRE_PAGE_NONE) {
        struct quire_pmem *pmem = quire_pmem_at(pool, number);

        if (quire_pmem_is_stale(pmem)) {
            quire_pager_zero_(op, number);
            quire_pmem_note_wiped(pool, pmem);
            quire_op_unlock(op);
            quire_op_lock(op);
            if (pmem->state != QUIRE_PAGE_FREE) { /* somebody took it: what is behind it is not known any more */
                number = pool->free;
                continue;
            }
        }
        number = pmem->chain_next;
    }
}

QUIRE_API QUIRE_RESIDENT void quire_pager_quarantine(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (pmem->state == QUIRE_PAGE_RESIDENT) {
        quire_pager_policy_remove(pager, pmem, number);
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_QUARANTINED);
        pager->stats.stuck++;
    }
}

QUIRE_API QUIRE_RESIDENT enum quire_status quire_pager_will_write(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);

    if (pmem->fobj->ops->save == NULL && (pmem->flags & QUIRE_PMEM_FIXED) == 0 &&
        !quire_pager_may_fix(pager, pmem->fobj->account)) {
        return QUIRE_NO_PAGE;
    }
    /* First, because a caller that has written already must not lose that to an entry that is stuck. */
    pmem->flags |= QUIRE_PMEM_DIRTY;
    quire_pager_refix(pager, number);
    /* In sync or not: an entry that permits both may be there for what is not. */
    if ((pmem->fobj->max_prot & QUIRE_PROT_EXEC) != 0) {
        pmem->flags &= (uint8_t)~QUIRE_PMEM_SYNCED;
        if (quire_rmap_remove(pager->mmu, &op->batch, pmem)) {
            quire_pager_quarantine(op, number);
            return QUIRE_STUCK;
        }
    }
    return QUIRE_OK;
}

QUIRE_API QUIRE_RESIDENT void quire_pager_settle(struct quire_op *op, uint32_t number)
{
    struct quire_pager *pager = op->pager;
    struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
    struct quire_fobj *fobj = pmem->fobj;

    QUIRE_ASSERT(quire_pmem_is_busy(pmem));
    if (fobj->dead) {
        quire_pager_wipe(op, number);
    } else if ((pmem->flags & QUIRE_PMEM_DISCARD) != 0 && pmem->mapped == 0 && pmem->pins == 0 && pmem->holds == 0) {
        quire_pager_release(op, number);
    } else {
        if (QUIRE_PAGER_TRACED(pager) && (op->untold & QUIRE_OP_SAVED) != 0) {
            quire_op_tell_save(op, number, QUIRE_OK);
        }
        pmem->flags &= (uint8_t) ~(QUIRE_PMEM_WAITED | QUIRE_PMEM_DISCARD);
        quire_pmem_set_state(&pager->pool, pmem, QUIRE_PAGE_RESIDENT);
        if ((pmem->flags & QUIRE_PMEM_IN_POLICY) == 0) {
            quire_pager_policy_insert(pager, pmem, number, QUIRE_DISTANCE_UNKNOWN);
        }
        quire_op_wake(op, fobj, pmem->pgidx);
    }
#if QUIRE_TRACE
    op->untold &= ~QUIRE_OP_SAVED;
#endif
    quire_op_unbusy(op, fobj);
}

/* ---- The last pages of each thread ---- */

QUIRE_API QUIRE_RESIDENT QUIRE_COLD bool quire_pager_step_again(const struct quire_pager *pager, uint32_t *row, uint32_t number)
{
    uint32_t n = pager->pages_per_step;
    uint32_t at = row[0];
    uint32_t i;

    for (i = 0; i < n && row[at] != number; i++) {
        at = at == n ? 1u : at + 1u;
    }
    if (i == n) {
        return false;
    }
    for (; i > 0; i--) {
        uint32_t before = at == 1u ? n : at - 1u;

        row[at] = row[before];
        at = before;
    }
    row[at] = number;
    return true;
}

QUIRE_END

#endif
