#include "model.h"

/* ---- Looking ---- */

bool model_shown(const struct model *model, unsigned object)
{
    unsigned vm;
    uint32_t i;

    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            if (model->cell[vm][i].mapped && model->cell[vm][i].object == object) {
                return true;
            }
        }
    }
    return false;
}

bool model_referred(const struct model *model, unsigned object)
{
    unsigned copy;

    for (copy = 0; copy < MODEL_OBJECTS; copy++) {
        if (model->object[copy].alive && model->object[copy].origin == object + 1u && model_referred(model, copy)) {
            return true;
        }
    }
    return model->object[object].held || model->object[object].tokens != 0 || model->object[object].children != 0 ||
           model_shown(model, object);
}

bool model_object_stuck(const struct model *model, unsigned object)
{
    unsigned vm;
    uint32_t i;

    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            if (model->cell[vm][i].stuck && model->cell[vm][i].object == object) {
                return true;
            }
        }
    }
    return false;
}

bool model_vm_stuck(const struct model *model, unsigned vm)
{
    uint32_t i;

    for (i = 0; i < MODEL_CELLS; i++) {
        if (model->cell[vm][i].stuck) {
            return true;
        }
    }
    return false;
}

bool model_is_fixed(const struct model *model, unsigned object, uint32_t page)
{
    const struct model_object *o = &model->object[object];

    return !o->unpaged && (o->pins[page] != 0 || (o->locked && o->fetched[page]) || (!o->saves && o->written[page]));
}

uint32_t model_fixed_of(const struct model *model, unsigned account)
{
    uint32_t n = 0;
    unsigned object;
    uint32_t page;

    for (object = 0; object < MODEL_OBJECTS; object++) {
        bool here = model->object[object].alive && model->object[object].account == account && model_referred(model, object);

        for (page = 0; here && page < model->object[object].npages; page++) {
            n += model_is_fixed(model, object, page) ? 1u : 0u;
        }
    }
    return n;
}

uint32_t model_fixed(const struct model *model)
{
    uint32_t n = 0;
    unsigned account;

    for (account = 0; account < MODEL_ACCOUNTS; account++) {
        n += model_fixed_of(model, account);
    }
    return n;
}

uint32_t model_objects_of(const struct model *model, unsigned account)
{
    uint32_t n = 0;
    unsigned object;

    for (object = 0; object < MODEL_OBJECTS; object++) {
        const struct model_object *o = &model->object[object];

        n += o->alive && o->known && o->account == account && model_referred(model, object) ? 1u : 0u;
    }
    return n;
}

/* Pages that are promised to accounts if `account` had `fixed` fixed pages and `reserved` reserved. */
static uint64_t model_promised(const struct model *model, unsigned account, uint64_t fixed, uint64_t reserved)
{
    uint64_t sum = fixed > reserved ? fixed : reserved;
    unsigned i;

    for (i = 0; i < MODEL_ACCOUNTS; i++) {
        if (i != account && model->account[i].alive) {
            uint64_t other = model_fixed_of(model, i);

            sum += other > model->account[i].reserved ? other : model->account[i].reserved;
        }
    }
    return sum;
}

uint32_t model_may_limit(const struct model *model, unsigned account, uint32_t quota, uint32_t reserved, uint32_t quarantined)
{
    uint32_t fixed = model->account[account].alive ? model_fixed_of(model, account) : 0;
    uint32_t before = model->account[account].alive ? model->account[account].reserved : 0;

    if (quota == 0 || reserved > quota) {
        return MODEL_SET(QUIRE_INVALID);
    }
    if (reserved > before && reserved > fixed &&
        model_promised(model, account, fixed, reserved) + quarantined + model->offline + model->min_pages > model->total) {
        return MODEL_SET(QUIRE_LIMIT);
    }
    return MODEL_OK;
}

static bool model_inside(uint32_t at, uint32_t n)
{
    return n != 0 && at < MODEL_CELLS && n <= MODEL_CELLS - at;
}

