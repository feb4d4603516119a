/* The world's beginning, end and checks. */
#include "world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t world_below(struct world *world, uint32_t n)
{
    return property_below(&world->random, n);
}

bool world_chance(struct world *world, uint32_t one_in)
{
    return world_below(world, one_in) == 0;
}

void world_fail(struct world *world, const char *format, ...)
{
    char text[240];
    va_list args;

    if (world->wrong[0] == '\0') {
        va_start(args, format);
        (void)vsnprintf(text, sizeof text, format, args);
        va_end(args);
        (void)snprintf(world->wrong, sizeof world->wrong, "step %ju, %s: %s", (uintmax_t)world->ops, world->what, text);
    }
}

void world_check(struct world *world)
{
    const char *wrong = rig_wrong(&world->rig);

    wrong = wrong != NULL ? wrong : cipher_wrong(&world->cipher);
    wrong = wrong != NULL ? wrong : world->attacker.wrong[0] != '\0' ? world->attacker.wrong : NULL;
    if (wrong != NULL) {
        world_fail(world, "%s", wrong);
    }
}

/* The only thread that may wait does: an answer comes. */
static void idle(void *user)
{
    struct world *world = user;

    if (world->npending == 0) {
        (void)fprintf(stderr, "attacker: %s: the only thread waits, and nothing is under way\n", world->what);
        abort();
    }
    if (world_chance(world, 12)) {
        world_tick(world);
    } else {
        layer_answer(world, world_below(world, world->npending));
    }
}

/* Another thread gets the processor while a store works for this one. */
static void nest(struct world *world)
{
    uint32_t dice = world_below(world, 20);

    world->counts->nested++;
    if (dice < 12) {
        world_access(world, true);
    } else if (dice < 14) {
        world_evict(world);
    } else if (dice < 15) {
        world_write_back(world);
    } else if (dice < 16) {
        world_advise(world);
    } else if (dice < 17) {
        world_shrink(world);
    } else if (dice < 19) {
        world_rekey(world);
    } else {
        world_end_thing(world);
    }
}

static void meanwhile(void *user)
{
    struct world *world = user;
    unsigned hook;

    for (hook = 0; hook < CIPHER_HOOKS; hook++) {
        if (world->cipher.nth[hook] != 0) {
            return; /* whose call failed would not be known */
        }
    }
    if (world->nest == 0 && !world->calm && world->op != NULL && world->wrong[0] == '\0' && world_chance(world, 5)) {
        world->nest++;
        if (world_chance(world, 3)) {
            attacker_strike(&world->attacker);
        } else {
            nest(world);
        }
        world->nest--;
    }
}

void world_begin(struct world *world, uint64_t seed, struct attacker_counts *tricks, struct world_counts *counts)
{
    struct rig_config config;
    unsigned vm;

    memset(world, 0, sizeof *world);
    world->random.state = seed;
    world->tricks = tricks;
    world->counts = counts;
    memset(&config, 0, sizeof config);
    config = rig_machine((unsigned)(seed % RIG_MACHINES), config);
    config.seed = seed;
    config.concurrency = 2;
    config.step = 2u + world_below(world, 3);
    config.rank_max = QUIRE_FOBJ_RANK_MAX;
    config.pages = (uint32_t)QUIRE_PAGER_MIN_PAGES(config.concurrency, config.step, config.rank_max) + world_below(world, 14);
    config.vms = WORLD_VMS;
    config.vm_pages = WORLD_THINGS * WORLD_SHOWN;
    config.eager = world_chance(world, 3);
    config.forget = world_chance(world, 4) ? 7u : 0;
    config.around = world_chance(world, 3) ? 8u : 0;
    config.requests = world_chance(world, 2) ? 2u + world_below(world, 4) : 0;
    config.idle = idle;
    config.user = world;
    rig_start(&world->rig, &config);
    attacker_begin(&world->attacker, &world->random, WORLD_PLACES, tricks);
    world->attacker.meanwhile = meanwhile;
    world->attacker.user = world;
    cipher_start(&world->cipher, seed);
    world->cipher.tolerates = true; /* so that the message says how to repeat it */
    for (vm = 0; vm < WORLD_VMS; vm++) {
        rig_vm_start(&world->rig, &world->vm[vm]);
    }
}

void world_end(struct world *world)
{
    unsigned vm;
    unsigned i;

    (void)snprintf(world->what, sizeof world->what, "the end");
    for (vm = 0; vm < WORLD_VMS; vm++) {
        if (rig_vm_stop(&world->rig, &world->vm[vm]) != QUIRE_OK) {
            world_fail(world, "a context does not end");
        }
    }
    for (i = 0; i < WORLD_THINGS; i++) {
        if (world->thing[i] != NULL && world->thing[i]->held) {
            world_put(world, world->thing[i]);
        }
    }
    for (i = 0; i < WORLD_THINGS; i++) {
        if (world->thing[i] != NULL && world->thing[i]->released != 1u) {
            world_fail(world, "an object (%s) is not released", sort_names[world->thing[i]->sort]);
        }
    }
    world_check(world);
    if (world->wrong[0] != '\0') {
        return; /* it is not to be taken down further */
    }
    world_bury(world);
    world->counts->nonces += world->cipher.used;
    world->counts->evictions += rig_stats(&world->rig).evictions;
    world->counts->own_pages += rig_stats(&world->rig).copies;
    if (cipher_stop(&world->cipher) != QUIRE_OK || cipher_wrong(&world->cipher) != NULL) {
        world_fail(world, "a key or a buffer is left");
    }
    attacker_end(&world->attacker);
    rig_stop(&world->rig);
}
