/* A life from the first map to the last put, in which the n-th call of each hook fails, for every n. After each failure: a status, a
 * sound pager, nothing lost, and the step succeeds when it is tried again. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "rig.h"

#define RW (RIG_READ | RIG_WRITE)
#define RX (RIG_READ | RIG_EXEC)
#define U QUIRE_PROT_USER
#define POOL 7u

struct life {
    struct rig rig;
    struct quire_vm vm[3];
    struct rig_store *data; /* 8 pages */
    struct rig_store *code; /* 6 pages */
    struct rig_store *more; /* 2 pages without a save operation */
    struct quire_pin pin;
    uint64_t tables;      /* calls of need_tables */
    uint64_t table_fails; /* which of them fails; 0: none */
};

static struct life life;

/* ---- The steps ---- */

static enum quire_status map_data(void)
{
    return rig_map(&life.vm[0], &life.data->fobj, RIG_VA, RW);
}

static enum quire_status map_data_again(void)
{
    return rig_map(&life.vm[1], &life.data->fobj, RIG_AT(16), RIG_READ);
}

static enum quire_status map_code(void)
{
    struct quire_mapping mapping;

    memset(&mapping, 0, sizeof mapping);
    mapping.fobj = &life.code->fobj;
    mapping.va = QUIRE_VA_ANY;
    mapping.min = RIG_AT(32);
    mapping.align = 8u * RIG_PAGE;
    mapping.prot = RX | U;
    return quire_vm_map(&life.vm[2], &mapping, NULL);
}

static enum quire_status map_more(void)
{
    return rig_map(&life.vm[2], &life.more->fobj, RIG_VA, RW);
}

static enum quire_status write_data(void)
{
    enum quire_status status = QUIRE_OK;
    uint32_t i;

    for (i = 0; i < 8u && status == QUIRE_OK; i++) {
        status = rig_poke(&life.rig, &life.vm[0], RIG_AT(i) + i, (unsigned char)(0xd0u + i));
    }
    return status;
}

static enum quire_status write_more(void)
{
    return rig_poke(&life.rig, &life.vm[2], RIG_VA, 0xaa);
}

/* Reads a byte of each page; a wrong one is CORRUPT. */
static enum quire_status read_data(void)
{
    enum quire_status status = QUIRE_OK;
    unsigned char byte = 0;
    uint32_t i;

    for (i = 0; i < 8u && status == QUIRE_OK; i++) {
        status = rig_read(&life.rig, &life.vm[1], RIG_AT(16u + i) + i, &byte, 1);
        if (status == QUIRE_OK && byte != 0xd0u + i) {
            status = QUIRE_CORRUPT;
        }
    }
    return status;
}

static enum quire_status run_code(void)
{
    enum quire_status status = QUIRE_OK;
    unsigned char byte = 0;
    uint32_t i;

    for (i = 0; i < 6u && status == QUIRE_OK; i++) {
        status = rig_exec(&life.rig, &life.vm[2], RIG_AT(32u + i) + 99, &byte, 1);
        if (status == QUIRE_OK && byte != rig_born(life.code->tag, i, 99)) {
            status = QUIRE_CORRUPT;
        }
    }
    return status;
}

static enum quire_status write_back(void)
{
    return quire_pager_write_back(&life.rig.pager, &life.data->fobj, 0, 8, true);
}

static enum quire_status protect(void)
{
    return quire_vm_protect(&life.vm[0], RIG_AT(2), 2, RIG_READ | U);
}

static enum quire_status copy_to(void)
{
    struct quire_vm_copy how;
    const unsigned char bytes[2] = {0xe4, 0xe5};

    memset(&how, 0, sizeof how);
    return quire_vm_copy_to(&life.vm[0], RIG_AT(5) - 1u, bytes, sizeof bytes, &how, NULL);
}

static enum quire_status copy_from(void)
{
    struct quire_vm_copy how;
    unsigned char bytes[2] = {0, 0};
    enum quire_status status;

    memset(&how, 0, sizeof how);
    status = quire_vm_copy_from(&life.vm[1], RIG_AT(21) - 1u, bytes, sizeof bytes, &how, NULL);
    return status == QUIRE_OK && (bytes[0] != 0xe4 || bytes[1] != 0xe5) ? QUIRE_CORRUPT : status;
}

static enum quire_status pin(void)
{
    return quire_pin_fobj(&life.rig.pager, &life.data->fobj, 7, 1, true, true, &life.pin);
}

static enum quire_status device(void)
{
    unsigned char byte = 0xf7;
    struct quire_pa pa;
    enum quire_status status = quire_pin_pa(&life.pin, 0, &pa);

    if (status == QUIRE_OK) {
        pa.addr += 1000;
        status = quire_sim_device(&life.rig.sim, pa, true, &byte, 1);
    }
    return status;
}

static enum quire_status unmap_middle(void)
{
    return quire_vm_unmap(&life.vm[1], RIG_AT(18), 2);
}