/* Are the cells at..at + n - 1 free, as far as they are inside the window? */
static bool model_free(const struct model *model, unsigned vm, int64_t at, int64_t n)
{
    int64_t i;

    for (i = at; i < at + n; i++) {
        if (i >= 0 && i < (int64_t)MODEL_CELLS && model->cell[vm][i].mapped) {
            return false;
        }
    }
    return true;
}

static bool model_whole(const struct model *model, unsigned vm, uint32_t at, uint32_t n)
{
    uint32_t i;

    for (i = at; i < at + n; i++) {
        if (!model->cell[vm][i].mapped) {
            return false;
        }
    }
    return true;
}

/* What may not be elsewhere while a page is shown with `prot`. */
static unsigned model_against(unsigned prot)
{
    return ((prot & QUIRE_PROT_WRITE) != 0 ? QUIRE_PROT_EXEC : 0u) | ((prot & QUIRE_PROT_EXEC) != 0 ? QUIRE_PROT_WRITE : 0u);
}

/* Permissions that no area of the object may have, whatever others show. */
static bool model_denied(const struct model_object *object, unsigned prot, bool wx)
{
    return (prot & ~QUIRE_PROT_ALL) != 0 || (prot & QUIRE_PROT_RWX & ~object->max_prot) != 0 ||
           (!wx && (prot & model_against(prot)) != 0);
}

/* Does another cell, outside `at`..`at + n - 1` of `vm` (or inside it), show the page in a way that excludes `prot`? */
static bool model_conflict(const struct model *model, unsigned object, uint32_t page, unsigned prot, unsigned vm, uint32_t at,
                           uint32_t n, bool inside)
{
    unsigned v;
    uint32_t i;

    for (v = 0; v < MODEL_VMS; v++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            const struct model_cell *cell = &model->cell[v][i];
            bool is_inside = v == vm && i >= at && i - at < n;

            if (cell->mapped && !cell->stuck && is_inside == inside && cell->object == object && cell->page == page &&
                !cell->wx && (cell->prot & model_against(prot)) != 0) {
                return true;
            }
        }
    }
    return false;
}

/* ---- Areas ---- */

static uint32_t model_may_place(const struct model *model, unsigned vm, const struct model_map *map, uint32_t *at)
{
    uint32_t i;

    if (map->at != MODEL_ANY) {
        *at = map->at;
        if (!model_inside(map->at, map->npages)) {
            return MODEL_SET(QUIRE_INVALID);
        }
        return model_free(model, vm, map->at, map->npages) ? MODEL_OK : MODEL_SET(QUIRE_EXISTS);
    }
    for (i = map->min; i < MODEL_CELLS && i <= map->max; i++) {
        if ((map->base + i) % map->align == 0 && model_inside(i, map->npages) && i + map->npages - 1u <= map->max &&
            model_free(model, vm, (int64_t)i - map->pad_before, (int64_t)map->pad_before + map->npages + map->pad_after)) {
            *at = i;
            return MODEL_OK;
        }
    }
    return MODEL_SET(QUIRE_NO_SPACE);
}

/* What the object and all that it shares pages with go back to. */
static unsigned model_root(const struct model *model, unsigned object)
{
    while (model->object[object].origin != 0) {
        object = model->object[object].origin - 1u;
    }
    return object;
}

uint32_t model_may_map(const struct model *model, unsigned vm, const struct model_map *map, uint32_t *at)
{
    const struct model_object *object = &model->object[map->object];
    uint32_t set;
    unsigned v;
    uint32_t i;

    if (map->npages == 0 || map->first >= object->npages || map->npages > object->npages - map->first) {
        return MODEL_SET(QUIRE_INVALID);
    }
    set = model_may_place(model, vm, map, at);
    if (model_denied(object, map->prot, map->wx)) {
        set = (set & ~MODEL_OK) | MODEL_SET(QUIRE_DENIED);
    }
    for (i = 0; i < map->npages && !map->wx; i++) {
        if (model_conflict(model, map->object, map->first + i, map->prot, vm, 0, 0, false)) {
            set = (set & ~MODEL_OK) | MODEL_SET(QUIRE_CONFLICT);
        }
    }
    if (!map->wx && model_object_stuck(model, map->object)) {
        set |= MODEL_SET(QUIRE_CONFLICT);
    }
    for (v = 0; v < MODEL_VMS; v++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            if (model->cell[v][i].mapped && model_root(model, model->cell[v][i].object) == model_root(model, map->object) &&
                model->cell[v][i].attr != map->attr) {
                set = (set & ~MODEL_OK) | MODEL_SET(QUIRE_CONFLICT);
            }
        }
    }
    return set;
}

