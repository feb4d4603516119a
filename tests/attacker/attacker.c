/* The store and its attacker. */
#include "attacker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE QUIRE_PAGE_SIZE
#define NONE ATTACKER_NONE

const char *const trick_names[TRICKS] = {"bits flipped", "swapped within", "swapped between", "replayed",
                                         "foreign",      "store put back", "cut short",       "write dropped"};
const char *const sort_names[SORTS] = {"sealed", "metadata", "copy", "listed", "paged list's", "tree's", "list", "node"};

static void *must(void *p)
{
    if (p == NULL) {
        abort();
    }
    return p;
}

static void blame(struct attacker *attacker, const char *what, uint32_t place)
{
    if (attacker->wrong[0] == '\0') {
        (void)snprintf(attacker->wrong, sizeof attacker->wrong, "%s: place %u (%s)", what, (unsigned)place,
                       sort_names[attacker->place[place].sort]);
    }
}

/* ---- Versions ---- */

static uint32_t add_version(struct attacker *attacker, const void *page)
{
    unsigned char *copy = must(malloc(PAGE));
    uint32_t n = attacker->versions;

    if ((n & (n - 1u)) == 0) { /* a power of two, or none: full */
        attacker->version = must(realloc(attacker->version, (n == 0 ? 1u : 2u * n) * sizeof *attacker->version));
    }
    memcpy(copy, page, PAGE);
    attacker->version[attacker->versions++] = copy;
    return n;
}

static void add_history(struct place *place, uint32_t version)
{
    uint32_t n = place->versions;

    if ((n & (n - 1u)) == 0) {
        place->history = must(realloc(place->history, (n == 0 ? 1u : 2u * n) * sizeof *place->history));
    }
    place->history[place->versions++] = version;
}

void attacker_keep(struct attacker *attacker, uint32_t place, const void *page)
{
    struct place *p = &attacker->place[place];

    p->good = add_version(attacker, page);
    p->now = p->good;
    p->kept = (uint32_t)PAGE;
    add_history(p, p->good);
}

/* ---- Life ---- */

void attacker_begin(struct attacker *attacker, struct property *random, uint32_t places, struct attacker_counts *counts)
{
    memset(attacker, 0, sizeof *attacker);
    attacker->random = random;
    attacker->places = places;
    attacker->place = must(calloc(places, sizeof *attacker->place));
    attacker->snapshot = must(malloc(places * sizeof *attacker->snapshot));
    memset(attacker->snapshot, 0xff, places * sizeof *attacker->snapshot);
    attacker->counts = counts;
    memcpy(attacker->secret, (uint64_t[]){property_bits(random)}, sizeof attacker->secret);
}

void attacker_end(struct attacker *attacker)
{
    uint32_t i;

    for (i = 0; i < attacker->versions; i++) {
        free(attacker->version[i]);
    }
    for (i = 0; i < attacker->places; i++) {
        free(attacker->place[i].history);
    }
    free(attacker->version);
    free(attacker->snapshot);
    free(attacker->place);
}

uint32_t attacker_take(struct attacker *attacker, uint32_t n, enum sort sort)
{
    uint32_t first;
    uint32_t i;

    for (first = 0; first + n <= attacker->places; first += i + 1u) { /* the lowest: places are used again soon */
        for (i = 0; i < n && !attacker->place[first + i].used; i++) {
        }
        if (i == n) {
            for (i = 0; i < n; i++) {
                struct place *p = &attacker->place[first + i];

                p->used = true;
                p->sort = sort;
                p->owner = first;
                p->now = p->good = NONE;
                p->kept = (uint32_t)PAGE;
            }
            return first;
        }
    }
    return NONE;
}

void attacker_give_back(struct attacker *attacker, uint32_t first)
{
    uint32_t i;

    for (i = first; i < attacker->places && attacker->place[i].used && attacker->place[i].owner == first; i++) {
        attacker->place[i].used = false;
        attacker->place[i].good = NONE;
    }
}

/* ---- The store ---- */

void attacker_verdict_begin(struct attacker *attacker, struct verdict *verdict)
{
    memset(verdict, 0, sizeof *verdict);
    verdict->outer = attacker->verdict;
    attacker->verdict = verdict;
}

void attacker_verdict_end(struct attacker *attacker, struct verdict *verdict)
{
    attacker->verdict = verdict->outer;
}

static bool comes(uint64_t *nth)
{
    return *nth != 0 && --*nth == 0;
}

