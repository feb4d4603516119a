/* Loads at the same time: how many, how fast, and one for each page. */
#include "crew_test.h"

#define CREW 8u
#define OWN 12u       /* pages that each thread has for itself */
#define SHARED 32u    /* pages that all use */
#define LATENCY 1000u /* microseconds */

static struct rig rig;
static struct quire_vm vm[CREW];
static struct rig_store *own[CREW];
static struct rig_store *shared;

static void start(void)
{
    struct rig_config config;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.threads = true;
    config.cpus = CREW;
    config.concurrency = CREW;
    config.pages = 160;
    config.vms = CREW;
    rig_start(&rig, &config);
    shared = rig_store_new(&rig, SHARED, RIG_READ);
    shared->delay = LATENCY;
    for (i = 0; i < CREW; i++) {
        rig_vm_start(&rig, &vm[i]);
        own[i] = rig_store_new(&rig, OWN, RW);
        own[i]->delay = LATENCY;
        OK(rig_map(&vm[i], &own[i]->fobj, RIG_VA, RW));
        OK(rig_map(&vm[i], &shared->fobj, RIG_AT(16), RIG_READ));
    }
}

static void stop(void)
{
    SOUND(&rig);
    rig_stop(&rig);
}

/* Each thread reads its own pages and all shared ones, beginning at another place. */
static void use(struct rig *r, unsigned i)
{
    uint32_t page;
    unsigned char byte;

    for (page = 0; page < OWN; page++) {
        OK(rig_access(r, i, i, &vm[i], RIG_AT(page), RIG_READ, &byte, 1));
        cr_assert_eq(byte, rig_born(own[i]->tag, page, 0));
    }
    for (page = 0; page < SHARED; page++) {
        uint32_t at = (page + i * SHARED / CREW) % SHARED;

        OK(rig_access(r, i, i, &vm[i], RIG_AT(16u + at), RIG_READ, &byte, 1));
        cr_assert_eq(byte, rig_born(shared->tag, at, 0));
    }
}

static double timed(unsigned crew)
{
    double before;
    double after;
    unsigned i;

    start();
    before = crew_clock();
    if (crew == 1u) {
        for (i = 0; i < CREW; i++) {
            use(&rig, i);
        }
    } else {
        crew_run(&rig, crew, use);
    }
    after = crew_clock();
    cr_assert_eq(rig.loads, CREW * OWN + SHARED, "every page is loaded once: %ju loads", (uintmax_t)rig.loads);
    if (crew != 1u) {
        cr_assert_geq(rig.most, 6, "the store saw at most %u loads in flight", rig.most);
    }
    stop();
    return after - before;
}

static int compare(const void *a, const void *b)
{
    const double *x = a;
    const double *y = b;

    return *x < *y ? -1 : *x > *y;
}

Test(pager_threads, eight_threads_keep_a_slow_store_busy, .timeout = 60)
{
    double ratio[5];
    unsigned i;

    for (i = 0; i < 5u; i++) {
        double serial = timed(1);

        ratio[i] = timed(CREW) / serial;
    }
    qsort(ratio, 5, sizeof ratio[0], compare);
    /* An emulator that runs one thread at a time has no time to compare: it says so in this variable. */
    cr_assert(ratio[2] <= 0.25 || getenv("QUIRE_TIMEOUT_SCALE") != NULL, "8 threads take %.2f of the time of one", ratio[2]);
}

static void same_page(struct rig *r, unsigned i)
{
    unsigned char byte = 0;
    uint32_t page;

    for (page = 0; page < SHARED; page++) {
        OK(rig_access(r, i, i, &vm[i], RIG_AT(16u + page), RIG_READ, &byte, 1));
        cr_assert_eq(byte, rig_born(shared->tag, page, 0));
    }
}

Test(pager_threads, faults_on_one_page_load_it_once, .init = start, .fini = stop, .timeout = 60)
{
    uint32_t page;

    crew_run(&rig, CREW, same_page);
    for (page = 0; page < SHARED; page++) {
        cr_assert_eq(shared->loads_of[page], 1);
    }
    cr_assert_gt(rig_stats(&rig).waits, 0);
}