void model_did_map(struct model *model, unsigned vm, const struct model_map *map, uint32_t at)
{
    uint32_t i;

    for (i = 0; i < map->npages; i++) {
        struct model_cell *cell = &model->cell[vm][at + i];

        cell->mapped = true;
        cell->stuck = false;
        cell->loose = false;
        cell->wx = map->wx;
        cell->object = (uint8_t)map->object;
        cell->page = (uint8_t)(map->first + i);
        cell->prot = (uint8_t)map->prot;
        cell->attr = map->attr;
    }
    model->object[map->object].known = true;
}

uint32_t model_may_unmap(const struct model *model, unsigned vm, uint32_t at, uint32_t n)
{
    if (!model_inside(at, n)) {
        return MODEL_SET(QUIRE_INVALID);
    }
    return model_free(model, vm, at, n) ? MODEL_SET(QUIRE_NOT_FOUND) : MODEL_OK;
}

void model_did_unmap(struct model *model, unsigned vm, uint32_t at, uint32_t n)
{
    const struct model_cell empty = {false, false, false, false, 0, 0, 0, 0};
    uint32_t i;

    for (i = at; i < at + n; i++) {
        model->cell[vm][i] = empty;
    }
}

uint32_t model_may_protect(const struct model *model, unsigned vm, uint32_t at, uint32_t n, unsigned prot)
{
    uint32_t set = MODEL_OK;
    uint32_t i;

    if (!model_inside(at, n)) {
        return MODEL_SET(QUIRE_INVALID);
    }
    if (!model_whole(model, vm, at, n)) {
        return MODEL_SET(QUIRE_NOT_FOUND);
    }
    for (i = at; i < at + n; i++) {
        const struct model_cell *cell = &model->cell[vm][i];

        if (model_denied(&model->object[cell->object], prot, cell->wx)) {
            set = (set & ~MODEL_OK) | MODEL_SET(QUIRE_DENIED);
        }
        if (!cell->wx && model_conflict(model, cell->object, cell->page, prot, vm, at, n, false)) {
            set = (set & ~MODEL_OK) | MODEL_SET(QUIRE_CONFLICT);
        }
        /* Two areas of the range that show one page, both to change: whether that counts is left open. */
        if (!cell->wx && model_conflict(model, cell->object, cell->page, prot, vm, at, n, true)) {
            set |= MODEL_SET(QUIRE_CONFLICT);
        }
        if (cell->stuck) {
            set |= MODEL_SET(QUIRE_STUCK);
        }
        if (!cell->wx && model_object_stuck(model, cell->object)) {
            set |= MODEL_SET(QUIRE_CONFLICT);
        }
    }
    return set;
}

void model_did_protect(struct model *model, unsigned vm, uint32_t at, uint32_t n, unsigned prot)
{
    uint32_t i;

    for (i = at; i < at + n; i++) {
        model->cell[vm][i].prot = (uint8_t)prot;
    }
}

uint32_t model_may_remap(const struct model *model, unsigned vm, uint32_t at, uint32_t n, uint32_t to)
{
    uint32_t i;

    if (!model_inside(at, n) || !model_inside(to, n)) {
        return MODEL_SET(QUIRE_INVALID);
    }
    if (!model_whole(model, vm, at, n)) {
        return MODEL_SET(QUIRE_NOT_FOUND) | (model_free(model, vm, to, n) ? 0 : MODEL_SET(QUIRE_EXISTS));
    }
    for (i = to; i < to + n; i++) {
        if ((i < at || i >= at + n) && model->cell[vm][i].mapped) {
            return MODEL_SET(QUIRE_EXISTS);
        }
    }
    return MODEL_OK;
}

