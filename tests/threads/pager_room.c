/* Room that comes while nobody looks: an operation that found none and dropped the lock looks again before it gives up. */
#include "crew_test.h"

#define SAYS(status, call) cr_assert_eq((call), (status))
#define PINNERS 2u

static struct rig rig;
static struct quire_vm vm;
static struct rig_store *common;
static struct rig_store *slow;
static struct crew_gate gate;
static pthread_t pinner[PINNERS];
static enum quire_status pinned[PINNERS];
static bool armed;

static void *pins(void *arg)
{
    uint32_t i = (uint32_t)(uintptr_t)arg;
    struct quire_pin pin;

    pinned[i] = quire_pin_fobj(&rig.pager, &slow->fobj, i, 1, false, true, &pin);
    return NULL;
}

/* While the flush is under way, both loads end: their pages may be evicted from now on, and nothing is in transit any more. */
static void lets_loads_end(void *user, const struct quire_batch *batch)
{
    uint32_t i;

    (void)user;
    (void)batch;
    if (!armed) {
        return;
    }
    armed = false;
    crew_gate_open(&gate);
    for (i = 0; i < PINNERS; i++) {
        pthread_join(pinner[i], NULL);
    }
}

/* The one page that is not being loaded is what both threads used last: it must stay. The policy can only clear its mark, which
 * here takes its entries away, and so there is a flush, without the lock. */
Test(pager_room, is_looked_for_again_after_an_unlocked_flush, .timeout = 60)
{
    struct rig_config config;
    unsigned char byte;
    uint32_t i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.flags = QUIRE_SIM_NO_FLAGS;
    config.flush_unlocked = true;
    config.flushing = lets_loads_end;
    config.concurrency = 2;
    config.step = 1;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(2, 1, 0);
    rig_start(&rig, &config);
    rig_vm_start(&rig, &vm);
    common = rig_store_new(&rig, 2, RW);
    slow = rig_store_new(&rig, PINNERS, RW);
    OK(rig_map(&vm, &common->fobj, RIG_VA, RW));
    OK(rig_map(&vm, &slow->fobj, RIG_AT(8), RW));
    for (i = 0; i < 2u; i++) {
        OK(rig_access(&rig, 0, i, &vm, RIG_VA, RIG_READ, &byte, 1));
    }
    crew_gate_init(&gate, slow, true);
    for (i = 0; i < PINNERS; i++) {
        cr_assert_eq(pthread_create(&pinner[i], NULL, pins, (void *)(uintptr_t)i), 0);
    }
    crew_gate_await(&gate, PINNERS);
    armed = true;
    OK(rig_access(&rig, 0, 0, &vm, RIG_AT(1), RIG_READ, &byte, 1));
    cr_assert_not(armed, "there was a flush");
    for (i = 0; i < PINNERS; i++) {
        SAYS(QUIRE_NO_PAGE, pinned[i]); /* a pin more would leave too few pages: the page was loaded, and may go */
    }
    SOUND(&rig);
    crew_gate_fini(&gate);
    rig_stop(&rig);
}
