/* The random walk: what happens next, in which proportion; and what happened in all. */
#include "walk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- A step ---- */

static void attack(struct world *world)
{
    struct attacker *attacker = &world->attacker;

    switch (world_below(world, 12)) {
    case 0:
        attacker_remember(attacker);
        break;
    case 1:
        attacker_arm(attacker);
        break;
    case 2:
    case 3:
        attacker_repent(attacker, world_below(world, attacker->places));
        break;
    case 4:
        attacker_repent_all(attacker);
        break;
    default:
        attacker_strike(attacker);
        break;
    }
}

static void fail_cipher(struct world *world)
{
    static const enum cipher_hook hooks[] = {CIPHER_SEAL, CIPHER_OPEN, CIPHER_BUFFER};

    cipher_fail(&world->cipher, hooks[world_below(world, 3)], 1u + world_below(world, 3), QUIRE_IO);
}

static void map_or_unmap(struct world *world)
{
    struct thing *thing = world->thing[world_below(world, WORLD_THINGS)];
    unsigned vm = world_below(world, WORLD_VMS);
    struct op op;

    if (thing == NULL || thing->shown == 0) {
        return;
    }
    op_begin(world, &op, "a map or an unmap");
    if (thing->mapped[vm]) {
        world_unmap(world, thing, vm);
    } else if (thing->held) {
        world_map(world, thing, vm);
    }
    op_end(world, &op);
}

static void make(struct world *world)
{
    struct op op;

    op_begin(world, &op, "an object is made");
    if (world_chance(world, 3)) {
        world_make_copy(world);
    } else {
        world_make(world);
    }
    op_end(world, &op);
}

static void step(struct world *world)
{
    uint32_t dice = world_below(world, 100);

    world->counts->steps++;
    if (dice < 34) {
        world_access(world, false);
    } else if (dice < 40) {
        world_copy(world);
    } else if (dice < 43) {
        world_pin(world);
    } else if (dice < 63) {
        attack(world);
    } else if (dice < 73) {
        world_evict(world);
    } else if (dice < 76) {
        world_write_back(world);
    } else if (dice < 78) {
        world_advise(world);
    } else if (dice < 80) {
        world_shrink(world);
    } else if (dice < 84) {
        world_rekey(world);
    } else if (dice < 86) {
        world_end_thing(world);
    } else if (dice < 90) {
        make(world);
    } else if (dice < 92) {
        map_or_unmap(world);
    } else if (dice < 94) {
        fail_cipher(world);
    } else if (dice < 95) {
        world_new_vm(world);
    } else if (world->npending != 0) {
        struct op op;

        op_begin(world, &op, "an answer");
        if (world_chance(world, 4)) {
            world_tick(world);
        } else {
            layer_answer(world, world_below(world, world->npending));
        }
        op_end(world, &op);
    } else {
        world_access(world, false);
    }
}

bool walk(uint64_t seed, uint64_t steps, struct walk_counts *counts, char *wrong, size_t len)
{
    struct world *world = malloc(sizeof *world);
    bool good;
    uint64_t i;

    if (world == NULL) {
        abort();
    }
    world_begin(world, seed, &counts->tricks, &counts->world);
    for (i = 0; i < 4; i++) {
        make(world);
    }
    for (i = 0; i < steps && world->wrong[0] == '\0'; i++) {
        step(world);
        if (i % 4u == 0 || world->attacker.wrong[0] != '\0') {
            world_check(world);
        }
    }
    if (world->wrong[0] == '\0') {
        world_heal(world);
        world_check(world);
    }
    if (world->wrong[0] == '\0') {
        world_end(world);
    }
    good = world->wrong[0] == '\0';
    (void)snprintf(wrong, len, "%s", world->wrong);
    free(world);
    return good;
}

/* ---- What happened ---- */

static uint64_t of_trick(uint64_t const (*table)[SORTS], unsigned trick)
{
    uint64_t n = 0;
    unsigned sort;

    for (sort = 0; sort < SORTS; sort++) {
        n += table[trick][sort];
    }
    return n;
}

static uint64_t of_sort(uint64_t const (*table)[SORTS], unsigned sort)
{
    uint64_t n = 0;
    unsigned trick;

    for (trick = 0; trick < TRICKS; trick++) {
        n += table[trick][sort];
    }
    return n;
}