void model_did_remap(struct model *model, unsigned vm, uint32_t at, uint32_t n, uint32_t to)
{
    struct model_cell moved[MODEL_CELLS];
    uint32_t i;

    for (i = 0; i < n; i++) {
        moved[i] = model->cell[vm][at + i];
    }
    model_did_unmap(model, vm, at, n);
    for (i = 0; i < n; i++) {
        model->cell[vm][to + i] = moved[i];
    }
}

/* ---- Accesses ---- */

/* Would so many more pages of the object that cannot be evicted leave too few: for all, for what is reserved for others, for an
 * instruction within the quota? */
static bool model_full(const struct model *model, unsigned object, uint32_t more, uint32_t quarantined)
{
    unsigned account = model->object[object].account;
    const struct model_account *a = &model->account[account];
    uint64_t fixed = (uint64_t)model_fixed_of(model, account) + more;

    return model_promised(model, account, fixed, a->reserved) + quarantined + model->offline + model->min_pages >
               model->total ||
           (more != 0 && fixed + model->step > a->quota);
}

bool model_short(const struct model *model, uint32_t more, uint32_t quarantined)
{
    uint64_t promised = model_promised(model, MODEL_ACCOUNTS, 0, 0);

    return promised + quarantined + model->offline + model->min_pages + more > model->total;
}

bool model_may_adopt(const struct model *model, unsigned object, uint32_t held, bool dirty)
{
    const struct model_object *o = &model->object[object];
    uint32_t quota = model->account[o->account].quota;

    return held < quota &&
           ((!o->locked && (!dirty || o->saves)) || (uint64_t)model_fixed_of(model, o->account) + model->step < quota);
}

uint32_t model_may_access(const struct model *model, unsigned vm, uint32_t at, unsigned access, bool privileged,
                          uint32_t quarantined)
{
    const struct model_cell *cell = &model->cell[vm][at];
    const struct model_object *object = &model->object[cell->object];
    uint32_t set = MODEL_OK;

    if (!cell->mapped) {
        return MODEL_SET(QUIRE_NOT_FOUND);
    }
    if (cell->stuck) { /* its entry, or one beside it: what that still gives is given */
        return MODEL_SET(QUIRE_STUCK) | MODEL_OK | MODEL_SET(QUIRE_DENIED) | MODEL_SET(QUIRE_NO_PAGE);
    }
    if ((cell->prot & access) == 0 || (!privileged && (cell->prot & QUIRE_PROT_USER) == 0)) {
        return MODEL_SET(QUIRE_DENIED) | (cell->loose || quarantined != 0 ? MODEL_OK : 0);
    }
    if (object->unpaged) {
        return MODEL_OK;
    }
    if (!model_is_fixed(model, cell->object, cell->page) && model_full(model, cell->object, 1, quarantined) &&
        (object->locked || (access == QUIRE_PROT_WRITE && !object->saves))) {
        set = MODEL_SET(QUIRE_NO_PAGE);
    }
    if (quarantined != 0) {
        /* Which page is in quarantine is not known here; and what is left may be too few. */
        set |= MODEL_SET(QUIRE_STUCK) | (model_full(model, cell->object, 0, quarantined) ? MODEL_SET(QUIRE_NO_PAGE) : 0);
    }
    return set;
}

unsigned char *model_bytes(struct model *model, unsigned vm, uint32_t at)
{
    const struct model_cell *cell = &model->cell[vm][at];

    return cell->mapped ? model->object[cell->object].content[cell->page] : NULL;
}

void model_did_touch(struct model *model, unsigned object, uint32_t page, bool write)
{
    model->object[object].fetched[page] = true;
    if (write) {
        model->object[object].written[page] = true;
    }
}

void model_did_access(struct model *model, unsigned vm, uint32_t at, bool write)
{
    model_did_touch(model, model->cell[vm][at].object, model->cell[vm][at].page, write);
}

