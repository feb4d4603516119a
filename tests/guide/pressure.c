/* The part of the guide for when memory is short: an account, the gauge, the trace. */
#include "kernel.h"

#include <stdio.h>

/* An application that has at most `quota` pages, of which the faults of others never take the last `reserved`. Its objects are
 * charged to it by quire_fobj_set_account(), each before it is mapped. */
enum quire_status kernel_add_application(struct application *app, uint32_t quota, uint32_t reserved)
{
    struct quire_account_config limits = {0};

    limits.policy = quire_policy_refault_init(&app->refault); /* it orders this application's pages only */
    limits.quota = quota;
    limits.reserved = reserved;
    return quire_account_init(&app->account, &pager, &limits);
}

/* To be asked once a second, say: with how many pages more would it stop loading the same ones again? */
uint32_t kernel_pages_missing(struct application *app)
{
    struct quire_headroom_info at;

    quire_account_headroom(&app->account, true, &at);
    return at.missing;
}

static uint32_t trace_words[QUIRE_TRACE_WORDS(1024)];
static struct quire_trace trace;

/* From here on every fault and eviction is an event in a ring of 1024. */
enum quire_status kernel_listen(void)
{
    enum quire_status status = quire_trace_init(&trace, trace_words, 1024);

    return status == QUIRE_OK ? quire_pager_set_trace(&pager, &trace) : status;
}

/* How often a page of the object gave way since `reader` looked last. In any thread, without a lock. */
uint32_t kernel_count_evicted(const struct quire_fobj *fobj, struct quire_trace_reader *reader)
{
    struct quire_trace_event event;
    uint32_t n = 0;

    while (quire_trace_read(&trace, reader, &event) == QUIRE_OK) {
        n += (event.what & QUIRE_TRACE_VICTIM) != 0 && event.victim == fobj->id;
    }
    return n; /* reader->lost: events that were overwritten first */
}

/* An application goes round and round over one page more than it may have. */
int guide_pressure(void)
{
    static struct application app;
    static struct address_space space;
    static struct quire_fobj_ro program;
    static uint32_t slots[PROGRAM_PAGES];
    struct quire_fobj_ro_config content = {0};
    struct quire_mapping mapping = {0};
    struct quire_trace_reader reader = {0};
    struct quire_account_info info;
    uint32_t missing;
    uint32_t evicted;
    int wrong = 0;
    size_t i;

    content.data = program_image;
    content.len = sizeof program_image;
    content.slots = slots;
    mapping.fobj = &program.base;
    mapping.prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
    mapping.va = SPACE_BASE;
    if (kernel_listen() != QUIRE_OK || kernel_add_application(&app, RAM_PAGES, 0) != QUIRE_OK ||
        quire_fobj_ro_init(&program, &content) != QUIRE_OK || quire_fobj_set_account(&program.base, &app.account) != QUIRE_OK ||
        quire_vm_init(&space.vm, &pager, SPACE_BASE, SPACE_BASE + SPACE_PAGES * QUIRE_PAGE_SIZE - 1, &space) != QUIRE_OK ||
        quire_vm_map(&space.vm, &mapping, NULL) != QUIRE_OK) {
        fprintf(stderr, "there is no application\n");
        return 1;
    }
    for (i = 0; i < 100u * (RAM_PAGES + 1u); i++) {
        size_t offset = i % (RAM_PAGES + 1u) * QUIRE_PAGE_SIZE;

        wrong += cpu_access(&space, SPACE_BASE + offset, QUIRE_PROT_READ) != program_image[offset];
    }
    missing = kernel_pages_missing(&app);
    evicted = kernel_count_evicted(&program.base, &reader);
    quire_account_get_info(&app.account, &info);
    printf("an application with %u pages of %u that it goes through misses %u; %u times one gave way\n", RAM_PAGES,
           RAM_PAGES + 1u, missing, evicted);
    wrong += missing == 0 || reader.lost != 0 || evicted == 0 || evicted != info.stats.evictions;
    wrong += quire_pager_set_trace(&pager, NULL) != QUIRE_OK || quire_vm_fini(&space.vm) != QUIRE_OK ||
             quire_fobj_put(&program.base) != QUIRE_OK || quire_account_fini(&app.account) != QUIRE_OK;
    return wrong;
}
