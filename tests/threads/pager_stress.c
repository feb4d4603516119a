/* Everything at once: threads that fault, evict, map, unmap, protect, move, save, forget, pin, copy and put, in one small pool. */
#include "crew_test.h"

#include <stdlib.h>

#define CREW 6u
#define LANE 16u   /* bytes of each page that belong to one thread */
#define SHARED 16u /* pages: in every context, at page 0 */
#define CODE 8u    /* at page 16 */
#define OWN_AT 24u /* the thread's own object, somewhere from here to page 39 ... */
#define OWN 6u
#define COMMON_AT 48u /* ... and in the one context that all share, 2 pages for each thread */
#define STEPS 400u

static struct rig rig;
static struct quire_vm vm[CREW];
static struct quire_vm common;
static struct rig_store *shared;
static struct rig_store *code;

/* What thread i knows. Only it writes its lane of the shared pages and its own object. */
struct mind {
    unsigned i;
    uint64_t random;
    struct rig_store *own;
    uint32_t at; /* where it is mapped */
    bool read_only;
    unsigned char lane[SHARED];
    unsigned char page[OWN];
};

static uint32_t below(struct mind *mind, uint32_t n)
{
    return random_below(&mind->random, n);
}

/* One byte, through this thread's processor. */
static enum quire_status use(const struct mind *mind, struct quire_vm *context, uintptr_t va, unsigned access,
                             unsigned char *byte)
{
    return rig_access(&rig, mind->i, mind->i, context, va, access, byte, 1);
}

static void use_shared(struct mind *mind)
{
    uint32_t page = below(mind, SHARED);
    uintptr_t va = RIG_AT(page) + (uintptr_t)LANE * mind->i;
    unsigned char byte = (unsigned char)below(mind, 256);

    if (below(mind, 2) == 0) {
        mind->lane[page] = byte;
        OK(use(mind, &vm[mind->i], va, RIG_WRITE, &byte));
    } else {
        OK(use(mind, &vm[mind->i], va, RIG_READ, &byte));
        cr_assert_eq(byte, mind->lane[page], "thread %u lost a write to shared page %u", mind->i, page);
    }
}

static void use_code(struct mind *mind)
{
    uint32_t page = below(mind, CODE);
    unsigned char byte;

    OK(use(mind, &vm[mind->i], RIG_AT(SHARED + page) + 5u, RIG_EXEC, &byte));
    cr_assert_eq(byte, rig_born(code->tag, page, 5));
}

static void use_own(struct mind *mind)
{
    uint32_t page = below(mind, OWN);
    uintptr_t va = RIG_AT(mind->at + page);
    unsigned char byte = (unsigned char)below(mind, 256);

    if (below(mind, 2) != 0 && !mind->read_only) {
        mind->page[page] = byte;
        OK(use(mind, &vm[mind->i], va, RIG_WRITE, &byte));
    } else {
        OK(use(mind, &vm[mind->i], va, RIG_READ, &byte));
        cr_assert_eq(byte, mind->page[page], "thread %u lost a write to its page %u", mind->i, page);
    }
}

static void copy_own(struct mind *mind)
{
    uint32_t page = below(mind, OWN - 1u);
    struct quire_vm_copy how;
    unsigned char bytes[2] = {(unsigned char)below(mind, 256), (unsigned char)below(mind, 256)};

    memset(&how, 0, sizeof how);
    how.thread = mind->i;
    how.wait_ok = true;
    if (!mind->read_only) {
        mind->page[page] = bytes[0];
        OK(quire_vm_copy_to(&vm[mind->i], RIG_AT(mind->at + page), bytes, 1, &how, NULL));
    }
    OK(quire_vm_copy_from(&vm[mind->i], RIG_AT(mind->at + page), bytes, 1, &how, NULL));
    cr_assert_eq(bytes[0], mind->page[page]);
}

static void move_own(struct mind *mind)
{
    uint32_t to = OWN_AT + below(mind, 10);

    OK(quire_vm_remap(&vm[mind->i], RIG_AT(mind->at), OWN, RIG_AT(to)));
    mind->at = to;
}

static void protect_own(struct mind *mind)
{
    mind->read_only = !mind->read_only;
    OK(quire_vm_protect(&vm[mind->i], RIG_AT(mind->at), OWN, QUIRE_PROT_USER | (mind->read_only ? RIG_READ : RW)));
}

static void split_and_merge_own(struct mind *mind)
{
    unsigned prot = QUIRE_PROT_USER | (mind->read_only ? RIG_READ : RW);

    OK(quire_vm_protect(&vm[mind->i], RIG_AT(mind->at + 2u), 2, 0));
    OK(quire_vm_protect(&vm[mind->i], RIG_AT(mind->at + 2u), 2, prot));
    OK(quire_vm_merge(&vm[mind->i], RIG_AT(mind->at + 3u)));
}

/* Its own object dies, with whatever of it is in transit, and another takes its place. */
static void renew_own(struct mind *mind)
{
    struct rig_store *old = mind->own;
    uint32_t page;

    mind->own = rig_store_tagged(&rig, OWN, RW, 100u + below(mind, 100));
    OK(quire_vm_unmap(&vm[mind->i], RIG_AT(mind->at), OWN));
    OK(rig_store_put(old));
    OK(rig_map(&vm[mind->i], &mind->own->fobj, RIG_AT(mind->at), RW));
    mind->read_only = false;
    for (page = 0; page < OWN; page++) {
        mind->page[page] = rig_born(mind->own->tag, page, 0);
    }
}

