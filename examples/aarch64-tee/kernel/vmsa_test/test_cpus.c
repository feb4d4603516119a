/* test_cpus.c - two processors that change what the other one uses. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/vmsa_test/paged.h"

#define VA UINT64_C(0x40000000)
#define ROUNDS 50u
#define SWITCHES 500u
#define STEPS 600u
#define APPS 5u
#define POOL 40u

/* ---- Each step of a test is a number that both go through ---- */

static uint32_t arrived;

/* Waits until both processors have come here `n` times. */
static void meet(uint32_t n)
{
    __atomic_fetch_add(&arrived, 1u, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 2u * n) {
        __asm__ volatile("yield");
    }
}

static void with_second(void (*job)(void))
{
    __atomic_store_n(&arrived, 0u, __ATOMIC_RELEASE);
    machine_give_job(job);
}

/* ---- One space on two processors ---- */

static struct test_app apps[APPS];
static uint32_t wrong; /* of the second processor: it has no CHECK of its own */

static void note(bool right)
{
    if (!right) {
        __atomic_fetch_add(&wrong, 1u, __ATOMIC_RELAXED);
    }
}

static void set(uint32_t page, uint64_t value)
{
    ((volatile uint64_t *)test_page[page])[0] = value;
}

static bool reads(uintptr_t va, uint64_t expected)
{
    uint64_t value;

    return machine_read(va, &value) && value == expected;
}

static void watch(void)
{
    uint32_t i;
    uint64_t value;

    test_use(&apps[0]);
    for (i = 0; i < ROUNDS; i++) {
        meet(4 * i + 1); /* the other one has mapped a page */
        note(reads(VA, i));
        meet(4 * i + 2);
        meet(4 * i + 3); /* it has unmapped and flushed it */
        note(!machine_read(VA, &value));
        meet(4 * i + 4);
    }
    test_use(NULL);
}

static void flushes_reach_the_other(void)
{
    uint32_t i;

    wrong = 0;
    test_app_begin(&apps[0]);
    with_second(watch);
    for (i = 0; i < ROUNDS; i++) {
        set(i % 2, i);
        CHECK(test_map(&apps[0], VA, i % 2, 1, TEST_READ) == QUIRE_OK);
        meet(4 * i + 1);
        meet(4 * i + 2); /* it has used the page: it is in its TLB */
        test_drop(&apps[0], VA);
        meet(4 * i + 3);
        meet(4 * i + 4);
    }
    machine_await_job();
    CHECK(wrong == 0);
    test_app_end(&apps[0]);
}

/* Each maps and drops pages of its own in the space of both, and looks at the other's. */
static void change(void)
{
    uint32_t cpu = machine_this_cpu()->number;
    uintptr_t mine = VA + cpu * 4096u;
    uintptr_t others = VA + (1u - cpu) * 4096u;
    uintptr_t key;
    uint64_t value;
    uint32_t i;

    test_use(&apps[0]);
    for (i = 0; i < ROUNDS; i++) {
        set(2u * cpu + i % 2u, i);
        key = test_mmu.lock(&test_vmsa);
        note(test_map(&apps[0], mine, 2u * cpu + i % 2u, 1, TEST_READ) == QUIRE_OK);
        test_mmu.unlock(&test_vmsa, key);
        meet(4 * i + 1);
        note(reads(mine, i) && reads(others, i));
        meet(4 * i + 2);
        key = test_mmu.lock(&test_vmsa);
        note(test_unmap(&apps[0], mine, 1) != 0);
        test_flush(&apps[0], mine);
        test_mmu.unlock(&test_vmsa, key);
        meet(4 * i + 3);
        note(!machine_read(mine, &value) && !machine_read(others, &value));
        meet(4 * i + 4);
    }
    test_use(NULL);
}

static void flush_each_other(void)
{
    wrong = 0;
    test_app_begin(&apps[0]);
    with_second(change);
    change();
    machine_await_job();
    CHECK(wrong == 0);
    test_app_end(&apps[0]);
}

/* ---- ASIDs ---- */

static void switch_spaces(void)
{
    uint32_t random = machine_this_cpu()->number + 1u;
    uint32_t i;

    for (i = 0; i < SWITCHES; i++) {
        uint32_t n = test_random(&random) % APPS;

        test_use(&apps[n]);
        note(reads(VA, 50 + n));
        note(reads(VA, 50 + n));
    }
    test_use(NULL);
}

static void share_asids(void)
{
    uint64_t rolls = test_vmsa.rolls;
    uint32_t i;

    wrong = 0;
    for (i = 0; i < APPS; i++) {
        test_app_begin(&apps[i]);
        set(i, 50 + i);
        CHECK(test_map(&apps[i], VA, i, 1, TEST_READ) == QUIRE_OK);
    }
    with_second(switch_spaces);
    switch_spaces();
    machine_await_job();
    CHECK(wrong == 0);
    CHECK(test_vmsa.rolls - rolls > SWITCHES / 10);
    for (i = 0; i < APPS * APPS; i++) {
        const struct vmsa_space *one = &apps[i / APPS].space;
        const struct vmsa_space *other = &apps[i % APPS].space;

        CHECK(one <= other || one->asid != other->asid || one->generation != other->generation);
    }
    for (i = 0; i < APPS; i++) {
        test_drop(&apps[i], VA);
        test_app_end(&apps[i]);
    }
}

