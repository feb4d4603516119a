/* What a pager's trace tells must be what the pager did: the rig listens (tests/support/tale.h), and compares at the end. */
#include "witness.h"

WITNESS(every_fault_is_told_once, .pages = 8)
{
    (void)shown(&vm[0], RIG_VA, 4, RW);
    pass(&vm[0], 0, 3);
    OK(quire_vm_drop_range(&vm[0], RIG_VA, 4));
    pass(&vm[0], 0, 3);
    sound();
}

WITNESS(what_was_told_is_what_is, SMALLEST)
{
    struct rig_store *store = shown(&vm[0], RIG_VA, 6, RW);
    struct quire_pin pin;
    unsigned i;

    pass(&vm[0], 0, 5);
    sound();
    for (i = 0; i < 6; i++) {
        write_byte(0, &vm[0], RIG_AT(i), 7);
        sound();
    }
    rig_fail(&store->load_fails, 1, 1, QUIRE_IO);
    SAYS(QUIRE_IO, fault_of(0, &vm[0], RIG_AT(0), RIG_READ));
    sound();
    rig_fail(&store->save_fails, 1, 1, QUIRE_IO);
    pass(&vm[0], 0, 3);
    sound();
    OK(quire_pager_write_back(&rig.pager, &store->fobj, 0, 6, true));
    OK(quire_pager_invalidate(&rig.pager, &store->fobj, 0, 6));
    sound();
    OK(rig_store_new(&rig, 1, RW) != NULL ? QUIRE_OK : QUIRE_NO_MEMORY);
    SAYS(QUIRE_NO_PAGE, quire_pin_fobj(&rig.pager, &store->fobj, 5, 1, false, true, &pin));
    sound();
}

WITNESS(page_that_was_loaded_for_a_refused_fault_is_told, .pages = 8, .tables = 1, .table_pages = 8)
{
    (void)shown(&vm[0], RIG_VA, 16, RW);
    pass(&vm[0], 0, 3);
    SAYS(QUIRE_NO_TABLE, fault_of(0, &vm[0], RIG_AT(9), RIG_READ));
    sound();
}
