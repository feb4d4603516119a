/* Memory that comes and goes, advice and logs of writes, beside threads that fault: nobody loses a byte, everybody gets on. */
#include "crew_test.h"

#define CREW 5u    /* threads: the first takes memory and gives it back, the others use it */
#define LANE 16u   /* bytes of each shared page that belong to one thread */
#define SHARED 12u /* pages: in every context, at page 0 */
#define OWN 10u    /* the thread's own object, at page OWN_AT */
#define OWN_AT 16u
#define STEPS 400u

static struct rig rig;
static struct quire_vm vm[CREW];
static struct rig_store *shared;
static uint32_t pool; /* pages */
static bool log_writes;

struct mind {
    unsigned i;
    uint64_t random;
    struct rig_store *own;
    unsigned char lane[SHARED];
    unsigned char page[OWN];
    bool freed[OWN];        /* not written since: `page`, or as it was born */
    bool written[OWN];      /* since the log was cleared */
    bool lane_of[SHARED];   /* the same of the shared pages */
    uint32_t bits[1];       /* of the log, if there is one */
    uint32_t offline;       /* pages taken */
    struct quire_pa pa[64]; /* these */
};

static uint32_t below(struct mind *mind, uint32_t n)
{
    return random_below(&mind->random, n);
}

static enum quire_status use(const struct mind *mind, uintptr_t va, unsigned access, unsigned char *byte)
{
    return rig_access(&rig, mind->i, mind->i, &vm[mind->i], va, access, byte, 1);
}

/* ---- Those who use memory ---- */

static void use_shared(struct mind *mind)
{
    uint32_t page = below(mind, SHARED);
    uintptr_t va = RIG_AT(page) + (uintptr_t)LANE * mind->i;
    unsigned char byte = (unsigned char)below(mind, 256);

    if (below(mind, 2) == 0) {
        mind->lane[page] = byte;
        mind->lane_of[page] = true;
        OK(use(mind, va, RIG_WRITE, &byte));
    } else {
        OK(use(mind, va, RIG_READ, &byte));
        cr_assert_eq(byte, mind->lane[page], "thread %u lost a write to shared page %u", mind->i, page);
    }
}

static void use_own(struct mind *mind)
{
    uint32_t page = below(mind, OWN);
    unsigned char born = rig_born(mind->own->tag, page, 0);
    unsigned char byte = (unsigned char)below(mind, 256);

    if (below(mind, 2) != 0) {
        mind->page[page] = byte;
        mind->freed[page] = false;
        mind->written[page] = true;
        OK(use(mind, RIG_AT(OWN_AT + page), RIG_WRITE, &byte));
    } else {
        OK(use(mind, RIG_AT(OWN_AT + page), RIG_READ, &byte));
        if (mind->freed[page] && byte == born) {
            mind->page[page] = born;
        }
        cr_assert_eq(byte, mind->page[page], "thread %u lost a write to its page %u", mind->i, page);
    }
}

static void advise(struct mind *mind)
{
    bool own = below(mind, 2) != 0;
    uint32_t first = below(mind, own ? OWN : SHARED);
    uint32_t n = 1u + below(mind, (own ? OWN : SHARED) - first);
    enum quire_advice advice = below(mind, 2) != 0 ? QUIRE_ADVICE_WILL_NEED : QUIRE_ADVICE_DONT_NEED;

    OK(quire_vm_advise(&vm[mind->i], RIG_AT(first + (own ? OWN_AT : 0)), n, advice));
}

static void let_go(struct mind *mind)
{
    uint32_t first = below(mind, OWN);
    uint32_t n = 1u + below(mind, OWN - first);
    uint32_t i;

    OK(quire_vm_advise(&vm[mind->i], RIG_AT(OWN_AT + first), n, QUIRE_ADVICE_FREE));
    for (i = first; i < first + n; i++) {
        mind->freed[i] = true;
    }
}

static void populate(struct mind *mind)
{
    struct quire_vm_copy how;
    enum quire_status status;

    memset(&how, 0, sizeof how);
    how.wait_ok = true;
    how.thread = mind->i;
    status = quire_vm_populate(&vm[mind->i], RIG_AT(below(mind, SHARED)), 1u + below(mind, 5), below(mind, 2) != 0, &how, NULL);
    cr_assert(status == QUIRE_OK || status == QUIRE_LIMIT || status == QUIRE_NOT_FOUND, "%s", quire_status_name(status));
}

static void read_log(struct mind *mind)
{
    bool own = below(mind, 2) != 0;
    bool *written = own ? mind->written : mind->lane_of;
    uint32_t n = own ? OWN : SHARED;
    uint32_t out = 0;
    uint32_t i;

    if (!log_writes) {
        return;
    }
    OK(quire_vm_log_read(&vm[mind->i], RIG_AT(own ? OWN_AT : 0), n, true, &out));
    for (i = 0; i < n; i++) {
        cr_assert(!written[i] || (out >> i & 1u) != 0, "thread %u wrote page %u, and the log says no", mind->i, i);
        written[i] = false;
    }
}

/* ---- Who takes it ---- */

