#include "region_model.h"

#include <stdlib.h>
#include <string.h>

/* Wide enough for every sum of addresses. */
__extension__ typedef unsigned __int128 wide;

#define TOP ((wide)1 << 64)

static wide bytes_of(const struct region_range *range)
{
    return (wide)range->last - range->base + 1u;
}

static uint64_t saturated(wide bytes)
{
    return bytes > UINT64_MAX ? UINT64_MAX : (uint64_t)bytes;
}

static wide round_up(wide value, uint64_t align)
{
    return (value + align - 1u) / align * align;
}

/* ---- The list: life and change ---- */

void region_list_init(struct region_list *list, uint32_t room, uint64_t unit, const uint64_t *align, unsigned naligns,
                      unsigned exact_log)
{
    unsigned i;

    memset(list, 0, sizeof *list);
    list->range = calloc(room + 4u, sizeof *list->range);
    list->next = calloc(room + 4u, sizeof *list->next);
    list->room = room;
    list->unit = unit;
    list->classes = naligns + 1u;
    list->exact = (uint64_t)1 << exact_log;
    list->align[0] = unit;
    for (i = 0; i < naligns; i++) {
        list->align[i + 1u] = align[i];
    }
}

void region_list_fini(struct region_list *list)
{
    free(list->range);
    free(list->next);
}

/* Appends to the next list, where a hole joins the one that it touches. */
static uint32_t append(struct region_range *to, uint32_t n, const struct region_range *range)
{
    if (n != 0 && range->id == 0 && to[n - 1u].id == 0 && (wide)to[n - 1u].last + 1u == range->base) {
        to[n - 1u].last = range->last;
        return n;
    }
    to[n] = *range;
    return n + 1u;
}

/*
 * Writes into `next` the list in which [base, last] has become `piece`, or a gap if `piece` is null, whatever was there, except
 * that allocated regions stay if `holes_only`. Returns how many ranges there are then. Nothing else here changes a list.
 */
static uint32_t paint(struct region_list *list, uint64_t base, uint64_t last, const struct region_range *piece, bool holes_only)
{
    uint32_t n = 0;
    uint32_t i;
    bool placed = piece == NULL;

    for (i = 0; i < list->n; i++) {
        struct region_range range = list->range[i];
        struct region_range part = range;

        if (range.last < base || (holes_only && range.id != 0)) {
            n = append(list->next, n, &range);
            continue;
        }
        if (range.base < base) {
            part.last = base - 1u;
            n = append(list->next, n, &part);
        }
        if (!placed) {
            n = append(list->next, n, piece);
            placed = true;
        }
        if (range.last > last) {
            part.base = range.base > last ? range.base : last + 1u;
            part.last = range.last;
            n = append(list->next, n, &part);
        }
    }
    if (!placed) {
        n = append(list->next, n, piece);
    }
    return n;
}

static enum quire_status commit(struct region_list *list, uint32_t n, uint32_t left)
{
    struct region_range *old = list->range;

    if (n > list->n && n - list->n > left) {
        return QUIRE_NO_MEMORY;
    }
    if (n > list->room) {
        abort(); /* the test gave the model less room than the book has nodes */
    }
    list->range = list->next;
    list->next = old;
    list->n = n;
    return QUIRE_OK;
}

static struct region_range hole_of(uint64_t base, uint64_t last)
{
    struct region_range hole;

    memset(&hole, 0, sizeof hole);
    hole.base = base;
    hole.last = last;
    return hole;
}

static bool is_range(const struct region_list *list, uint64_t base, uint64_t last)
{
    return base <= last && base % list->unit == 0 && ((wide)last + 1u) % list->unit == 0;
}

enum quire_status region_list_add(struct region_list *list, uint64_t base, uint64_t last, unsigned flags, uint32_t left)
{
    struct region_range hole = hole_of(base, last);

    if (!is_range(list, base, last) || (flags != 0 && flags != QUIRE_REGION_OVERLAP)) {
        return QUIRE_INVALID;
    }
    if (region_list_intersects(list, QUIRE_REGION_SET_ALLOCATED, base, last) ||
        (flags == 0 && region_list_intersects(list, QUIRE_REGION_SET_AVAILABLE, base, last))) {
        return QUIRE_EXISTS;
    }
    return commit(list, paint(list, base, last, &hole, false), left);
}

