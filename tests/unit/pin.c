/* pin.h: pages that stay where they are. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"

#define OK(call) cr_assert_eq((call), QUIRE_OK)
#define SAYS(status, call) cr_assert_eq((call), (status))
#define SOUND() cr_assert_null(rig_wrong(&rig), "%s", rig_wrong(&rig))
#define RW (RIG_READ | RIG_WRITE)
#define POOL 8u /* 5 must stay evictable: 3 pages can be pinned */

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *store;
static struct quire_pin pin;

static void start(void)
{
    struct rig_config config;

    memset(&config, 0, sizeof config);
    config.pages = POOL;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    store = rig_store_new(&rig, 20, RW);
    OK(rig_map(&vm, &store->fobj, RIG_VA, RW));
}

static void stop(void)
{
    SOUND();
    rig_stop(&rig);
}

static void touch_all(void)
{
    uint32_t i;

    for (i = 0; i < 20u; i++) {
        OK(rig_fault(&rig, &vm, RIG_AT(i), RIG_READ, NULL));
    }
}

TestSuite(pin, .init = start, .fini = stop);

Test(pin, a_pinned_page_stays_where_it_is)
{
    struct quire_pa pa;
    struct quire_pa later;
    unsigned char byte = 0x21;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 2, 2, true, true, &pin));
    OK(quire_pin_pa(&pin, 1, &pa));
    OK(quire_sim_device(&rig.sim, pa, true, &byte, 1));
    touch_all();
    OK(quire_pin_pa(&pin, 1, &later));
    cr_assert_eq(pa.addr, later.addr);
    cr_assert_eq(store->loads_of[3], 1);
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 0x21, "what the device wrote is there");
    cr_assert(rig_query(&vm, RIG_AT(3)).pinned);
    OK(quire_unpin(&pin));
    cr_assert_not(rig_query(&vm, RIG_AT(3)).pinned);
    touch_all();
    touch_all();
    cr_assert_eq(rig_byte(&rig, &vm, RIG_AT(3)), 0x21, "and is not lost by eviction");
    cr_assert_gt(store->loads_of[3], 1);
}

Test(pin, pins_never_take_what_faults_need)
{
    struct quire_pin more;

    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store->fobj, 0, 4, false, true, &pin));
    cr_assert_null(pin.fobj);
    cr_assert_eq(rig_stats(&rig).fixed, 0, "all are let go");
    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 3, false, true, &pin));
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store->fobj, 9, 1, false, true, &more));
    OK(quire_pin_fobj(&rig.pager, &store->fobj, 1, 2, false, true, &more)); /* the same pages cost nothing more */
    touch_all();
    OK(quire_unpin(&pin));
    cr_assert_eq(rig_stats(&rig).fixed, 2);
    OK(quire_unpin(&more));
    cr_assert_eq(rig_stats(&rig).fixed, 0);
}

Test(pin, a_pin_that_fails_makes_no_page_dirty)
{
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store->fobj, 0, 4, true, true, &pin));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 20));
    rig_fail(&store->load_fails, 2, 1, QUIRE_IO);
    SAYS(QUIRE_IO, quire_pin_fobj(&rig.pager, &store->fobj, 0, 3, true, true, &pin));
    cr_assert_eq(rig_stats(&rig).fixed, 0);
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 20));
}

