/* quire/tell.h - what a pager tells its trace, and when. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_TELL_H
#define QUIRE_TELL_H

#include "area.h"
#include "base.h"
#include "fobj.h"
#include "pmem.h"
#include "policy.h"
#include "state.h"
#include "trace.h"

/*
 * Not for users; trace.h says what the events mean. What most faults do is one event, told at their end: so an eviction waits in
 * the operation (`untold`) for the fault that needs its page, and is told by itself where the lock is dropped before that.
 *
 *     evict -> op->untold |= EVICTED -> the fault ends: one event with a victim
 *                                   \-> quire_op_tell(): an event of its own
 *
 * Called with the lock held. With QUIRE_TRACE 0 no operation calls any of this.
 */
QUIRE_BEGIN

/* Tells the trace, if there is one, what the operation did to `page` and has not told yet: the lock is about to be dropped, or
 * the page will be another. */
QUIRE_API QUIRE_RESIDENT void quire_op_tell(struct quire_op *op) QUIRE_SYM(quire_op_tell);

/* Tells that page `number` is about to be given up. */
QUIRE_API QUIRE_RESIDENT void quire_op_tell_release(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_op_tell_release);

/* Tells that a fault's page came but cannot be used as it is: before it looks again. QUIRE_PAGE_NONE: it is gone already. */
QUIRE_API QUIRE_RESIDENT void quire_op_tell_came(struct quire_op *op, uint32_t number) QUIRE_SYM(quire_op_tell_came);

/* Tells how it ended that page `pgidx` of the object numbered `fobj` was brought in for what is no fault; if well, in page
 * `number`. `began`: on the trace's clock. */
QUIRE_API QUIRE_RESIDENT void quire_op_tell_load(struct quire_op *op, uint32_t number, uint32_t fobj, uint32_t pgidx,
                                                 enum quire_status status, uint64_t began) QUIRE_SYM(quire_op_tell_load);

/* Tells how it ended that a store was given page `number`, which stays. */
QUIRE_API QUIRE_RESIDENT void quire_op_tell_save(struct quire_op *op, uint32_t number, enum quire_status status)
    QUIRE_SYM(quire_op_tell_save);

/* The trace's clock, where somebody listens; else 0. */
QUIRE_INLINE QUIRE_RESIDENT uint64_t quire_pager_clock(const struct quire_pager *pager)
{
    return QUIRE_PAGER_TRACED(pager) ? quire_trace_now(pager->trace) : 0;
}

/* `began` as it was read on the clock of `trace`; 0: the pager has another one by now, whose clock is another. */
QUIRE_INLINE QUIRE_RESIDENT uint64_t quire_pager_since(const struct quire_pager *pager, const struct quire_trace *trace,
                                                       uint64_t began)
{
    return trace == pager->trace ? began : 0;
}

/* When the fault began, on the trace's clock; 0: not measured, or on another's. */
QUIRE_INLINE QUIRE_RESIDENT uint64_t quire_op_began(const struct quire_op *op)
{
    return (op->untold & QUIRE_OP_TIMED) != 0 ? quire_pager_since(op->pager, op->clock, op->began) : 0;
}

/* The pager has another trace, null: none. */
QUIRE_API void quire_pager_listen(struct quire_pager *pager, struct quire_trace *trace) QUIRE_SYM(quire_pager_listen);

/* Tells that a context, an object began or ended. */
QUIRE_API QUIRE_RESIDENT void quire_pager_tell_vm(struct quire_pager *pager, const struct quire_vm *vm, unsigned kind)
    QUIRE_SYM(quire_pager_tell_vm);
QUIRE_API QUIRE_RESIDENT void quire_pager_tell_fobj(struct quire_pager *pager, const struct quire_fobj *fobj, unsigned kind)
    QUIRE_SYM(quire_pager_tell_fobj);

QUIRE_END

#endif /* QUIRE_TELL_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_TELL_IMPLEMENTED)
#define QUIRE_TELL_IMPLEMENTED

QUIRE_BEGIN

QUIRE_API void quire_pager_listen(struct quire_pager *pager, struct quire_trace *trace)
{
    pager->trace = trace;
    pager->timed = trace != NULL && trace->now != NULL;
    pager->telling = QUIRE_TELLING_OTHER;
    if (trace != NULL && trace->event == NULL) {
        pager->telling = pager->timed ? QUIRE_TELLING_TIMED : QUIRE_TELLING_RING;
    }
}

#if QUIRE_TRACE