enum quire_status region_list_subtract(struct region_list *list, uint64_t base, uint64_t last, unsigned flags, uint32_t left)
{
    if (!is_range(list, base, last) || (flags != 0 && flags != QUIRE_REGION_INCOMPLETE)) {
        return QUIRE_INVALID;
    }
    if (flags == 0 && region_list_intersects(list, QUIRE_REGION_SET_ALLOCATED, base, last)) {
        return QUIRE_EXISTS;
    }
    if (flags == 0 && !region_list_contains(list, QUIRE_REGION_SET_AVAILABLE, base, last)) {
        return QUIRE_NOT_FOUND;
    }
    return commit(list, paint(list, base, last, NULL, true), left);
}

enum quire_status region_list_get_at(struct region_list *list, uint64_t base, uint64_t last, uint64_t id, uint32_t left)
{
    struct region_range taken = hole_of(base, last);

    if (!is_range(list, base, last)) {
        return QUIRE_INVALID;
    }
    if (region_list_intersects(list, QUIRE_REGION_SET_ALLOCATED, base, last)) {
        return QUIRE_EXISTS;
    }
    if (!region_list_contains(list, QUIRE_REGION_SET_AVAILABLE, base, last)) {
        return QUIRE_NOT_FOUND;
    }
    taken.id = id;
    return commit(list, paint(list, base, last, &taken, false), left);
}

void region_list_take(struct region_list *list, uint64_t base, uint64_t last, uint64_t before, uint64_t after, uint64_t id)
{
    struct region_range taken = hole_of(base, last);

    taken.before = before;
    taken.after = after;
    taken.id = id;
    (void)commit(list, paint(list, base, last, &taken, false), UINT32_MAX);
}

enum quire_status region_list_put(struct region_list *list, uint64_t id)
{
    const struct region_range *range = region_list_by_id(list, id);
    struct region_range hole;

    if (range == NULL) {
        return QUIRE_DEAD;
    }
    hole = hole_of(range->base, range->last);
    return commit(list, paint(list, hole.base, hole.last, &hole, false), UINT32_MAX);
}

enum quire_status region_list_resize(struct region_list *list, uint64_t id, uint64_t size, uint32_t left)
{
    const struct region_range *range = region_list_by_id(list, id);
    wide end;
    uint64_t last;

    if (range == NULL) {
        return QUIRE_DEAD;
    }
    if (size == 0 || round_up(size, list->unit) > TOP - list->unit) {
        return QUIRE_INVALID;
    }
    end = (wide)range->base + range->before + round_up(size, list->unit) + range->after;
    if (end > TOP) {
        return QUIRE_NO_SPACE;
    }
    last = (uint64_t)(end - 1u);
    if (last < range->last) {
        struct region_range tail = hole_of(last + 1u, range->last);

        return commit(list, paint(list, tail.base, tail.last, &tail, false), left);
    }
    if (last > range->last) {
        struct region_range grown = *range;

        if (!region_list_contains(list, QUIRE_REGION_SET_AVAILABLE, range->last + 1u, last)) {
            return QUIRE_NO_SPACE;
        }
        grown.last = last;
        return commit(list, paint(list, grown.base, last, &grown, false), left);
    }
    return QUIRE_OK;
}

void region_list_reset(struct region_list *list)
{
    (void)commit(list, paint(list, 0, UINT64_MAX, NULL, true), UINT32_MAX);
}

void region_list_clear(struct region_list *list)
{
    list->n = 0;
}

/* ---- The list: requests ---- */

static bool power_of_two(uint64_t x)
{
    return x != 0 && (x & (x - 1u)) == 0;
}

static bool is_guard(const struct region_list *list, uint64_t guard)
{
    return guard == 0 || (power_of_two(guard) && guard >= list->unit && guard / list->unit <= (uint64_t)1 << 62);
}

bool region_request_invalid(const struct region_list *list, const struct quire_region_request *request)
{
    uint64_t max = request->max != 0 ? request->max : UINT64_MAX;

    return request->size == 0 || round_up(request->size, list->unit) > TOP - list->unit ||
           (request->align != 0 && !power_of_two(request->align)) || request->min > max ||
           (int)request->policy < (int)QUIRE_REGION_BEST_FIT || (int)request->policy > (int)QUIRE_REGION_RANDOM ||
           (request->flags & ~QUIRE_REGION_BOUNDED) != 0 || (request->flags != 0 && request->policy == QUIRE_REGION_RANDOM) ||
           !is_guard(list, request->guard_before) || !is_guard(list, request->guard_after);
}

