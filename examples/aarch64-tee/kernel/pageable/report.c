/* report.c - what the kernel tells about itself, as text. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/report.h"

#include "kernel/pageable/heap.h"
#include "kernel/pageable/image.h"
#include "kernel/pageable/session.h"
#include "kernel/pageable/statistics.h"
#include "kernel/paging.h"
#include "kernel/survey.h"
#include "lib/memory.h"

/* ---- Taking ---- */

/* Sixteen bytes, as text where they are. */
static void take_name(char to[17], const uint64_t name[2])
{
    unsigned i;

    memcpy(to, name, 16);
    to[16] = '\0';
    for (i = 0; i < 16u; i++) {
        if (to[i] != '\0' && (to[i] < ' ' || to[i] > '~' || to[i] == '"' || to[i] == '\\')) {
            to[i] = '?';
        }
    }
}

static void take_session(struct report_session *to, struct session *session)
{
    struct quire_account_info info;

    quire_account_get_info(&session->account, &info);
    take_name(to->name, session->image->name);
    to->id = session->id;
    to->dead = session->dead;
    to->figures = session->figures;
    to->resident = info.charged;
    to->peak = session->peak;
    to->evictions = info.stats.evictions;
    to->shared = survey_shared_by(&session->vm);
}

void report_take(struct report *report)
{
    uint32_t i;

    memset(report, 0, sizeof *report);
    statistics_take(&report->total);
    for (i = 0; i < SESSIONS_MAX; i++) {
        struct session *session = session_hold(i);

        if (session != NULL) {
            take_session(&report->session[report->num_sessions++], session);
            session_let_go(session);
        }
    }
}

/* ---- Text ---- */

static uint64_t per(uint64_t sum, uint64_t n)
{
    return n != 0 ? sum / n : 0;
}

static void write_total(struct writer *writer, const struct tee_stats *total)
{
    writer_print(writer, "pool            %8lu pages, %lu free; every instruction finishes with %lu\n", total->pool_pages,
                 total->pool_free, total->pool_min);
    writer_print(writer, "mapped          %8lu pages\n", total->mapped);
    writer_print(writer, "faults          %8lu major, %lu minor, %lu to write, %lu to be accessed, %lu spurious, %lu refused\n",
                 total->faults_major, total->faults_minor, total->faults_write, total->faults_accessed, total->faults_spurious,
                 total->faults_refused);
    writer_print(writer, "of the kernel's %8lu\n", total->faults_kernel);
    writer_print(writer, "evictions       %8lu, %lu written back\n", total->evictions, total->saves);
    writer_print(writer, "shared          %8lu pages, which saves %lu\n", total->shared, total->saved);
    writer_print(writer, "refused         %8lu pages that were not what they should be; %lu applications killed\n",
                 total->integrity, total->killed);
    writer_print(writer, "tables          %8lu times made room for; all ASIDs given out %lu times\n", total->table_short,
                 total->asid_rolls);
    writer_print(writer, "a fault         %8lu cycles minor, %lu major; lock waited for at most %lu ticks\n",
                 per(total->cycles_minor, total->faults_minor), per(total->cycles_major, total->faults_major),
                 total->lock_wait_max);
}

static void write_text(struct writer *writer, const struct report *report)
{
    uint32_t i;

    write_total(writer, &report->total);
    writer_print(writer, "%-4s %-16s %8s %8s %8s %8s %8s %8s %8s\n", "id", "application", "major", "minor", "write", "evicted",
                 "saved", "peak", "shared");
    for (i = 0; i < report->num_sessions; i++) {
        const struct report_session *session = &report->session[i];
        const uint64_t *faults = session->figures.faults;

        writer_print(writer, "%-4u %-16s %8lu %8lu %8lu %8lu %8lu %8u %8u%s\n", session->id, session->name,
                     faults[QUIRE_FAULT_MAJOR], faults[QUIRE_FAULT_MINOR], faults[QUIRE_FAULT_WRITE], session->evictions,
                     session->figures.saves, session->peak, session->shared, session->dead ? " (killed)" : "");
    }
}

bool report_write(uint64_t kind, const struct quire_view *view, size_t *length)
{
    struct writer writer = {view, 0};
    struct report *report = heap_alloc(sizeof *report);

    if (report == NULL || kind > TEE_REPORT_DOT) {
        heap_free(report, sizeof *report);
        return false;
    }
    if (kind == TEE_REPORT_DOT) {
        report_dot(&writer);
    } else {
        report_take(report);
        if (kind == TEE_REPORT_JSON) {
            report_json(&writer, report);
        } else {
            write_text(&writer, report);
        }
    }
    heap_free(report, sizeof *report);
    *length = writer.length;
    return true;
}
