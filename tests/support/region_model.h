/*
 * What a region allocator must do, twice, each slow and plain: `region_list` keeps a sorted array of ranges in all 64 bits of
 * address, `region_map` keeps one word per unit of a small space. Neither knows bins, classes' links, trees or nodes of a book;
 * both count what a book must lend.
 */
#ifndef QUIRE_TESTS_REGION_MODEL_H
#define QUIRE_TESTS_REGION_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "quire/region.h"

#define REGION_CLASSES 8u

/* A hole or an allocated region with its guards; what is in none is a gap. */
struct region_range {
    uint64_t base; /* guards included */
    uint64_t last;
    uint64_t before; /* bytes of the guards */
    uint64_t after;
    uint64_t id; /* 0: a hole */
};

/* Ranges ascend; holes that touch are one. */
struct region_list {
    struct region_range *range;
    struct region_range *next; /* room for the list that comes next */
    uint32_t n;
    uint32_t room;
    uint64_t unit;
    unsigned classes; /* alignments declared, the unit counted */
    uint64_t align[REGION_CLASSES];
    uint64_t exact; /* best fit is the best for requests and holes up to so many units, and 1/64 more above */
};

#define REGION_MAP_GAP 0u
#define REGION_MAP_HOLE 1u /* greater: an allocated region's id and 1 */

struct region_map {
    uint64_t origin; /* address of cell 0 */
    uint64_t unit;
    uint32_t cells;
    uint64_t *cell;
    uint32_t *run; /* scratch: available cells from here on */
};

/* Where a request may go. */
struct region_places {
    bool any;
    uint64_t lowest; /* first byte of the extent: region and guards */
    uint64_t highest;
    bool legal; /* is the place that was asked about one of them? */
};

/* ---- The list ---- */

void region_list_init(struct region_list *list, uint32_t room, uint64_t unit, const uint64_t *align, unsigned naligns,
                      unsigned exact_log);
void region_list_fini(struct region_list *list);

/* Each says what status must come and does it if that is OK. `left` is what the book may still lend. */
enum quire_status region_list_add(struct region_list *list, uint64_t base, uint64_t last, unsigned flags, uint32_t left);
enum quire_status region_list_subtract(struct region_list *list, uint64_t base, uint64_t last, unsigned flags, uint32_t left);
enum quire_status region_list_get_at(struct region_list *list, uint64_t base, uint64_t last, uint64_t id, uint32_t left);
enum quire_status region_list_put(struct region_list *list, uint64_t id);
enum quire_status region_list_resize(struct region_list *list, uint64_t id, uint64_t size, uint32_t left);
void region_list_reset(struct region_list *list);
void region_list_clear(struct region_list *list);

/* Takes [base, last], guards included, which region_list_places() called legal. */
void region_list_take(struct region_list *list, uint64_t base, uint64_t last, uint64_t before, uint64_t after, uint64_t id);

/* Is this what no request may be? */
bool region_request_invalid(const struct region_list *list, const struct quire_region_request *request);

/* Bytes of the extent less one; false if there are none that 64 bits hold. */
bool region_request_extent(const struct region_list *list, const struct quire_region_request *request, uint64_t *len);

/* The places of a valid request; `asked` is the first byte of an extent to judge. */
void region_list_places(const struct region_list *list, const struct quire_region_request *request, uint64_t asked,
                        struct region_places *places);

/* Is an extent at `asked`, a legal place, best fit? Null, or what is wrong with it. */
const char *region_list_not_best(const struct region_list *list, const struct quire_region_request *request, uint64_t asked);

/* Must a bounded search find a place though others are full? */
bool region_list_bounded_must(const struct region_list *list, const struct quire_region_request *request);

/* The most nodes that any legal place would cost. */
unsigned region_list_dearest(const struct region_list *list, const struct quire_region_request *request);
/* Nodes that the extent [base, last] costs. */
unsigned region_list_cost(const struct region_list *list, uint64_t base, uint64_t last);

const struct region_range *region_list_at(const struct region_list *list, uint64_t addr); /* null: a gap */
const struct region_range *region_list_by_id(const struct region_list *list, uint64_t id);
bool region_list_intersects(const struct region_list *list, enum quire_region_set set, uint64_t base, uint64_t last);
bool region_list_contains(const struct region_list *list, enum quire_region_set set, uint64_t base, uint64_t last);
uint64_t region_list_largest(const struct region_list *list, uint64_t align);
void region_list_stats(const struct region_list *list, struct quire_region_stats *stats);

/* ---- The map ---- */

void region_map_init(struct region_map *map, uint64_t origin, uint64_t unit, uint32_t cells);
void region_map_fini(struct region_map *map);
/* [base, last] of the space becomes this. */
void region_map_paint(struct region_map *map, uint64_t base, uint64_t last, uint64_t state);
/* Everything that is in state `from` becomes `to`. */
void region_map_replace(struct region_map *map, uint64_t from, uint64_t to);
/* The same as region_list_places(), by trying every unit. */
void region_map_places(struct region_map *map, const struct quire_region_request *request, uint64_t asked,
                       struct region_places *places);
bool region_map_intersects(const struct region_map *map, enum quire_region_set set, uint64_t base, uint64_t last);
bool region_map_contains(const struct region_map *map, enum quire_region_set set, uint64_t base, uint64_t last);
/* Does the list say the same of every unit? */
bool region_map_agrees(const struct region_map *map, const struct region_list *list);

#endif