/* One event that is no fault. */
static QUIRE_RESIDENT QUIRE_COLD void quire_op_put_(struct quire_op *op, unsigned what, uint32_t cost, uint32_t page,
                                                    uint32_t fobj, uint32_t pgidx, bool evicted)
{
    struct quire_trace *trace = op->pager->trace;
    uint32_t who = (op->vm != NULL ? op->vm->id : 0) | cost;

    if (evicted) {
        quire_trace_put_victim(trace, quire_trace_now(trace), what, who, page, fobj, pgidx, op->victim, op->victim_pgidx);
    } else {
        quire_trace_put(trace, quire_trace_now(trace), what, who, page, fobj, pgidx);
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_tell(struct quire_op *op)
{
    bool loaded = (op->untold & QUIRE_OP_LOADED) != 0;
    bool evicted = (op->untold & QUIRE_OP_EVICTED) != 0;
    unsigned what = quire_trace_what(loaded ? QUIRE_TRACE_LOAD : QUIRE_TRACE_EVICT, 0, 0, QUIRE_OK);
    const struct quire_pmem *pmem;

    what |= op->untold & QUIRE_OP_DIRTY;
    op->untold &= ~(QUIRE_OP_LOADED | QUIRE_OP_EVICTED | QUIRE_OP_DIRTY);
    if (loaded) {
        pmem = quire_pmem_at(&op->pager->pool, op->page);
        quire_op_put_(op, what, 0, op->page, pmem->fobj->id, pmem->pgidx, evicted);
    } else if (evicted) {
        quire_op_put_(op, what, 0, op->page, 0, 0, true);
    }
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_tell_release(struct quire_op *op, uint32_t number)
{
    const struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);
    bool saved = (op->untold & QUIRE_OP_SAVED) != 0;

    quire_op_tell(op); /* what it did before */
    op->untold &= ~QUIRE_OP_SAVED;
    op->victim = pmem->fobj->id;
    op->victim_pgidx = pmem->pgidx;
    quire_op_put_(op, quire_trace_what(QUIRE_TRACE_EVICT, 0, 0, QUIRE_OK) | (saved ? QUIRE_TRACE_DIRTY : 0u),
                  saved ? op->cost : 0, number, 0, 0, true);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_tell_came(struct quire_op *op, uint32_t number)
{
    if (number != QUIRE_PAGE_NONE) {
        op->untold |= QUIRE_OP_LOADED;
        op->page = number;
    }
    quire_op_tell(op);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_tell_load(struct quire_op *op, uint32_t number, uint32_t fobj, uint32_t pgidx,
                                                            enum quire_status status, uint64_t began)
{
    uint64_t now = quire_pager_clock(op->pager);

    quire_op_put_(op, quire_trace_what(QUIRE_TRACE_LOAD, QUIRE_TRACE_LOAD_STORE, 0, status),
                  began != 0 ? quire_trace_cost_code(now - began) : 0, status == QUIRE_OK ? number : QUIRE_PAGE_NONE, fobj,
                  pgidx, false);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_op_tell_save(struct quire_op *op, uint32_t number, enum quire_status status)
{
    const struct quire_pmem *pmem = quire_pmem_at(&op->pager->pool, number);

    quire_op_put_(op, quire_trace_what(QUIRE_TRACE_SAVE, 0, 0, status), op->cost, number, pmem->fobj->id, pmem->pgidx, false);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_pager_tell_vm(struct quire_pager *pager, const struct quire_vm *vm,
                                                             unsigned kind)
{
    quire_trace_put(pager->trace, quire_trace_now(pager->trace), quire_trace_what(QUIRE_TRACE_CONTEXT, kind, 0, QUIRE_OK),
                    vm->id, QUIRE_PAGE_NONE, 0, 0);
}

QUIRE_API QUIRE_RESIDENT QUIRE_COLD void quire_pager_tell_fobj(struct quire_pager *pager, const struct quire_fobj *fobj,
                                                               unsigned kind)
{
    if (kind == QUIRE_TRACE_BEGAN && quire_fobj_is_unpaged(fobj)) {
        kind = QUIRE_TRACE_BEGAN_UNPAGED;
    }
    quire_trace_put(pager->trace, quire_trace_now(pager->trace), quire_trace_what(QUIRE_TRACE_OBJECT, kind, 0, QUIRE_OK), 0,
                    QUIRE_PAGE_NONE, fobj->id, fobj->num_pages);
}

#endif /* QUIRE_TRACE */

QUIRE_END

#endif