/* A space that the second processor is in keeps its ASID, however often the first one rolls over. */
static void stay(void)
{
    test_use(&apps[0]);
    note(reads(VA, 50));
    meet(1);
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) < 3u) {
        note(reads(VA, 50));
    }
    meet(2);
    meet(3); /* its page has gone meanwhile */
    {
        uint64_t value;

        note(!machine_read(VA, &value));
    }
    test_use(NULL);
}

static void keeps_the_other_running(void)
{
    uint32_t asid;
    uint32_t i;

    wrong = 0;
    for (i = 0; i < APPS; i++) {
        test_app_begin(&apps[i]);
        set(i, 50 + i);
        CHECK(test_map(&apps[i], VA, i, 1, TEST_READ) == QUIRE_OK);
    }
    with_second(stay);
    meet(1);
    asid = apps[0].space.asid;
    for (i = 0; i < 200; i++) {
        uint32_t n = 1u + i % (APPS - 1u);

        test_use(&apps[n]);
        CHECK(reads(VA, 50 + n));
        CHECK(apps[0].space.asid == asid && apps[n].space.asid != asid);
    }
    meet(2);
    test_drop(&apps[0], VA);
    meet(3);
    machine_await_job();
    CHECK(wrong == 0);
    test_use(NULL);
    for (i = 0; i < APPS; i++) {
        if (i != 0) {
            test_drop(&apps[i], VA);
        }
        test_app_end(&apps[i]);
    }
}

/* ---- A pager ---- */

static struct paged_app paged[3];
static struct paged_app passing;

/* Two applications of its own, and one that both run. */
static void run_paged(void)
{
    uint32_t cpu = machine_this_cpu()->number;
    uint32_t random = 11u + cpu;
    uint32_t i;

    for (i = 0; i < STEPS; i++) {
        paged_step(&paged[test_random(&random) % 2u == 0 ? 2u : cpu], &random);
    }
    paged_use(NULL);
}

static void share_a_pager(void)
{
    uint64_t recycled = test_vmsa.recycled;
    uint32_t i;

    paged_begin(POOL, MACHINE_CPUS);
    for (i = 0; i < 3; i++) {
        paged_app_begin(&paged[i]);
    }
    test_hoard(2u * VMSA_TABLES_THREAD);
    with_second(run_paged);
    run_paged();
    machine_await_job();
    CHECK(paged_is_sound());
    CHECK(test_vmsa.recycled - recycled > STEPS / 4);
    for (i = 0; i < 3; i++) {
        paged_app_end(&paged[i]);
    }
    paged_end();
    test_release();
}

static void pass_by(void)
{
    uint32_t random = 5;
    uint32_t round;
    uint32_t i;

    for (round = 0; round < 12; round++) {
        paged_app_begin(&passing);
        for (i = 0; i < 10; i++) {
            paged_step(&passing, &random);
        }
        paged_use(NULL);
        paged_app_end(&passing);
    }
    meet(1);
}

/* While the first takes tables from whom it finds, the second begins and ends. */
static void end_while_others_take(void)
{
    uint32_t random = 9;

    paged_begin(POOL, MACHINE_CPUS);
    paged_app_begin(&paged[0]);
    test_hoard(2u * VMSA_TABLES_THREAD + 1u);
    with_second(pass_by);
    while (__atomic_load_n(&arrived, __ATOMIC_ACQUIRE) == 0) {
        paged_step(&paged[0], &random);
    }
    meet(1);
    machine_await_job();
    CHECK(paged_is_sound());
    paged_use(NULL);
    paged_app_end(&paged[0]);
    paged_end();
    test_release();
}

const struct test tests_cpus[] = {
    {"a page that one processor unmapped is gone from the other's TLB when the flush returns", flushes_reach_the_other,
     TEST_TWO_CPUS},
    {"two processors change the space they both use, and each sees what the other did", flush_each_other, TEST_TWO_CPUS},
    {"two processors with three ASIDs switch between five spaces and see each its own page", share_asids, TEST_TWO_CPUS},
    {"a processor's space keeps its ASID when the other one rolls over, and is flushed by it", keeps_the_other_running,
     TEST_TWO_CPUS},
    {"two processors share a pager with too few pages and tables, and find what they wrote", share_a_pager, TEST_TWO_CPUS},
    {"applications end while another processor takes tables from them", end_while_others_take, TEST_TWO_CPUS},
    {NULL, NULL, TEST_ALWAYS},
};