static enum quire_status remap_middle(void)
{
    return quire_vm_remap(&life.vm[0], RIG_AT(5), 2, RIG_AT(40));
}

static enum quire_status unpin(void)
{
    return quire_unpin(&life.pin);
}

static enum quire_status invalidate(void)
{
    return quire_pager_invalidate(&life.rig.pager, &life.code->fobj, 0, 6);
}

static enum quire_status unprotect(void)
{
    enum quire_status status = quire_vm_protect(&life.vm[0], RIG_AT(2), 2, RW | U);

    return status == QUIRE_OK ? quire_vm_merge(&life.vm[0], RIG_AT(2)) : status;
}

/* What all that has left, seen by the contexts that still may. */
static enum quire_status read_all(void)
{
    static const struct {
        unsigned vm;
        uint32_t page;
        size_t offset;
        unsigned char byte;
    } is[] = {
        {0, 0, 0, 0xd0},     {0, 1, 1, 0xd1},     {0, 2, 2, 0xd2},  {0, 3, 3, 0xd3},  {0, 4, 4, 0xd4},
        {0, 4, 4095, 0xe4},  {0, 40, 0, 0xe5},    {0, 40, 5, 0xd5}, {0, 41, 6, 0xd6}, {0, 7, 1000, 0xf7},
        {1, 23, 1000, 0xf7}, {1, 20, 4095, 0xe4}, {2, 0, 0, 0xaa},
    };
    enum quire_status status = QUIRE_OK;
    unsigned char byte = 0;
    size_t i;

    for (i = 0; i < sizeof is / sizeof is[0] && status == QUIRE_OK; i++) {
        status = rig_read(&life.rig, &life.vm[is[i].vm], RIG_AT(is[i].page) + is[i].offset, &byte, 1);
        if (status == QUIRE_OK && byte != is[i].byte) {
            status = QUIRE_CORRUPT;
        }
    }
    return status;
}

static enum quire_status unmap_part(void)
{
    return quire_vm_unmap(&life.vm[2], RIG_AT(33), 2);
}

static enum quire_status end_second(void)
{
    return rig_vm_stop(&life.rig, &life.vm[1]);
}

static enum quire_status end_first(void)
{
    return rig_vm_stop(&life.rig, &life.vm[0]);
}

static enum quire_status end_third(void)
{
    return rig_vm_stop(&life.rig, &life.vm[2]);
}

static const struct {
    const char *name;
    enum quire_status (*run)(void);
} steps[] = {
    {"map data", map_data},
    {"map data again", map_data_again},
    {"map code", map_code},
    {"map more", map_more},
    {"write data", write_data},
    {"write more", write_more},
    {"read data", read_data},
    {"run code", run_code},
    {"write back", write_back},
    {"write data", write_data},
    {"protect", protect},
    {"copy to", copy_to},
    {"copy from", copy_from},
    {"pin", pin},
    {"device", device},
    {"unmap", unmap_middle},
    {"move", remap_middle},
    {"run code", run_code},
    {"unpin", unpin},
    {"invalidate", invalidate},
    {"unprotect", unprotect},
    {"run code", run_code},
    {"read all", read_all},
    {"unmap a part", unmap_part},
    {"end the second", end_second},
    {"end the first", end_first},
    {"end the third", end_third},
};

/* ---- One life ---- */

enum kind { LOAD, SAVE, ALLOC, MAP, TABLES, KINDS };

static const char *const kind_name[] = {"load", "save", "alloc", "map", "need_tables"};
static const enum quire_status answer[] = {QUIRE_IO, QUIRE_IO, QUIRE_NO_MEMORY, QUIRE_NO_TABLE, QUIRE_NO_TABLE};

/* Page tables are scarce: one range must give way to another. */
static enum quire_status recycle(void *user, struct quire_vm *vm, uintptr_t va)
{
    unsigned i;
    uint32_t table;

    (void)user;
    if (++life.tables == life.table_fails) {
        return QUIRE_NO_MEMORY;
    }
    for (i = 0; i < 3u; i++) {
        for (table = 0; table < 4u; table++) {
            if ((&life.vm[i] != vm || va - RIG_AT(16u * table) >= 16u * RIG_PAGE) && life.vm[i].num_areas != 0 &&
                quire_vm_drop_range(&life.vm[i], RIG_AT(16u * table), 16) != QUIRE_OK) {
                return QUIRE_STUCK;
            }
        }
    }
    return QUIRE_OK;
}

static void begin(unsigned variant)
{
    struct rig_config config;
    unsigned i;

    memset(&life, 0, sizeof life);
    memset(&config, 0, sizeof config);
    config.flags = (enum quire_sim_flags)(variant % 4u);
    config.flush_unlocked = variant / 4u % 2u != 0;
    config.policy = variant / 8u % 2u != 0 ? RIG_FIFO : RIG_CLOCK;
    config.pages = POOL;
    config.table_pages = 16;
    config.tables = 2;
    config.need_tables = recycle;
    rig_start(&life.rig, &config);
    for (i = 0; i < 3u; i++) {
        rig_vm_start(&life.rig, &life.vm[i]);
    }
    life.data = rig_store_new(&life.rig, 8, RW);
    life.code = rig_store_new(&life.rig, 6, RX);
    life.more = rig_store_new(&life.rig, 2, RW);
    life.more->ops.save = NULL;
    life.more->watch.ops.save = NULL;
}

