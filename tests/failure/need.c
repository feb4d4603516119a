/* A run in which nearly every load and save needs pages of other objects, and in which the n-th load, or save, of any of them
 * fails, for every n: what fails says so, loses nothing, and succeeds when it is tried again. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "family.h"

#define RW (RIG_READ | RIG_WRITE)

enum { PAGES = 24, STEPS = 30 };

struct world {
    struct rig rig;
    struct quire_vm vm;
    struct family family;
    unsigned char expected[PAGES];
};

static unsigned number_of_run;
static uint64_t failing;

#define MUST(holds, ...)                                                                            \
    do {                                                                                            \
        if (!(holds)) {                                                                             \
            cr_log_error("run %u, call %ju, line %d", number_of_run, (uintmax_t)failing, __LINE__); \
            cr_assert_fail(__VA_ARGS__);                                                            \
        }                                                                                           \
    } while (0)

static void must_be_sound(struct world *w)
{
    const char *wrong = rig_wrong(&w->rig);

    MUST(wrong == NULL, "%s", wrong);
    MUST(w->rig.pager.holds == 0 && w->rig.pager.needing == NULL && w->rig.pager.need_depth == 0, "something is left");
}

/* One access; tried again once the failures are over. */
static void step(struct world *w, uint32_t i, enum quire_status answer, const struct rig_failure *failed)
{
    uint32_t page = i * 7u % PAGES;
    uintptr_t va = RIG_AT(page) + FAMILY_USER;
    unsigned char byte = (unsigned char)(i + 1u);
    unsigned tries = 0;
    enum quire_status status;

    do {
        if (i % 3u != 2u) {
            status = rig_poke(&w->rig, &w->vm, va, byte);
        } else {
            status = rig_read(&w->rig, &w->vm, va, &byte, 1);
            MUST(status != QUIRE_OK || byte == w->expected[page], "page %u holds %u", page, byte);
        }
        if (failed->hits != 0) { /* until then it is what unit/need sees */
            must_be_sound(w);
        }
        MUST(status == QUIRE_OK || status == answer || status == QUIRE_NO_PAGE || status == QUIRE_AGAIN, "%s",
             quire_status_name(status));
        if (++tries == 3u) { /* it fails for ever: until now */
            rig_fail(&w->rig.load_fails, 0, 0, QUIRE_OK);
            rig_fail(&w->rig.save_fails, 0, 0, QUIRE_OK);
        }
        MUST(tries < 8u, "it never ends");
    } while (status != QUIRE_OK);
    w->expected[page] = byte;
}

/* True if there was such a call. */
static bool run(unsigned number, bool loads, uint64_t nth, uint64_t times, enum quire_status status)
{
    enum quire_status answer = status == QUIRE_PENDING ? QUIRE_BAD_ANSWER : status;
    struct rig_config config;
    struct rig_failure *failure;
    struct world w;
    bool hit;
    uint32_t i;

    number_of_run = number;
    failing = nth;
    config = rig_machine(number, (struct rig_config){.rank_max = 1u + (number + number / 4u + number / 8u) % 2u});
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(1, 4, config.rank_max);
    rig_start(&w.rig, &config);
    rig_vm_start(&w.rig, &w.vm);
    family_start(&w.family, &w.rig, config.rank_max + 1u, PAGES, 2);
    MUST(rig_map(&w.vm, &family_youngest(&w.family)->store->fobj, RIG_VA, RW) == QUIRE_OK, "the map");
    for (i = 0; i < PAGES; i++) {
        w.expected[i] = rig_born(family_youngest(&w.family)->store->tag, i, FAMILY_USER);
    }
    failure = loads ? &w.rig.load_fails : &w.rig.save_fails;
    rig_fail(failure, nth, times, status);
    for (i = 0; i < STEPS; i++) {
        step(&w, i, answer, failure);
    }
    hit = failure->hits != 0;
    rig_fail(failure, 0, 0, QUIRE_OK);
    for (i = 0; i < PAGES; i++) {
        int byte = rig_byte(&w.rig, &w.vm, RIG_AT(i) + FAMILY_USER);

        MUST(byte == w.expected[i], "page %u holds %d, not %u", i, byte, w.expected[i]);
    }
    for (i = config.rank_max + 1u; i-- > 0;) {
        struct quire_fobj *fobj = &w.family.member[i].store->fobj;

        MUST(quire_pager_write_back(&w.rig.pager, fobj, 0, fobj->num_pages, true) == QUIRE_OK, "the last write-back");
    }
    must_be_sound(&w);
    MUST(w.rig.pager.owed <= 1u, "the reserve lacks %u pages", w.rig.pager.owed);
    MUST(family_wrong(&w.family) == 0, "%u sums differ", family_wrong(&w.family));
    rig_stop(&w.rig);
    family_stop(&w.family);
    return hit;
}

static void run_all(bool loads, uint64_t times)
{
    static const enum quire_status answers[] = {QUIRE_IO, QUIRE_INTEGRITY, QUIRE_NO_MEMORY, QUIRE_PENDING};
    uint64_t most = 0;
    unsigned number;
    uint64_t nth;

    for (number = 0; number < RIG_MACHINES; number += rig_stride(7)) {
        /* Every n with each policy; over all of them also with every hardware, flushing, rank and answer. */
        for (nth = 1u + (number + number / 8u) % 8u; run(number, loads, nth, times, answers[(nth / 8u + number / 8u) % 4u]);
             nth += 8u) {
        }
        most = nth > most ? nth : most;
    }
    cr_assert_gt(most, 100, "only %ju calls", (uintmax_t)most);
}

Test(need_failure, every_load_fails_once, .timeout = 600)
{
    run_all(true, 1);
}

Test(need_failure, every_save_fails_once, .timeout = 600)
{
    run_all(false, 1);
}

Test(need_failure, all_loads_fail_for_a_while, .timeout = 600)
{
    run_all(true, 6);
}

Test(need_failure, all_saves_fail_until_they_are_tried_again, .timeout = 600)
{
    run_all(false, UINT64_MAX);
}