/* In the context that all share, areas come and go while others use theirs. */
static void use_common(struct mind *mind)
{
    uintptr_t va = RIG_AT(COMMON_AT + 2u * mind->i);
    struct quire_mapping mapping;
    unsigned char byte;
    uint32_t first = below(mind, CODE - 1u);

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &code->fobj;
    mapping.first = first;
    mapping.npages = 2;
    mapping.va = va;
    mapping.prot = RIG_READ | QUIRE_PROT_USER;
    OK(quire_vm_map(&common, &mapping, NULL));
    OK(use(mind, &common, va + RIG_PAGE + 9u, RIG_READ, &byte));
    cr_assert_eq(byte, rig_born(code->tag, first + 1u, 9));
    OK(quire_vm_unmap(&common, va, 2));
    cr_assert_eq(use(mind, &common, va + RIG_PAGE + 9u, RIG_READ, &byte), QUIRE_NOT_FOUND);
}

static void save_shared(struct mind *mind)
{
    uint32_t first = below(mind, SHARED);

    OK(quire_pager_write_back(&rig.pager, &shared->fobj, first, 1u + below(mind, SHARED - first), true));
}

static void forget_code(struct mind *mind)
{
    enum quire_status status = quire_pager_invalidate(&rig.pager, &code->fobj, below(mind, CODE), 1);

    cr_assert(status == QUIRE_OK || status == QUIRE_AGAIN || status == QUIRE_BUSY, "%s", quire_status_name(status));
}

static void pin_shared(struct mind *mind)
{
    uint32_t page = below(mind, SHARED);
    struct quire_pin pin;
    enum quire_status status = quire_pin_fobj(&rig.pager, &shared->fobj, page, 1, false, true, &pin);

    if (status == QUIRE_OK) {
        use_own(mind);
        OK(quire_unpin(&pin));
    } else {
        cr_assert_eq(status, QUIRE_NO_PAGE, "%s", quire_status_name(status));
    }
}

static void drop_entries(struct mind *mind)
{
    OK(quire_vm_drop_range(&vm[mind->i], RIG_VA, 64));
}

static void work(struct rig *r, unsigned i)
{
    static void (*const ops[])(struct mind * mind) = {
        use_shared,   use_shared, use_shared,  use_shared,  use_code,
        use_code,     use_own,    use_own,     copy_own,    move_own,
        use_own,      use_own,    use_shared,  protect_own, split_and_merge_own,
        renew_own,    use_common, save_shared, forget_code, pin_shared,
        drop_entries,
    };
    struct mind mind;
    uint32_t n;

    (void)r;
    memset(&mind, 0, sizeof mind);
    mind.i = i;
    mind.random = i + 1u;
    mind.at = OWN_AT;
    mind.own = rig_store_tagged(&rig, OWN, RW, 100);
    OK(rig_map(&vm[i], &mind.own->fobj, RIG_AT(mind.at), RW));
    for (n = 0; n < OWN; n++) {
        mind.page[n] = rig_born(100, n, 0);
    }
    for (n = 0; n < SHARED; n++) {
        mind.lane[n] = rig_born(shared->tag, n, (size_t)LANE * i);
    }
    for (n = 0; n < STEPS; n++) {
        ops[below(&mind, sizeof ops / sizeof ops[0])](&mind);
    }
}

static void run(enum rig_policy policy, enum quire_sim_flags flags, bool flush_unlocked)
{
    struct rig_config config;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.policy = policy;
    config.flags = flags;
    config.flush_unlocked = flush_unlocked;
    config.cpus = CREW;
    config.concurrency = CREW;
    config.step = 2;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(CREW, 2, 0) + 2u;
    config.vms = CREW + 1u;
    config.around = policy == RIG_CLOCK ? 8u : 0;
    rig_start(&rig, &config);
    rig_vm_start(&rig, &common);
    shared = rig_store_tagged(&rig, SHARED, RW, 1);
    code = rig_store_tagged(&rig, CODE, RIG_READ | RIG_EXEC, 2);
    shared->delay = 20;
    for (i = 0; i < CREW; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &shared->fobj, RIG_VA, RW));
        OK(rig_map(&vm[i], &code->fobj, RIG_AT(SHARED), RIG_READ | RIG_EXEC));
    }
    crew_run(&rig, CREW, work);
    SOUND(&rig);
    cr_assert_eq(common.num_areas, 0);
    cr_assert_gt(rig_stats(&rig).evictions, 100);
    cr_assert_gt(rig_stats(&rig).saves, 100);
    cr_assert_gt(rig_stats(&rig).waits, 0);
    cr_assert_eq(rig_stats(&rig).around > 0, config.around > 0);
    rig_stop(&rig);
}

/* Each policy on every hardware: on half of it with these flushes, on the rest with the others. */
static void run_all(bool flush_unlocked)
{
    unsigned policy;
    unsigned flags;

    for (flags = 0; flags < 4u; flags++) {
        for (policy = 0; policy < RIG_POLICIES; policy++) {
            if ((flags + policy + flush_unlocked) % 2u == 0) {
                run((enum rig_policy)policy, (enum quire_sim_flags)flags, flush_unlocked);
            }
        }
    }
}

Test(pager_stress, with_flushes_under_the_lock, .timeout = 120)
{
    run_all(false);
}

Test(pager_stress, with_unlocked_flushes, .timeout = 120)
{
    run_all(true);
}
