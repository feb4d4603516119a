/* statistics.c - figures of the pager, of sharing, and of the machine under it. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/statistics.h"

#include "kernel/measure.h"
#include "kernel/paging.h"
#include "kernel/survey.h"
#include "lib/memory.h"

/* What the counters stood at when they were reset; only sums are. */
static struct tee_stats zero;

static void take_sums(struct tee_stats *stats)
{
    const struct paging_figures *figures = &paging_figures;
    struct quire_pager_stats sums;

    quire_pager_get_stats(&pager, &sums);
    stats->faults_minor = figures->faults[QUIRE_FAULT_MINOR];
    stats->faults_major = figures->faults[QUIRE_FAULT_MAJOR];
    stats->faults_write = figures->faults[QUIRE_FAULT_WRITE];
    stats->faults_accessed = figures->faults[QUIRE_FAULT_ACCESSED];
    stats->faults_spurious = figures->faults[QUIRE_FAULT_SPURIOUS];
    stats->faults_refused = figures->faults[QUIRE_FAULT_REFUSED];
    stats->faults_kernel = figures->kernel;
    stats->evictions = sums.evictions;
    stats->saves = sums.saves;
    stats->integrity = figures->integrity;
    stats->killed = figures->killed;
    stats->table_short = sums.table_rounds;
    stats->asid_rolls = vmsa.rolls;
    stats->cycles_minor = figures->cycles[QUIRE_FAULT_MINOR];
    stats->cycles_major = figures->cycles[QUIRE_FAULT_MAJOR];
    memcpy(stats->measured, measured, sizeof stats->measured);
}

static void subtract_measured(struct tee_measured *sums, const struct tee_measured *less)
{
    sums->faults -= less->faults;
    sums->entry -= less->entry;
    sums->library -= less->library;
    sums->hooks -= less->hooks;
    sums->store -= less->store;
}

/* Sums are the fields from the first to the last of these; all are 64-bit counters. */
static void subtract(struct tee_stats *stats)
{
    unsigned i;

    stats->faults_minor -= zero.faults_minor;
    stats->faults_major -= zero.faults_major;
    stats->faults_write -= zero.faults_write;
    stats->faults_accessed -= zero.faults_accessed;
    stats->faults_spurious -= zero.faults_spurious;
    stats->faults_refused -= zero.faults_refused;
    stats->faults_kernel -= zero.faults_kernel;
    stats->evictions -= zero.evictions;
    stats->saves -= zero.saves;
    stats->integrity -= zero.integrity;
    stats->killed -= zero.killed;
    stats->table_short -= zero.table_short;
    stats->asid_rolls -= zero.asid_rolls;
    stats->cycles_minor -= zero.cycles_minor;
    stats->cycles_major -= zero.cycles_major;
    for (i = 0; i < TEE_MEASURED; i++) {
        subtract_measured(&stats->measured[i], &zero.measured[i]);
    }
}

void statistics_take(struct tee_stats *stats)
{
    struct survey_sharing sharing;
    struct quire_pager_stats now;

    memset(stats, 0, sizeof *stats);
    take_sums(stats);
    subtract(stats);
    survey_sharing(&sharing);
    stats->mapped = sharing.mapped;
    stats->shared = sharing.shared;
    stats->saved = sharing.saved;
    quire_pager_get_stats(&pager, &now);
    stats->pool_pages = now.total - now.pages[QUIRE_PAGE_OFFLINE];
    stats->pool_free = now.pages[QUIRE_PAGE_FREE];
    stats->pool_min = pager.min_pages;
    stats->lock_wait_max = paging_figures.lock_wait_max;
}

void statistics_reset(void)
{
    memset(&zero, 0, sizeof zero);
    take_sums(&zero);
    paging_figures.lock_wait_max = 0;
}