static wide extent_of(const struct region_list *list, const struct quire_region_request *request)
{
    return round_up(request->size, list->unit) + request->guard_before + request->guard_after;
}

bool region_request_extent(const struct region_list *list, const struct quire_region_request *request, uint64_t *len)
{
    wide bytes = extent_of(list, request);

    *len = (uint64_t)(bytes - 1u);
    return bytes <= TOP;
}

static uint64_t align_of(const struct region_list *list, const struct quire_region_request *request)
{
    return request->align > list->unit ? request->align : list->unit;
}

/* The lowest and the highest place in one hole. */
static bool places_in(const struct region_list *list, const struct quire_region_request *request,
                      const struct region_range *hole, uint64_t *lowest, uint64_t *highest)
{
    uint64_t align = align_of(list, request);
    wide bytes = extent_of(list, request);
    wide from = hole->base > request->min ? hole->base : request->min;
    wide end = (wide)(request->max == 0 || hole->last < request->max ? hole->last : request->max) + 1u;
    wide first;
    wide final;

    if (hole->id != 0 || from >= end || end - from < bytes) {
        return false;
    }
    first = round_up(from + request->guard_before, align);
    final = (end - bytes + request->guard_before) / align * align;
    if (first > final) {
        return false;
    }
    *lowest = (uint64_t)(first - request->guard_before);
    *highest = (uint64_t)(final - request->guard_before);
    return true;
}

void region_list_places(const struct region_list *list, const struct quire_region_request *request, uint64_t asked,
                        struct region_places *places)
{
    uint64_t lowest;
    uint64_t highest;
    uint32_t i;

    memset(places, 0, sizeof *places);
    for (i = 0; i < list->n; i++) {
        if (!places_in(list, request, &list->range[i], &lowest, &highest)) {
            continue;
        }
        if (!places->any) {
            places->lowest = lowest;
        }
        places->any = true;
        places->highest = highest;
        if (asked >= lowest && asked <= highest && ((wide)asked + request->guard_before) % align_of(list, request) == 0) {
            places->legal = true;
        }
    }
}

/* Is a request without limits answered by a class's bins alone: aligned as declared, behind a guard that keeps alignment? */
static bool declared(const struct region_list *list, const struct quire_region_request *request)
{
    uint64_t align = align_of(list, request);
    unsigned c;

    for (c = 0; c < list->classes; c++) {
        if (list->align[c] == align) {
            return request->min == 0 && (request->max == 0 || request->max == UINT64_MAX) && request->guard_before % align == 0;
        }
    }
    return false;
}

/* What best fit goes by: the units from a hole's first aligned byte on; with limits the size of the hole. */
static wide room_of(const struct region_list *list, const struct quire_region_request *request, const struct region_range *hole,
                    bool limits)
{
    wide from = limits ? hole->base : round_up(hole->base, align_of(list, request));

    return ((wide)hole->last + 1u - from) / list->unit;
}

const char *region_list_not_best(const struct region_list *list, const struct quire_region_request *request, uint64_t asked)
{
    bool limits = request->min != 0 || (request->max != 0 && request->max != UINT64_MAX);
    const struct region_range *chosen = region_list_at(list, asked);
    wide most;
    uint64_t lowest;
    uint64_t highest;
    uint32_t i;

    if (chosen == NULL || !places_in(list, request, chosen, &lowest, &highest)) {
        return "best fit took what is no hole that fits";
    }
    if (asked != lowest) {
        return "best fit did not take the lowest place of its hole";
    }
    if (!declared(list, request) && (!limits || (request->flags & QUIRE_REGION_BOUNDED) != 0)) {
        return NULL; /* "a small one that fits, not always the smallest"; "among those looked at" */
    }
    most = room_of(list, request, chosen, limits);
    for (i = 0; i < list->n; i++) {
        const struct region_range *other = &list->range[i];

        if (places_in(list, request, other, &lowest, &highest)) {
            wide room = room_of(list, request, other, limits);

            if (room < most && (limits || room <= list->exact || most - room > (room - 1u) / 64u)) {
                return "best fit left a smaller hole that fits";
            }
        }
    }
    return NULL;
}

