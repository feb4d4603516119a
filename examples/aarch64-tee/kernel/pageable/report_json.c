/* report_json.c - what the kernel tells about itself, as JSON. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/report.h"

static void put_faults(struct writer *writer, const uint64_t *faults)
{
    writer_print(writer,
                 "{\"major\": %lu, \"minor\": %lu, \"write\": %lu, \"accessed\": %lu, \"spurious\": %lu, \"refused\": %lu}",
                 faults[QUIRE_FAULT_MAJOR], faults[QUIRE_FAULT_MINOR], faults[QUIRE_FAULT_WRITE], faults[QUIRE_FAULT_ACCESSED],
                 faults[QUIRE_FAULT_SPURIOUS], faults[QUIRE_FAULT_REFUSED]);
}

static void put_session(struct writer *writer, const struct report_session *session)
{
    writer_print(writer, "    {\"id\": %u, \"application\": \"%s\", \"killed\": %s, \"calls\": %lu, \"faults\": ", session->id,
                 session->name, session->dead ? "true" : "false", session->figures.calls);
    put_faults(writer, session->figures.faults);
    writer_print(writer, ",\n     \"evictions\": %lu, \"saves\": %lu, \"resident\": %u, \"peak\": %u, \"shared\": %u}",
                 session->evictions, session->figures.saves, session->resident, session->peak, session->shared);
}

static void put_total(struct writer *writer, const struct tee_stats *total)
{
    writer_print(writer, "  \"pool\": {\"pages\": %lu, \"free\": %lu, \"minimum\": %lu, \"mapped\": %lu},\n", total->pool_pages,
                 total->pool_free, total->pool_min, total->mapped);
    writer_print(writer, "  \"faults\": {\"major\": %lu, \"minor\": %lu, \"write\": %lu, \"accessed\": %lu,\n",
                 total->faults_major, total->faults_minor, total->faults_write, total->faults_accessed);
    writer_print(writer, "             \"spurious\": %lu, \"refused\": %lu, \"kernel\": %lu},\n", total->faults_spurious,
                 total->faults_refused, total->faults_kernel);
    writer_print(writer, "  \"evictions\": %lu, \"saves\": %lu, \"shared\": %lu, \"saved_by_sharing\": %lu,\n",
                 total->evictions, total->saves, total->shared, total->saved);
    writer_print(writer, "  \"integrity\": %lu, \"killed\": %lu, \"tables_recycled\": %lu, \"asid_rolls\": %lu,\n",
                 total->integrity, total->killed, total->table_short, total->asid_rolls);
    writer_print(writer, "  \"cycles\": {\"minor\": %lu, \"major\": %lu}, \"lock_wait_max\": %lu,\n", total->cycles_minor,
                 total->cycles_major, total->lock_wait_max);
}

void report_json(struct writer *writer, const struct report *report)
{
    uint32_t i;

    writer_print(writer, "{\n");
    put_total(writer, &report->total);
    writer_print(writer, "  \"sessions\": [\n");
    for (i = 0; i < report->num_sessions; i++) {
        put_session(writer, &report->session[i]);
        writer_print(writer, "%s\n", i + 1u < report->num_sessions ? "," : "");
    }
    writer_print(writer, "  ]\n}\n");
}
