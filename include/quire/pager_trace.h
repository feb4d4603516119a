/* quire/pager_trace.h - begins and ends the tracing of a pager that runs. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_PAGER_TRACE_H
#define QUIRE_PAGER_TRACE_H

#include "area.h"
#include "base.h"
#include "engine.h"
#include "fobj.h"
#include "list.h"
#include "pmem.h"
#include "request.h"
#include "trace.h"

/*
 * A trace that is set when the pager is made knows everything from the beginning. One that comes later is first told what there
 * is: each context, each object, and after it each of its resident pages (LOAD, QUIRE_TRACE_LOAD_BEFORE). So is one that is set
 * again: whoever lost events asks for the state anew.
 *
 *     quire_trace_init(&trace, words, n);        in a running system
 *     quire_pager_set_trace(&pager, &trace);     from here on it listens
 *     quire_pager_set_trace(&pager, NULL);       it is told nothing any more: its memory is the user's again
 */
QUIRE_BEGIN

/* Gives the pager a trace, or with null none. INVALID: a trace without a ring and without a hook, or QUIRE_TRACE is 0. Under the
 * lock: O(contexts + objects + resident pages) with a trace, and a ring should have room for as many events; O(1) without. */
QUIRE_API QUIRE_MUST_CHECK enum quire_status quire_pager_set_trace(struct quire_pager *pager, struct quire_trace *trace)
    QUIRE_SYM(quire_pager_set_trace);

QUIRE_END

#endif /* QUIRE_PAGER_TRACE_H */

/* ---- Implementation --------------------------------------------------------------------------------------------- */

#if defined(QUIRE_IMPLEMENTATION) && !defined(QUIRE_PAGER_TRACE_IMPLEMENTED)
#define QUIRE_PAGER_TRACE_IMPLEMENTED

QUIRE_BEGIN

#if QUIRE_TRACE

/* What the object has in memory: not what is on its way, which is told when it arrives. */
static void quire_pager_tell_pages_(const struct quire_pager *pager, const struct quire_fobj *fobj)
{
    uint32_t number = fobj->chain;

    while (number != QUIRE_PAGE_NONE) {
        const struct quire_pmem *pmem = quire_pmem_at(&pager->pool, number);
        unsigned what = quire_trace_what(QUIRE_TRACE_LOAD, QUIRE_TRACE_LOAD_BEFORE, 0, QUIRE_OK);
        const struct quire_request *late;

        what |= (pmem->flags & QUIRE_PMEM_DIRTY) != 0 ? QUIRE_TRACE_DIRTY : 0;
        late = pmem->state == QUIRE_PAGE_QUARANTINED ? quire_request_late(pager, number) : NULL;
        if (pmem->state != QUIRE_PAGE_LOADING && (late == NULL || !late->load)) {
            quire_trace_put(pager->trace, quire_trace_now(pager->trace), what, 0, number, fobj->id, pmem->pgidx);
        }
        number = pmem->chain_next;
    }
}

static void quire_pager_tell_all_(struct quire_pager *pager)
{
    const struct quire_list_node *node;

    for (node = pager->vms.next; node != &pager->vms; node = node->next) {
        quire_pager_tell_vm(pager, QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_vm, link), QUIRE_TRACE_BEGAN);
    }
    for (node = pager->fobjs.next; node != &pager->fobjs; node = node->next) {
        const struct quire_fobj *fobj = QUIRE_CONTAINER_OF((uintptr_t)node, struct quire_fobj, link);

        if (!fobj->dead) {
            quire_pager_tell_fobj(pager, fobj, QUIRE_TRACE_BEGAN);
            quire_pager_tell_pages_(pager, fobj);
        }
    }
}

#endif

QUIRE_API enum quire_status quire_pager_set_trace(struct quire_pager *pager, struct quire_trace *trace)
{
    struct quire_op op;

    if (trace != NULL && (!QUIRE_TRACE || !quire_trace_valid(trace))) {
        return QUIRE_INVALID;
    }
    quire_op_begin(&op, pager);
    quire_pager_listen(pager, trace);
#if QUIRE_TRACE
    if (trace != NULL) {
        quire_pager_tell_all_(pager);
    }
#endif
    quire_op_end(&op);
    return QUIRE_OK;
}

QUIRE_END

#endif