/* ---- Pins, invalidation ---- */

uint32_t model_may_pin(const struct model *model, unsigned object, uint32_t first, uint32_t n, bool write, uint32_t quarantined)
{
    const struct model_object *o = &model->object[object];
    uint32_t more = 0;
    uint32_t set = 0;
    uint32_t i;

    if (!o->known || o->unpaged || n == 0 || first >= o->npages || n > o->npages - first) {
        set = MODEL_SET(QUIRE_INVALID);
    }
    if (write && (o->max_prot & QUIRE_PROT_WRITE) == 0) {
        set |= MODEL_SET(QUIRE_DENIED);
    }
    if (set != 0) {
        return set;
    }
    for (i = first; i < first + n; i++) {
        more += model_is_fixed(model, object, i) ? 0u : 1u;
    }
    set = more != 0 && model_full(model, object, more, quarantined) ? MODEL_SET(QUIRE_NO_PAGE) : MODEL_OK;
    if (quarantined != 0) {
        set |= MODEL_SET(QUIRE_STUCK) | (model_full(model, object, 0, quarantined) ? MODEL_SET(QUIRE_NO_PAGE) : 0);
    }
    if (o->origin != 0 && model_full(model, object, more + 1u, quarantined)) {
        set |= MODEL_SET(QUIRE_NO_PAGE); /* while one is copied, its origin's page is needed too */
    }
    return set;
}

void model_did_pin(struct model *model, unsigned object, uint32_t first, uint32_t n, bool write)
{
    struct model_object *o = &model->object[object];
    uint32_t i;

    o->tokens++;
    for (i = first; i < first + n; i++) {
        o->pins[i]++;
        o->write_pins[i] += write ? 1u : 0u;
        o->fetched[i] = true;
    }
}

void model_did_unpin(struct model *model, unsigned object, uint32_t first, uint32_t n, bool write)
{
    struct model_object *o = &model->object[object];
    uint32_t i;

    o->tokens--;
    for (i = first; i < first + n; i++) {
        o->pins[i]--;
        o->write_pins[i] -= write ? 1u : 0u;
        o->written[i] = o->written[i] || write;
    }
}

uint32_t model_may_invalidate(const struct model *model, unsigned object, uint32_t first, uint32_t n, const bool *same)
{
    const struct model_object *o = &model->object[object];
    uint32_t set = 0;
    bool unsure = false;
    uint32_t i;

    if (n == 0 || first >= o->npages || n > o->npages - first || !o->known || o->unpaged) {
        return MODEL_SET(QUIRE_INVALID);
    }
    for (i = first; i < first + n; i++) {
        if (o->pins[i] != 0) {
            set |= MODEL_SET(QUIRE_BUSY);
        }
        if (!same[i - first] || (!o->saves && o->written[i])) {
            set |= MODEL_SET(QUIRE_DIRTY);
        } else if (o->written[i]) {
            unsure = true; /* written and perhaps saved since, or with the bytes that were there */
        }
    }
    if (set == 0) {
        set = MODEL_OK;
    }
    return set | (unsure ? MODEL_SET(QUIRE_DIRTY) : 0);
}

void model_did_invalidate(struct model *model, unsigned object, uint32_t first, uint32_t n)
{
    uint32_t i;

    for (i = first; i < first + n; i++) {
        model->object[object].fetched[i] = false;
        model->object[object].written[i] = false;
    }
}

/* ---- Advice ---- */

uint32_t model_may_advise(const struct model *model, unsigned vm, uint32_t at, uint32_t n)
{
    if (!model_inside(at, n)) {
        return MODEL_SET(QUIRE_INVALID);
    }
    return model_whole(model, vm, at, n) ? MODEL_OK : MODEL_SET(QUIRE_NOT_FOUND);
}