bool region_list_bounded_must(const struct region_list *list, const struct quire_region_request *request)
{
    uint64_t align = align_of(list, request);
    uint32_t i;

    if (list->n <= QUIRE_REGION_LOOKS || (request->policy == QUIRE_REGION_BEST_FIT && declared(list, request))) {
        return true;
    }
    if (request->policy != QUIRE_REGION_BEST_FIT || request->min != 0 || (request->max != 0 && request->max != UINT64_MAX)) {
        return false;
    }
    for (i = 0; i < list->n; i++) {
        if (list->range[i].id == 0 && bytes_of(&list->range[i]) >= extent_of(list, request) + align - list->unit) {
            return true; /* it has room wherever it begins */
        }
    }
    return false;
}

unsigned region_list_cost(const struct region_list *list, uint64_t base, uint64_t last)
{
    const struct region_range *hole = region_list_at(list, base);

    return hole == NULL ? 0 : (unsigned)(hole->base != base) + (unsigned)(hole->last != last);
}

unsigned region_list_dearest(const struct region_list *list, const struct quire_region_request *request)
{
    unsigned most = 0;
    uint64_t lowest;
    uint64_t highest;
    uint32_t i;

    for (i = 0; i < list->n; i++) {
        if (places_in(list, request, &list->range[i], &lowest, &highest)) {
            uint64_t len = (uint64_t)(extent_of(list, request) - 1u);
            unsigned low = region_list_cost(list, lowest, lowest + len);
            unsigned high = region_list_cost(list, highest, highest + len);

            most = low > most ? low : most;
            most = high > most ? high : most;
            if (highest - lowest > align_of(list, request)) {
                return 2; /* a place in between */
            }
        }
    }
    return most;
}

/* ---- The list: questions ---- */

const struct region_range *region_list_at(const struct region_list *list, uint64_t addr)
{
    uint32_t i;

    for (i = 0; i < list->n; i++) {
        if (list->range[i].base <= addr && addr <= list->range[i].last) {
            return &list->range[i];
        }
    }
    return NULL;
}

const struct region_range *region_list_by_id(const struct region_list *list, uint64_t id)
{
    uint32_t i;

    for (i = 0; i < list->n; i++) {
        if (list->range[i].id == id && id != 0) {
            return &list->range[i];
        }
    }
    return NULL;
}

/* How many bytes of [base, last] are in the set. */
static wide overlap(const struct region_list *list, enum quire_region_set set, uint64_t base, uint64_t last)
{
    wide sum = 0;
    uint32_t i;

    for (i = 0; i < list->n; i++) {
        const struct region_range *range = &list->range[i];
        uint64_t from = range->base > base ? range->base : base;
        uint64_t to = range->last < last ? range->last : last;

        if ((range->id != 0) == (set == QUIRE_REGION_SET_ALLOCATED) && from <= to) {
            sum += (wide)to - from + 1u;
        }
    }
    return sum;
}

bool region_list_intersects(const struct region_list *list, enum quire_region_set set, uint64_t base, uint64_t last)
{
    return base <= last && overlap(list, set, base, last) != 0;
}

bool region_list_contains(const struct region_list *list, enum quire_region_set set, uint64_t base, uint64_t last)
{
    return base <= last && overlap(list, set, base, last) == (wide)last - base + 1u;
}

uint64_t region_list_largest(const struct region_list *list, uint64_t align)
{
    wide most = 0;
    uint32_t i;

    if (align != 0 && !power_of_two(align)) {
        return 0;
    }
    align = align > list->unit ? align : list->unit;
    for (i = 0; i < list->n; i++) {
        const struct region_range *range = &list->range[i];
        wide start = round_up(range->base, align);

        if (range->id == 0 && start <= range->last && (wide)range->last + 1u - start > most) {
            most = (wide)range->last + 1u - start;
        }
    }
    return saturated(most);
}