static uint64_t calls(enum kind kind)
{
    switch (kind) {
    case LOAD:
        return life.rig.load_fails.calls;
    case SAVE:
        return life.rig.save_fails.calls;
    case ALLOC:
        return life.rig.alloc_fails.calls;
    case MAP:
        return life.rig.sim.counts.map;
    case TABLES:
    case KINDS:
    default:
        return life.tables;
    }
}

/* The nth call of that kind and the times - 1 after it will fail; of need_tables the nth only. */
static void arm(enum kind kind, uint64_t nth, uint64_t times)
{
    if (kind == MAP) {
        quire_sim_fail_map(&life.rig.sim, (uint32_t)nth, (uint32_t)times);
    } else if (kind == TABLES) {
        life.table_fails = nth;
    } else {
        rig_fail(kind == LOAD   ? &life.rig.load_fails
                 : kind == SAVE ? &life.rig.save_fails
                                : &life.rig.alloc_fails,
                 nth, times, answer[kind]);
    }
}

/* Lives once; returns how many steps failed at first. */
static unsigned live(enum kind kind, uint64_t nth, uint64_t times)
{
    unsigned failures = 0;
    size_t i;

    for (i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        enum quire_status status = QUIRE_AGAIN;
        unsigned tries;

        for (tries = 0; tries < 16u && status != QUIRE_OK; tries++) {
            const char *wrong;

            status = steps[i].run();
            wrong = rig_wrong(&life.rig);
            cr_assert_null(wrong, "%s %ju failed; after %s: %s", kind_name[kind], (uintmax_t)nth, steps[i].name, wrong);
            if (status != QUIRE_OK) {
                failures++;
                cr_assert(status == answer[kind] || (kind == SAVE && status == QUIRE_NO_PAGE), "%s %ju failed: %s says %s",
                          kind_name[kind], (uintmax_t)nth, steps[i].name, quire_status_name(status));
            }
        }
        cr_assert_eq(status, QUIRE_OK, "%s %ju failed %ju times: %s never succeeds again: %s", kind_name[kind], (uintmax_t)nth,
                     (uintmax_t)times, steps[i].name, quire_status_name(status));
    }
    return failures;
}

static void end(void)
{
    cr_assert_eq(rig_store_put(life.data), QUIRE_OK);
    cr_assert_eq(rig_store_put(life.code), QUIRE_OK);
    cr_assert_eq(rig_store_put(life.more), QUIRE_OK);
    cr_assert_eq(life.data->freed, 1);
    cr_assert_eq(life.code->freed, 1);
    cr_assert_eq(life.more->freed, 1);
    cr_assert_eq(life.rig.allocated, 0);
    cr_assert_eq(rig_stats(&life.rig).pages[QUIRE_PAGE_FREE], POOL);
    cr_assert_null(rig_wrong(&life.rig));
    rig_stop(&life.rig);
}

#define VARIANTS 16u

/* Every n of one kind, `times` failures in a row. `visible`: each such life must have met a step that failed. */
static void every(enum kind kind, uint64_t times, bool visible)
{
    unsigned variant;

    for (variant = 0; variant < VARIANTS; variant++) {
        uint64_t total;
        uint64_t met = 0;
        uint64_t n;

        begin(variant);
        cr_assert_eq(live(kind, 0, 0), 0);
        total = calls(kind);
        end();
        cr_assert_gt(total, 3);
        for (n = 1; n <= total; n++) {
            begin(variant);
            arm(kind, n, times);
            met += live(kind, n, times) != 0 ? 1u : 0u;
            end();
        }
        cr_assert(!visible || met == total, "variant %u: of %ju lives with a failing %s only %ju saw it", variant,
                  (uintmax_t)total, kind_name[kind], (uintmax_t)met);
    }
}

Test(life_cycle, survives_the_failure_of_every_load, .timeout = 300)
{
    every(LOAD, 1, true);
}

Test(life_cycle, survives_the_failure_of_every_save, .timeout = 300)
{
    every(SAVE, 1, false); /* mostly another page gives way instead */
    every(SAVE, 12, false);
}

Test(life_cycle, survives_the_failure_of_every_allocation, .timeout = 300)
{
    every(ALLOC, 1, true);
}

Test(life_cycle, survives_the_failure_of_every_map, .timeout = 300)
{
    every(MAP, 1, false); /* need_tables makes it good */
    every(MAP, 5, true);
}

Test(life_cycle, survives_the_failure_of_every_search_for_a_table, .timeout = 300)
{
    every(TABLES, 1, true);
}