enum quire_status attacker_read(struct attacker *attacker, uint32_t place, void *to, size_t len, size_t *got)
{
    struct place *p = &attacker->place[place];
    struct verdict *verdict = attacker->verdict;
    size_t there;

    attacker->counts->reads++;
    if (attacker->meanwhile != NULL) {
        attacker->meanwhile(attacker->user);
    }
    if (verdict == NULL || !p->used || p->good == NONE) {
        blame(attacker, "a page is read that nobody has", place);
        return QUIRE_IO;
    }
    *got = len;
    if (comes(&attacker->read_nth)) {
        attacker->counts->failed_reads++;
        memset(to, 0xdd, len / 2u);
        verdict->failed = attacker->says;
        return attacker->says;
    }
    there = p->kept < len ? p->kept : len;
    memcpy(to, attacker->version[p->now], there);
    if (there < len && attacker->honest_end) {
        attacker->counts->short_reads++;
        *got = there;
        verdict->failed = QUIRE_IO;
        return QUIRE_OK;
    }
    if (!verdict->changed && memcmp(to, attacker->version[p->good], len) != 0) {
        verdict->changed = true;
        verdict->trick = there < len ? TRICK_CUT : p->trick;
        verdict->sort = p->sort;
        attacker->counts->read[verdict->trick][verdict->sort]++;
    }
    return QUIRE_OK;
}

enum quire_status attacker_write(struct attacker *attacker, uint32_t place, const void *page)
{
    struct place *p = &attacker->place[place];

    attacker->counts->writes++;
    if (attacker->meanwhile != NULL) {
        attacker->meanwhile(attacker->user);
    }
    if (attacker->verdict == NULL || !p->used) {
        blame(attacker, "a page is written that nobody has", place);
        return QUIRE_IO;
    }
    if (memmem(page, PAGE, attacker->secret, sizeof attacker->secret) != NULL) {
        blame(attacker, "plain text is written", place);
    }
    if (comes(&attacker->write_nth)) {
        attacker->counts->failed_writes++;
        if (p->now != NONE && property_below(attacker->random, 2) == 0) { /* it kept half of it */
            p->now = add_version(attacker, attacker->version[p->now]);
            memcpy(attacker->version[p->now], page, PAGE / 2u);
        }
        p->good = NONE; /* as long as nothing else is written, nothing may be read */
        attacker->verdict->failed = attacker->says;
        return attacker->says;
    }
    if (comes(&attacker->drop_nth) && p->now != NONE) {
        attacker->counts->tricks[TRICK_DROP]++;
        p->good = add_version(attacker, page);
        add_history(p, p->good);
        p->trick = TRICK_DROP;
        return QUIRE_OK;
    }
    attacker_keep(attacker, place, page);
    return QUIRE_OK;
}

/* ---- The attacker ---- */

static uint32_t draw(struct attacker *attacker, uint32_t n)
{
    return property_below(attacker->random, n);
}

static bool can_strike(const struct place *p)
{
    return p->used && p->good != NONE && p->now != NONE;
}

/* An older version of what is kept there; NONE: it was written once, or the last one again. */
static uint32_t older(struct attacker *attacker, const struct place *p)
{
    uint32_t version = p->history[draw(attacker, p->versions)];

    return version != p->good ? version : NONE;
}

/* A place with a page that could be read, other than `except`; of (or not of) the range of `owner`, if that is not NONE. */
static uint32_t pick(struct attacker *attacker, uint32_t except, uint32_t owner, bool in)
{
    uint32_t first = draw(attacker, attacker->places);
    uint32_t i;

    for (i = 0; i < attacker->places; i++) {
        uint32_t at = (first + i) % attacker->places;
        const struct place *p = &attacker->place[at];

        if (can_strike(p) && at != except && (owner == NONE || (p->owner == owner) == in)) {
            return at;
        }
    }
    return NONE;
}

static void show(struct attacker *attacker, uint32_t place, uint32_t version, enum trick trick)
{
    attacker->place[place].now = version;
    attacker->place[place].trick = trick;
}