static uint64_t of_all(uint64_t const (*table)[SORTS])
{
    uint64_t n = 0;
    unsigned trick;

    for (trick = 0; trick < TRICKS; trick++) {
        n += of_trick(table, trick);
    }
    return n;
}

uint64_t walk_read(const struct walk_counts *counts)
{
    return of_all(counts->tricks.read);
}

uint64_t walk_caught(const struct walk_counts *counts)
{
    return of_all(counts->tricks.caught);
}

static void print(const char *what, uint64_t n)
{
    printf("  %-42s %12ju\n", what, (uintmax_t)n);
}

void walk_print(const struct walk_counts *counts, uint64_t campaigns)
{
    const struct attacker_counts *tricks = &counts->tricks;
    const struct world_counts *world = &counts->world;
    unsigned i;

    printf("attacker: %ju campaigns, %ju steps, no wrong byte, no false alarm\n", (uintmax_t)campaigns,
           (uintmax_t)world->steps);
    print("accesses", world->accesses);
    print("  refused with INTEGRITY", world->refused);
    print("  in the middle of another operation", world->nested);
    print("pages compared after the attacker", world->pages_compared);
    print("objects that are sealed", world->things[THING_SEALED]);
    print("  with metadata of them: sealed / in memory", world->things[THING_PARENT] + world->things[THING_SECURE]);
    print("  copies on write", world->copies);
    print("  their own pages", world->own_pages);
    print("objects that are verified", world->things[THING_RO]);
    print("  relocated", world->relocated);
    print("objects that died", world->died);
    print("evictions", world->evictions);
    print("nonces", world->nonces);
    print("new keys under way", world->keys);
    print("reads of the store", tricks->reads);
    print("writes to the store", tricks->writes);
    print("reads that failed, or said they were short", tricks->failed_reads + tricks->short_reads);
    print("writes that failed", tricks->failed_writes);
    print("saves that failed, pages kept", world->failed_saves);
    print("answers that came later", world->pended);
    print("  too late", world->timeouts);
    print("manipulations taken back, pages", tricks->taken_back);
    printf("  %-16s %10s %10s %10s\n", "manipulations", "made", "read", "caught");
    for (i = 0; i < TRICKS; i++) {
        printf("  %-16s %10ju %10ju %10ju\n", trick_names[i], (uintmax_t)tricks->tricks[i],
               (uintmax_t)of_trick(tricks->read, i), (uintmax_t)of_trick(tricks->caught, i));
    }
    for (i = 0; i < SORTS; i++) {
        printf("  %-16s %10s %10ju %10ju\n", sort_names[i], "", (uintmax_t)of_sort(tricks->read, i),
               (uintmax_t)of_sort(tricks->caught, i));
    }
    printf("  (%ju were read in loads that the store failed otherwise)\n", (uintmax_t)tricks->drowned);
    fflush(stdout);
}

const char *walk_missing(const struct walk_counts *counts)
{
    const struct attacker_counts *tricks = &counts->tricks;
    const struct world_counts *world = &counts->world;
    const struct {
        uint64_t n;
        const char *what;
    } need[] = {
        {world->refused, "an access refused"},
        {world->nested, "an access in another operation"},
        {world->relocated, "relocation"},
        {world->own_pages, "a copy's own pages"},
        {world->things[THING_PARENT], "sealed metadata"},
        {world->things[THING_SECURE], "metadata in secure memory"},
        {world->keys, "a new key"},
        {world->failed_saves, "a save that failed"},
        {tricks->failed_reads, "a read that failed"},
        {tricks->short_reads, "a read that was short"},
        {world->pended, "a late answer"},
        {world->timeouts, "an answer too late"},
    };
    size_t i;

    for (i = 0; i < sizeof need / sizeof need[0]; i++) {
        if (need[i].n == 0) {
            return need[i].what;
        }
    }
    for (i = 0; i < TRICKS; i++) {
        if (of_trick(tricks->caught, (unsigned)i) == 0) {
            return trick_names[i];
        }
    }
    for (i = 0; i < SORTS; i++) {
        if (of_sort(tricks->caught, (unsigned)i) == 0) {
            return sort_names[i];
        }
    }
    return NULL;
}