uint32_t model_may_free(const struct model *model, unsigned vm, uint32_t at, uint32_t n, const bool *forgets)
{
    uint32_t set = model_may_advise(model, vm, at, n);
    uint32_t refused = 0;
    bool unsure = false;
    uint32_t i;

    for (i = at; (set & MODEL_SET(QUIRE_INVALID)) == 0 && i < at + n; i++) {
        const struct model_cell *cell = &model->cell[vm][i];
        const struct model_object *o = &model->object[cell->object];
        unsigned v;
        uint32_t j;

        if (!cell->mapped) {
            continue;
        }
        unsure = unsure || cell->stuck;
        if (o->unpaged) {
            refused |= MODEL_SET(QUIRE_INVALID);
            continue;
        }
        if ((cell->prot & QUIRE_PROT_WRITE) == 0 || !forgets[cell->object]) {
            refused |= MODEL_SET(QUIRE_DENIED);
        }
        if (o->pins[cell->page] != 0) {
            refused |= MODEL_SET(QUIRE_BUSY);
        }
        for (v = 0; v < MODEL_VMS; v++) {
            for (j = 0; v != vm && j < MODEL_CELLS; j++) {
                if (model->cell[v][j].mapped && model->cell[v][j].object == cell->object &&
                    model->cell[v][j].page == cell->page) {
                    refused |= MODEL_SET(QUIRE_BUSY);
                }
            }
        }
    }
    if (unsure) { /* an area that is stuck permits nothing */
        return set | refused | MODEL_SET(QUIRE_DENIED);
    }
    return refused != 0 ? refused : set;
}

void model_did_free(struct model *model, unsigned object, uint32_t page)
{
    model->object[object].freed[page] = true;
    model->object[object].written[page] = false;
}

void model_did_see(struct model *model, unsigned object, uint32_t page, const unsigned char *seen, bool sure)
{
    struct model_object *o = &model->object[object];
    size_t as_it_was = 0;
    size_t as_born = 0;
    size_t i;

    if (!o->freed[page]) {
        return;
    }
    for (i = 0; i < sizeof o->content[page]; i++) { /* writes that are not in the model yet are few */
        as_it_was += seen[i] != o->content[page][i] ? 1u : 0u;
        as_born += seen[i] != 0 ? 1u : 0u;
    }
    if (as_born < as_it_was) {
        for (i = 0; i < sizeof o->content[page]; i++) {
            o->content[page][i] = 0;
        }
        sure = true;
    }
    o->freed[page] = !sure;
}

/* ---- Copies on write ---- */

uint32_t model_may_copy(const struct model *model, unsigned object, unsigned copy)
{
    const struct model_object *o = &model->object[object];
    uint32_t set = 0;
    uint32_t i;

    if ((model->object[copy].max_prot & ~o->max_prot & (QUIRE_PROT_READ | QUIRE_PROT_EXEC)) != 0) {
        set |= MODEL_SET(QUIRE_DENIED);
    }
    if (o->depth == 4u) {
        set |= MODEL_SET(QUIRE_LIMIT);
    }
    for (i = 0; set == 0 && i < o->npages; i++) {
        if (o->write_pins[i] != 0) {
            return MODEL_SET(QUIRE_BUSY);
        }
    }
    return set != 0 ? set : MODEL_OK;
}

void model_did_copy(struct model *model, unsigned object, unsigned copy)
{
    struct model_object *o = &model->object[object];
    struct model_object *c = &model->object[copy];
    unsigned vm;
    uint32_t i;
    size_t k;

    o->known = true;
    o->frozen = true;
    o->max_prot &= ~QUIRE_PROT_WRITE;
    c->known = true;
    c->origin = object + 1u;
    c->depth = o->depth + 1u;
    for (i = 0; i < o->npages; i++) {
        for (k = 0; k < sizeof o->content[i]; k++) {
            c->content[i][k] = o->content[i][k];
        }
    }
    for (vm = 0; vm < MODEL_VMS; vm++) {
        for (i = 0; i < MODEL_CELLS; i++) {
            if (model->cell[vm][i].mapped && model->cell[vm][i].object == object) {
                model->cell[vm][i].prot &= (uint8_t)~QUIRE_PROT_WRITE;
            }
        }
    }
}