static void flip(struct attacker *attacker, uint32_t place)
{
    uint32_t version = add_version(attacker, attacker->version[attacker->place[place].now]);
    uint32_t n = 1u + (draw(attacker, 3) == 0 ? draw(attacker, 40) : 0);

    while (n-- != 0) {
        /* Mostly where something is: of a list the first entries are looked at, of a last page its beginning. */
        uint32_t bit = draw(attacker, 8u * (uint32_t)(draw(attacker, 2) == 0 ? 256u : PAGE));

        attacker->version[version][bit / 8u] ^= (unsigned char)(1u << bit % 8u);
    }
    show(attacker, place, version, TRICK_FLIP);
}

static bool swap(struct attacker *attacker, uint32_t place, bool within)
{
    enum trick trick = within ? TRICK_SWAP_WITHIN : TRICK_SWAP_BETWEEN;
    uint32_t other = pick(attacker, place, attacker->place[place].owner, within);
    uint32_t version = attacker->place[place].now;

    if (other == NONE) {
        return false;
    }
    show(attacker, place, attacker->place[other].now, trick);
    show(attacker, other, version, trick);
    return true;
}

/* Of some places that were written more than once one is made older. */
static bool replay(struct attacker *attacker)
{
    unsigned tries;

    for (tries = 0; tries < 8; tries++) {
        uint32_t place = pick(attacker, NONE, NONE, false);
        uint32_t version = older(attacker, &attacker->place[place]);

        if (version != NONE) {
            show(attacker, place, version, TRICK_REPLAY);
            return true;
        }
    }
    return false;
}

static void put_back_all(struct attacker *attacker)
{
    uint32_t i;

    for (i = 0; i < attacker->places; i++) {
        if (can_strike(&attacker->place[i]) && attacker->snapshot[i] != NONE &&
            attacker->snapshot[i] != attacker->place[i].now) {
            show(attacker, i, attacker->snapshot[i], TRICK_ROLLBACK);
        }
    }
}

static void cut(struct attacker *attacker, uint32_t place)
{
    uint32_t i;

    attacker->place[place].kept = draw(attacker, 2) == 0 ? 0 : draw(attacker, (uint32_t)PAGE);
    for (i = place + 1u; i < attacker->places; i++) {
        attacker->place[i].kept = 0;
    }
    attacker->honest_end = draw(attacker, 2) == 0;
}

void attacker_remember(struct attacker *attacker)
{
    uint32_t i;

    for (i = 0; i < attacker->places; i++) {
        attacker->snapshot[i] = attacker->place[i].now;
    }
}

void attacker_strike(struct attacker *attacker)
{
    enum trick trick = (enum trick)draw(attacker, TRICK_DROP + 1u);
    uint32_t place = pick(attacker, NONE, NONE, false);
    bool done = true;

    if (place == NONE) {
        return;
    }
    switch (trick) {
    case TRICK_FLIP:
        flip(attacker, place);
        break;
    case TRICK_SWAP_WITHIN:
    case TRICK_SWAP_BETWEEN:
        done = swap(attacker, place, trick == TRICK_SWAP_WITHIN);
        break;
    case TRICK_REPLAY:
        done = replay(attacker);
        break;
    case TRICK_FOREIGN:
        show(attacker, place, draw(attacker, attacker->versions), trick);
        break;
    case TRICK_ROLLBACK:
        put_back_all(attacker);
        break;
    case TRICK_CUT:
        cut(attacker, place);
        break;
    case TRICK_DROP:
        attacker->drop_nth = 1u + draw(attacker, 3);
        return; /* counted when it happens */
    case TRICKS:
    default:
        break;
    }
    attacker->counts->tricks[trick] += done;
}

void attacker_arm(struct attacker *attacker)
{
    static const enum quire_status statuses[] = {QUIRE_IO, QUIRE_IO, QUIRE_NO_MEMORY};

    attacker->says = statuses[draw(attacker, 3)];
    *(draw(attacker, 2) == 0 ? &attacker->read_nth : &attacker->write_nth) = 1u + draw(attacker, 4);
}

void attacker_disarm(struct attacker *attacker)
{
    attacker->read_nth = attacker->write_nth = attacker->drop_nth = 0;
}

void attacker_repent(struct attacker *attacker, uint32_t place)
{
    struct place *p = &attacker->place[place];

    if (p->used && p->good != NONE && (p->now != p->good || p->kept < PAGE)) {
        p->now = p->good;
        attacker->counts->taken_back++;
    }
    p->kept = (uint32_t)PAGE;
}

void attacker_repent_all(struct attacker *attacker)
{
    uint32_t i;

    for (i = 0; i < attacker->places; i++) {
        attacker_repent(attacker, i);
    }
}
