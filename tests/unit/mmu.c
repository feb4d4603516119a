/* mmu.h: the flush batch, exact until it widens, and what a table of hooks must have. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/area.h"
#include "quire/mmu.h"

static struct quire_vm vm[3];
static struct quire_batch batch;

static uintptr_t page(uint32_t i)
{
    return (uintptr_t)i << QUIRE_PAGE_SHIFT;
}

static void fill(uint32_t n, struct quire_vm *first, struct quire_vm *others)
{
    uint32_t i;

    quire_batch_init(&batch);
    for (i = 0; i < n; i++) {
        quire_batch_add(&batch, i == 0 ? first : others, page(i));
    }
}

Test(mmu, new_batch_has_nothing_to_flush)
{
    quire_batch_init(&batch);
    cr_assert(quire_batch_empty(&batch));
    cr_assert_not(quire_batch_covers(&batch, &vm[0], 0));
}

Test(mmu, batch_names_exactly_the_pages_added)
{
    fill(QUIRE_BATCH_ENTRIES, &vm[0], &vm[1]);
    cr_assert_eq(batch.scope, QUIRE_BATCH_PAGES);
    cr_assert_eq(batch.n, (uint32_t)QUIRE_BATCH_ENTRIES);
    cr_assert_not(quire_batch_empty(&batch));
    cr_assert(quire_batch_covers(&batch, &vm[0], page(0)));
    cr_assert_not(quire_batch_covers(&batch, &vm[1], page(0)));
    cr_assert(quire_batch_covers(&batch, &vm[1], page(1)));
    cr_assert_not(quire_batch_covers(&batch, &vm[0], page(1)));
    cr_assert_not(quire_batch_covers(&batch, &vm[1], page(QUIRE_BATCH_ENTRIES)));
}

Test(mmu, overflow_within_one_context_widens_to_it)
{
    fill(QUIRE_BATCH_ENTRIES + 1u, &vm[1], &vm[1]);
    cr_assert_eq(batch.scope, QUIRE_BATCH_VM);
    cr_assert_not(quire_batch_empty(&batch));
    cr_assert(quire_batch_covers(&batch, &vm[1], page(12345)));
    cr_assert_not(quire_batch_covers(&batch, &vm[0], page(0)));
    quire_batch_add(&batch, &vm[1], page(777));
    cr_assert_eq(batch.scope, QUIRE_BATCH_VM);
}

Test(mmu, overflow_by_another_context_widens_to_everything)
{
    fill(QUIRE_BATCH_ENTRIES, &vm[0], &vm[0]);
    quire_batch_add(&batch, &vm[1], page(0));
    cr_assert_eq(batch.scope, QUIRE_BATCH_ALL);
    cr_assert(quire_batch_covers(&batch, &vm[2], page(9)));
}

Test(mmu, overflow_of_a_batch_that_names_two_contexts_widens_to_everything)
{
    fill(QUIRE_BATCH_ENTRIES + 1u, &vm[0], &vm[1]);
    cr_assert_eq(batch.scope, QUIRE_BATCH_ALL);
}

Test(mmu, batch_of_one_context_widens_to_everything_when_another_joins)
{
    fill(QUIRE_BATCH_ENTRIES + 5u, &vm[0], &vm[0]);
    cr_assert_eq(batch.scope, QUIRE_BATCH_VM);
    quire_batch_add(&batch, &vm[1], page(0));
    cr_assert_eq(batch.scope, QUIRE_BATCH_ALL);
    quire_batch_add(&batch, &vm[2], page(0));
    cr_assert_eq(batch.scope, QUIRE_BATCH_ALL);
    cr_assert_not(quire_batch_empty(&batch));
}

/* ---- The table ---- */

static enum quire_status map(void *ctx, struct quire_vm *at, uintptr_t va, struct quire_pa pa, size_t npages, unsigned prot,
                             uint64_t attr)
{
    (void)ctx, (void)at, (void)va, (void)pa, (void)npages, (void)prot, (void)attr;
    return QUIRE_OK;
}

static unsigned unmap(void *ctx, struct quire_vm *at, uintptr_t va, size_t npages, struct quire_batch *changed)
{
    (void)ctx, (void)at, (void)va, (void)npages, (void)changed;
    return 0;
}

static unsigned query(void *ctx, struct quire_vm *at, uintptr_t va)
{
    (void)ctx, (void)at, (void)va;
    return 0;
}

static unsigned reduce(void *ctx, struct quire_vm *at, uintptr_t va, unsigned prot, struct quire_batch *changed)
{
    (void)ctx, (void)at, (void)va, (void)prot, (void)changed;
    return 0;
}

static void flush(void *ctx, const struct quire_batch *changed)
{
    (void)ctx, (void)changed;
}

static void sync_code(void *ctx, void *alias, uintptr_t va, size_t len)
{
    (void)ctx, (void)alias, (void)va, (void)len;
}

static void *alias_get(void *ctx, struct quire_pa pa)
{
    (void)pa;
    return ctx;
}

static void alias_put(void *ctx, struct quire_pa pa, void *alias)
{
    (void)ctx, (void)pa, (void)alias;
}

static uintptr_t lock(void *ctx)
{
    (void)ctx;
    return 0;
}

static void unlock(void *ctx, uintptr_t key)
{
    (void)ctx, (void)key;
}

static void wait_for(void *ctx, const void *token, uintptr_t key)
{
    (void)ctx, (void)token, (void)key;
}

static void wake(void *ctx, const void *token)
{
    (void)ctx, (void)token;
}

static struct quire_mmu least(void)
{
    struct quire_mmu mmu;

    memset(&mmu, 0, sizeof mmu);
    mmu.map = map;
    mmu.unmap = unmap;
    mmu.query = query;
    mmu.reduce = reduce;
    mmu.flush = flush;
    mmu.sync_code = sync_code;
    mmu.alias_get = alias_get;
    mmu.alias_put = alias_put;
    return mmu;
}

Test(mmu, table_with_the_hooks_that_must_be_there_is_valid)
{
    struct quire_mmu mmu = least();

    cr_assert(quire_mmu_valid(&mmu));
    mmu.lock = lock;
    mmu.unlock = unlock;
    mmu.wait = wait_for;
    mmu.wake = wake;
    cr_assert(quire_mmu_valid(&mmu));
    cr_assert_not(quire_mmu_valid(NULL));
}

#define LACKS(hook)                                                   \
    do {                                                              \
        struct quire_mmu mmu = least();                               \
        mmu.hook = NULL;                                              \
        cr_assert_not(quire_mmu_valid(&mmu), "valid without " #hook); \
    } while (0)

Test(mmu, table_without_any_one_of_them_is_not)
{
    LACKS(map);
    LACKS(unmap);
    LACKS(query);
    LACKS(reduce);
    LACKS(flush);
    LACKS(sync_code);
    LACKS(alias_get);
    LACKS(alias_put);
}

Test(mmu, paired_hooks_come_in_pairs)
{
    struct quire_mmu mmu = least();

    mmu.lock = lock;
    cr_assert_not(quire_mmu_valid(&mmu));
    mmu = least();
    mmu.unlock = unlock;
    cr_assert_not(quire_mmu_valid(&mmu));
    mmu = least();
    mmu.wait = wait_for;
    cr_assert_not(quire_mmu_valid(&mmu));
    mmu = least();
    mmu.wake = wake;
    cr_assert_not(quire_mmu_valid(&mmu));
}