Test(pin, refuses_what_cannot_be)
{
    struct rig_store *code = rig_store_new(&rig, 2, RIG_READ);
    struct quire_pa pa;

    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, &code->fobj, 0, 1, false, true, &pin)); /* never mapped */
    OK(rig_map(&vm, &code->fobj, RIG_AT(30), RIG_READ));
    SAYS(QUIRE_DENIED, quire_pin_fobj(&rig.pager, &code->fobj, 0, 1, true, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, &code->fobj, 0, 0, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, &code->fobj, 2, 1, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, &code->fobj, 1, UINT32_MAX, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, NULL, 0, 1, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_unpin(&pin));
    SAYS(QUIRE_INVALID, quire_pin_pa(&pin, 0, &pa));
    OK(quire_pin_fobj(&rig.pager, &code->fobj, 0, 2, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_pa(&pin, 2, &pa));
    OK(quire_unpin(&pin));
    SAYS(QUIRE_INVALID, quire_unpin(&pin)); /* twice */
}

Test(pin, an_unpaged_object_needs_none)
{
    struct quire_fobj_phys_config config;
    struct quire_fobj_phys phys;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(RIG_PA);
    config.npages = 1;
    config.max_prot = RIG_READ;
    OK(quire_fobj_phys_init(&phys, &config));
    OK(rig_map(&vm, &phys.base, RIG_AT(40), RIG_READ));
    SAYS(QUIRE_INVALID, quire_pin_fobj(&rig.pager, &phys.base, 0, 1, false, true, &pin));
    OK(quire_vm_unmap(&vm, RIG_AT(40), 1));
    OK(quire_fobj_put(&phys.base));
}

Test(pin, counts_to_its_limit)
{
    uint32_t number;
    struct quire_pmem *pmem;

    OK(quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, false, true, &pin));
    number = quire_slot_value(store->slots[0]);
    pmem = quire_pmem_at(&rig.pager.pool, number);
    pmem->pins = UINT16_MAX;
    {
        struct quire_pin more;

        SAYS(QUIRE_LIMIT, quire_pin_fobj(&rig.pager, &store->fobj, 0, 1, false, true, &more));
    }
    pmem->pins = 1;
    OK(quire_unpin(&pin));
}

Test(pin, by_address_checks_what_the_context_may)
{
    struct rig_store *code = rig_store_new(&rig, 4, RIG_READ);
    struct quire_mapping mapping;

    OK(rig_map(&vm, &code->fobj, RIG_AT(30), RIG_READ));
    OK(quire_pin_va(&rig.pager, &vm, RIG_AT(31), 2, false, true, &pin));
    cr_assert_eq(pin.fobj, &code->fobj);
    cr_assert_eq(pin.first, 1);
    OK(quire_unpin(&pin));
    SAYS(QUIRE_DENIED, quire_pin_va(&rig.pager, &vm, RIG_AT(31), 2, true, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_va(&rig.pager, &vm, RIG_AT(32), 3, false, true, &pin)); /* beyond its area */
    SAYS(QUIRE_NOT_FOUND, quire_pin_va(&rig.pager, &vm, RIG_AT(50), 1, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_va(&rig.pager, &vm, RIG_AT(31) + 8u, 1, false, true, &pin));
    SAYS(QUIRE_INVALID, quire_pin_va(&rig.pager, &vm, RIG_AT(31), 0, false, true, &pin));
    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &code->fobj;
    mapping.va = RIG_AT(40);
    mapping.prot = RIG_READ; /* not USER */
    OK(quire_vm_map(&vm, &mapping, NULL));
    SAYS(QUIRE_DENIED, quire_pin_va(&rig.pager, &vm, RIG_AT(40), 1, false, true, &pin));
}

Test(pin, unmapping_splitting_and_moving_do_not_touch_it)
{
    struct quire_pa pa;
    struct quire_pa later;

    OK(quire_pin_va(&rig.pager, &vm, RIG_AT(2), 2, true, true, &pin));
    OK(quire_pin_pa(&pin, 0, &pa));
    OK(quire_vm_protect(&vm, RIG_AT(3), 1, RIG_READ));
    OK(quire_vm_remap(&vm, RIG_AT(2), 1, RIG_AT(40)));
    OK(quire_vm_unmap(&vm, RIG_VA, 64));
    SOUND();
    OK(quire_pin_pa(&pin, 0, &later));
    cr_assert_eq(pa.addr, later.addr);
    OK(quire_unpin(&pin));
}

Test(pin, code_written_through_a_pin_is_synced_before_it_runs)
{
    struct rig_store *code = rig_store_new(&rig, 1, QUIRE_PROT_RWX);
    unsigned char byte = 0;
    struct quire_pa pa;

    OK(rig_map(&vm, &code->fobj, RIG_AT(30), RIG_READ | RIG_EXEC));
    OK(rig_exec(&rig, &vm, RIG_AT(30), &byte, 1));
    OK(quire_pin_fobj(&rig.pager, &code->fobj, 0, 1, true, true, &pin));
    OK(quire_pin_pa(&pin, 0, &pa));
    byte = 0x5a;
    OK(quire_sim_device(&rig.sim, pa, true, &byte, 1));
    OK(quire_unpin(&pin));
    byte = 0;
    OK(rig_exec(&rig, &vm, RIG_AT(30), &byte, 1));
    cr_assert_eq(byte, 0x5a);
}
