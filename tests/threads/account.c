/* Accounts under threads: each thread makes accounts, fills them beyond their quotas and ends them, while another one changes limits. */
#include "crew_test.h"

#include <sched.h>

#define CREW 4u
#define STEP 2u
#define SPARE 10u  /* pages of the pool that no thread's instruction needs */
#define SHARED 12u /* pages: in every context, at page 0; thread i writes page i only, all read */
#define OWN_AT 16u
#define OWN 10u
#define LIVES 12u
#define USES 60u

static struct rig rig;
static struct quire_vm vm[CREW];
static struct rig_account common;
static struct rig_store *shared;

static void use(unsigned i, uint32_t page, unsigned access, unsigned char *byte)
{
    OK(rig_access(&rig, i, i, &vm[i], RIG_AT(page), access, byte, 1));
}

/* The account that all share: never so much for it that others could not go on, which the pager sees to. */
static void change_limits(uint64_t *random)
{
    static const uint32_t quotas[] = {1, 2, 4, 8, QUIRE_QUOTA_NONE};
    uint32_t quota = quotas[random_below(random, 5)];
    uint32_t reserved = random_below(random, SPARE + 2u);
    enum quire_status status = quire_account_set_limits(&common.account, quota, reserved);

    cr_assert(status == QUIRE_OK || (status == QUIRE_INVALID && reserved > quota) || (status == QUIRE_LIMIT && reserved != 0),
              "%s: quota %u, reserved %u", quire_status_name(status), quota, reserved);
}

static void live_once(unsigned i, uint64_t *random, unsigned char *mine)
{
    unsigned char byte[OWN];
    struct rig_account account;
    struct rig_store *own;
    enum quire_status status = rig_account_start(&rig, &account, 1u + random_below(random, OWN), random_below(random, 2));
    uint32_t n;

    if (status != QUIRE_OK) {
        cr_assert(status == QUIRE_LIMIT || status == QUIRE_INVALID, "%s", quire_status_name(status));
        return;
    }
    own = rig_account_store(&rig, &account, OWN, RW);
    own->delay = random_below(random, 3) * 20u;
    for (n = 0; n < OWN; n++) {
        byte[n] = rig_born(own->tag, n, 0);
    }
    OK(rig_map(&vm[i], &own->fobj, RIG_AT(OWN_AT), RW));
    for (n = 0; n < USES; n++) {
        uint32_t page = random_below(random, OWN);
        unsigned char seen = (unsigned char)n;

        if (random_below(random, 3) == 0) {
            byte[page] = seen;
            use(i, OWN_AT + page, RIG_WRITE, &seen);
        } else {
            use(i, OWN_AT + page, RIG_READ, &seen);
            cr_assert_eq(seen, byte[page], "thread %u lost a write", i);
        }
        if (random_below(random, 2) == 0) {
            use(i, random_below(random, SHARED), RIG_READ, &seen);
            *mine = (unsigned char)(*mine + 1u);
            use(i, i, RIG_WRITE, mine);
        }
        if (random_below(random, 8) == 0) {
            use(i, i, RIG_READ, &seen);
            cr_assert_eq(seen, *mine, "thread %u lost a write to what is shared", i);
        }
        if (i == 0 && random_below(random, 4) == 0) {
            change_limits(random);
        }
    }
    OK(quire_vm_unmap(&vm[i], RIG_AT(OWN_AT), OWN));
    cr_assert_eq(quire_account_fini(&account.account), QUIRE_BUSY);
    OK(rig_store_put(own));
    /* Another thread may be saving a page of it: whoever ends that frees the object, and the account with it. */
    while ((status = quire_account_fini(&account.account)) == QUIRE_BUSY) {
        sched_yield();
    }
    OK(status);
    while (!rig_store_is_freed(own)) {
        sched_yield();
    }
    rig_store_free(own);
}

static void work(struct rig *unused, unsigned i)
{
    uint64_t random = i + 1u;
    unsigned char mine = rig_born(shared->tag, i, 0);
    unsigned life;

    (void)unused;
    for (life = 0; life < LIVES; life++) {
        live_once(i, &random, &mine);
    }
}

static void run(enum quire_sim_flags flags, bool flush_unlocked, enum rig_policy policy)
{
    struct rig_config config;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.flags = flags;
    config.flush_unlocked = flush_unlocked;
    config.policy = policy;
    config.threads = true;
    config.cpus = CREW;
    config.concurrency = CREW;
    config.step = STEP;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(CREW, STEP, 0) + SPARE;
    rig_start(&rig, &config);
    OK(rig_account_start(&rig, &common, 0, 0));
    shared = rig_account_store(&rig, &common, SHARED, RW);
    for (i = 0; i < CREW; i++) {
        rig_vm_start(&rig, &vm[i]);
        OK(rig_map(&vm[i], &shared->fobj, RIG_VA, RW));
    }
    crew_run(&rig, CREW, work);
    SOUND(&rig);
    for (i = 0; i < CREW; i++) {
        OK(rig_vm_stop(&rig, &vm[i]));
    }
    OK(rig_store_put(shared));
    OK(quire_account_fini(&common.account));
    cr_assert_eq(rig_stats(&rig).pages[QUIRE_PAGE_FREE], config.pages);
    rig_stop(&rig);
}

Test(account_threads, accounts_come_and_go_and_change_while_threads_fault, .timeout = 300)
{
    unsigned number;

    for (number = 0; number < 8u * (unsigned)RIG_POLICIES; number += rig_stride(7)) {
        run((enum quire_sim_flags)(number % 4u), number / 4u % 2u != 0, (enum rig_policy)(number / 8u));
    }
}