static void take_any(struct mind *mind)
{
    uint32_t taken;
    enum quire_status status = quire_pager_shrink(&rig.pager, 1u + below(mind, 4), true, mind->pa + mind->offline, &taken);

    cr_assert(status == QUIRE_OK || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
    mind->offline += taken;
}

static void take_these(struct mind *mind)
{
    struct quire_pa pa = quire_pa_make(RIG_PA + ((uint64_t)below(mind, pool) << QUIRE_PAGE_SHIFT));
    enum quire_status status;
    uint32_t i;

    for (i = 0; i < mind->offline; i++) {
        if (mind->pa[i].addr == pa.addr) {
            return;
        }
    }
    status = quire_pager_remove_pages(&rig.pager, pa, 1, true);
    cr_assert(status == QUIRE_OK || status == QUIRE_NO_PAGE, "%s", quire_status_name(status));
    if (status == QUIRE_OK) {
        mind->pa[mind->offline++] = pa;
    }
}

/* What is out of circulation is this thread's alone. */
static void mark(struct mind *mind)
{
    uint32_t i;

    for (i = 0; i < mind->offline; i++) {
        memset(quire_sim_bytes(&rig.sim, mind->pa[i]), 0x6b, RIG_PAGE);
    }
}

static void give_back(struct mind *mind)
{
    while (mind->offline > 0) {
        const unsigned char *bytes = quire_sim_bytes(&rig.sim, mind->pa[--mind->offline]);

        cr_assert(bytes[0] == 0x6b && bytes[RIG_PAGE - 1u] == 0x6b, "a page out of circulation was used");
        OK(quire_pager_give_back(&rig.pager, mind->pa[mind->offline], 1));
        if (below(mind, 2) != 0) {
            return;
        }
    }
}

static void take_and_give(struct mind *mind)
{
    uint32_t n;

    for (n = 0; n < STEPS; n++) {
        switch (below(mind, 3)) {
        case 0:
            take_any(mind);
            break;
        case 1:
            take_these(mind);
            break;
        default:
            give_back(mind);
            break;
        }
        mark(mind);
    }
    while (mind->offline > 0) {
        give_back(mind);
    }
}

static void use_memory(struct mind *mind)
{
    static void (*const ops[])(struct mind * mind) = {use_shared, use_shared, use_shared, use_own,  use_own,  use_own,
                                                      use_own,    advise,     let_go,     populate, read_log, read_log};
    uint32_t n;

    mind->own = rig_store_tagged(&rig, OWN, RW, 100u + mind->i);
    rig_store_forgets(mind->own);
    OK(rig_map(&vm[mind->i], &mind->own->fobj, RIG_AT(OWN_AT), RW));
    for (n = 0; n < OWN; n++) {
        mind->page[n] = rig_born(mind->own->tag, n, 0);
    }
    for (n = 0; n < SHARED; n++) {
        mind->lane[n] = rig_born(shared->tag, n, (size_t)LANE * mind->i);
    }
    if (log_writes) {
        OK(quire_vm_log_start(&vm[mind->i], RIG_VA, 32, mind->bits));
    }
    for (n = 0; n < STEPS; n++) {
        ops[below(mind, sizeof ops / sizeof ops[0])](mind);
    }
    if (log_writes) {
        OK(quire_vm_log_stop(&vm[mind->i]));
    }
}

static void work(struct rig *r, unsigned i)
{
    struct mind mind;

    (void)r;
    memset(&mind, 0, sizeof mind);
    mind.i = i;
    mind.random = i + 1u;
    if (i == 0) {
        take_and_give(&mind);
    } else {
        use_memory(&mind);
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
    config.pages = pool = (uint32_t)QUIRE_PAGER_MIN_PAGES(CREW, 2, 0) + 6u;
    config.vms = CREW;
    rig_start(&rig, &config);
    shared = rig_store_tagged(&rig, SHARED, RW, 1);
    shared->delay = 20;
    for (i = 0; i < CREW; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &shared->fobj, RIG_VA, RW));
    }
    crew_run(&rig, CREW, work);
    SOUND(&rig);
    cr_assert_gt(rig_stats(&rig).taken, 50);
    cr_assert_eq(rig_stats(&rig).taken, rig_stats(&rig).given_back);
    cr_assert_gt(rig_stats(&rig).let_go, 50);
    cr_assert_gt(rig_stats(&rig).waits, 0);
    rig_stop(&rig);
}

/* Each policy on every hardware: on half of it with these flushes, on the rest with the others; half with a log. */
static void run_all(bool flush_unlocked)
{
    unsigned policy;
    unsigned flags;

    for (flags = 0; flags < 4u; flags++) {
        for (policy = 0; policy < RIG_POLICIES; policy++) {
            if ((flags + policy + flush_unlocked) % 2u == 0) {
                log_writes = (flags / 2u + policy / 2u) % 2u == 0;
                run((enum rig_policy)policy, (enum quire_sim_flags)flags, flush_unlocked);
            }
        }
    }
}

Test(pager_advice, with_flushes_under_the_lock, .timeout = 120)
{
    run_all(false);
}

Test(pager_advice, with_unlocked_flushes, .timeout = 120)
{
    run_all(true);
}