void region_list_stats(const struct region_list *list, struct quire_region_stats *stats)
{
    wide sum[2] = {0, 0};
    wide largest = 0;
    uint32_t n[2] = {0, 0};
    uint32_t i;

    for (i = 0; i < list->n; i++) {
        const struct region_range *range = &list->range[i];

        n[range->id != 0]++;
        sum[range->id != 0] += bytes_of(range);
        if (range->id == 0 && bytes_of(range) > largest) {
            largest = bytes_of(range);
        }
    }
    memset(stats, 0, sizeof *stats);
    stats->available = saturated(sum[0]);
    stats->reserved = saturated(sum[1]);
    stats->largest = saturated(largest);
    stats->holes = n[0];
    stats->allocated = n[1];
    stats->fragmentation = sum[0] == 0 ? 0 : (uint32_t)((sum[0] - largest) * 1000u / sum[0]);
}

/* ---- The map ---- */

void region_map_init(struct region_map *map, uint64_t origin, uint64_t unit, uint32_t cells)
{
    map->origin = origin;
    map->unit = unit;
    map->cells = cells;
    map->cell = calloc(cells, sizeof *map->cell);
    map->run = calloc((size_t)cells + 1u, sizeof *map->run);
}

void region_map_fini(struct region_map *map)
{
    free(map->cell);
    free(map->run);
}

void region_map_paint(struct region_map *map, uint64_t base, uint64_t last, uint64_t state)
{
    uint64_t i;

    for (i = (base - map->origin) / map->unit; i <= (last - map->origin) / map->unit; i++) {
        map->cell[i] = state;
    }
}

void region_map_replace(struct region_map *map, uint64_t from, uint64_t to)
{
    uint32_t i;

    for (i = 0; i < map->cells; i++) {
        map->cell[i] = map->cell[i] == from ? to : map->cell[i];
    }
}

void region_map_places(struct region_map *map, const struct quire_region_request *request, uint64_t asked,
                       struct region_places *places)
{
    wide bytes = round_up(request->size, map->unit) + request->guard_before + request->guard_after;
    wide need = bytes / map->unit;
    uint64_t align = request->align > map->unit ? request->align : map->unit;
    uint64_t max = request->max != 0 ? request->max : UINT64_MAX;
    uint32_t i;

    memset(places, 0, sizeof *places);
    for (i = map->cells; i-- > 0;) {
        map->run[i] = map->cell[i] == REGION_MAP_HOLE ? map->run[i + 1u] + 1u : 0;
    }
    for (i = 0; i < map->cells; i++) {
        uint64_t at = map->origin + i * map->unit;

        if (map->run[i] < need || at < request->min || at + (uint64_t)(bytes - 1u) > max ||
            ((wide)at + request->guard_before) % align != 0) {
            continue;
        }
        if (!places->any) {
            places->lowest = at;
        }
        places->any = true;
        places->highest = at;
        places->legal = places->legal || at == asked;
    }
}

static bool in_set(uint64_t cell, enum quire_region_set set)
{
    return set == QUIRE_REGION_SET_AVAILABLE ? cell == REGION_MAP_HOLE : cell > REGION_MAP_HOLE;
}

/* How many units of [base, last], of any bytes, lie in the space and are in the set; *all: how many they are. */
static uint64_t count_units(const struct region_map *map, enum quire_region_set set, uint64_t base, uint64_t last, wide *all)
{
    uint64_t n = 0;
    uint32_t i;

    *all = (wide)(last / map->unit) - base / map->unit + 1u;
    for (i = 0; i < map->cells; i++) {
        uint64_t at = map->origin + i * map->unit;

        n += at / map->unit >= base / map->unit && at / map->unit <= last / map->unit && in_set(map->cell[i], set);
    }
    return n;
}

bool region_map_intersects(const struct region_map *map, enum quire_region_set set, uint64_t base, uint64_t last)
{
    wide all;

    return base <= last && count_units(map, set, base, last, &all) != 0;
}

bool region_map_contains(const struct region_map *map, enum quire_region_set set, uint64_t base, uint64_t last)
{
    wide all;

    return base <= last && count_units(map, set, base, last, &all) == all;
}

bool region_map_agrees(const struct region_map *map, const struct region_list *list)
{
    uint32_t i;

    for (i = 0; i < map->cells; i++) {
        const struct region_range *range = region_list_at(list, map->origin + i * map->unit);
        uint64_t state = range == NULL ? REGION_MAP_GAP : range->id + REGION_MAP_HOLE;

        if (map->cell[i] != state) {
            return false;
        }
    }
    return true;
}
