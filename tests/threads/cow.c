/* Copies on write under threads: nobody's write is lost, and nobody sees what another copy wrote. */
#include "copies_test.h"

static struct rig_store *copy[COPIES];

/* Makes a copy, uses it, and ends it, again and again. */
static void *makes_copies(void *arg)
{
    struct worker *worker = arg;
    unsigned i;

    for (i = 0; i < rounds / 8u + 1u && worker->wrong == NULL; i++) {
        struct rig_store *mine = rig_store_new(&rig, PAGES, RIG_READ | RIG_WRITE);

        if (quire_fobj_cow_make(&rig.pager, &mine->fobj, &origin->fobj) != QUIRE_OK ||
            rig_map(&own_vm, &mine->fobj, RIG_VA, RIG_READ | RIG_WRITE) != QUIRE_OK || rig_store_put(mine) != QUIRE_OK) {
            fails(worker, "making a copy", 0);
        }
        look_at_new_copy(worker);
        while (!rig_store_is_freed(mine)) { /* by who evicts a page of it just now */
            (void)sched_yield();
        }
    }
    return NULL;
}

static void play(struct rig_config config, unsigned seed)
{
    unsigned i;

    start(config, seed, 0, 2);
    for (i = 0; i < COPIES; i++) {
        copy[i] = rig_store_new(&rig, PAGES, RIG_READ | RIG_WRITE);
        OK(quire_fobj_cow_make(&rig.pager, &copy[i]->fobj, &origin->fobj));
        show(i, &copy[i]->fobj);
    }
    run(seed, makes_copies);
    rig_stop(&rig);
}

Test(cow_threads, writers_readers_pins_and_ends_of_copies_do_not_disturb_each_other, .timeout = 300)
{
    play_on_machines(play);
}
