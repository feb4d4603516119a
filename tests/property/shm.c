/* pool.h and shm.h against models: which unit belongs to whom, and what every byte of the shared memory must be. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "property.h"
#include "quire/region_check.h"
#include "quire/shm.h"

#define PAGE QUIRE_PAGE_SIZE
#define PAGES 12u
#define SIZE (PAGES * PAGE)
#define PA ((uint64_t)9 << 33)
#define PIECES 64u
#define STALE 64u

/* The window is the inner pages: nobody may touch the outer two. */
static _Alignas(4096) unsigned char memory[SIZE + 2u * PAGE];
static unsigned char *const window = memory + PAGE;
static unsigned char expected[SIZE]; /* every byte of the window */
static uint8_t owner[SIZE];          /* of every byte: 0 nobody, else the piece's number + 1 */

/* Assertions that cost nothing while they hold: there are millions. */
#define MUST(holds)                       \
    do {                                  \
        if (!(holds)) {                   \
            cr_assert_fail("%s", #holds); \
        }                                 \
    } while (0)
#define MUST_SAY(holds, ...)             \
    do {                                 \
        if (!(holds)) {                  \
            cr_assert_fail(__VA_ARGS__); \
        }                                \
    } while (0)

/* The region allocator's own check, under whatever stands on it. */
static void check_regions(const struct quire_pool *pool)
{
    const char *what = "";

    MUST_SAY(quire_region_check(&pool->regions, &what) == QUIRE_OK, "%s", what);
    MUST_SAY(quire_region_book_check(&pool->book, &what) == QUIRE_OK, "%s", what);
}

static void reset_memory(void)
{
    memset(memory, 0x5a, sizeof memory);
    memset(expected, 0x5a, sizeof expected);
    memset(owner, 0, sizeof owner);
}

static void check_memory(void)
{
    size_t i;

    MUST_SAY(memcmp(window, expected, SIZE) == 0, "a byte of the shared memory is not what it must be");
    for (i = 0; i < PAGE; i++) {
        MUST_SAY(memory[i] == 0x5a && window[SIZE + i] == 0x5a, "a byte outside of the window changed");
    }
}

/* Is there a run of `whole` bytes of nobody's at a multiple of `align` in [first, first + size)? */
static bool room(size_t first, size_t size, size_t whole, size_t align)
{
    size_t run = 0;
    size_t at;

    for (at = first; at < first + size; at += align) {
        run = owner[at] == 0 ? run + align : 0;
        if (run >= whole) {
            return true;
        }
    }
    return false;
}

/* The whole units [at, at + whole) now belong to `who`, and were nobody's. */
static void take(size_t at, size_t whole, unsigned who, bool zeroed)
{
    size_t i;

    for (i = at; i < at + whole; i++) {
        MUST_SAY(owner[i] == 0, "byte %zu was handed out twice", i);
        owner[i] = (uint8_t)(who + 1u);
        if (zeroed) {
            expected[i] = 0;
        }
    }
    MUST_SAY(memcmp(window + at, expected + at, whole) == 0, "a piece is not what it must be when it is handed out");
}

static void drop(size_t at, size_t whole, bool wiped)
{
    memset(owner + at, 0, whole);
    if (wiped) {
        memset(expected + at, 0, whole);
    }
    MUST_SAY(memcmp(window + at, expected + at, whole) == 0, "a piece is not what it must be when it is back");
}

/* Writes a few bytes through the view, as its user or the other world would. */
static void scribble(struct property *p, const struct quire_view *view)
{
    unsigned char bytes[40];
    size_t offset = property_below(p, (uint32_t)view->size);
    size_t len = 1u + property_below(p, sizeof bytes);
    size_t i;

    len = len < view->size - offset ? len : view->size - offset;
    for (i = 0; i < len; i++) {
        bytes[i] = (unsigned char)property_bits(p);
    }
    MUST(quire_view_write(view, offset, bytes, len) == QUIRE_OK);
    memcpy(expected + (view->va - (uintptr_t)window) + offset, bytes, len);
}

/* The piece that holds all of [at, at + len), by the model; -1: there is none. */
static int holder(size_t at, uint64_t len)
{
    size_t i;

    if (at >= SIZE || owner[at] == 0 || len == 0 || len > SIZE - at) {
        return -1;
    }
    for (i = at; i < at + len; i++) {
        if (owner[i] != owner[at]) {
            return -1;
        }
    }
    return owner[at] - 1;
}

/* ---- One pool of any traits ---- */

struct piece {
    struct quire_pool_handle handle;
    size_t at; /* in the window */
    size_t whole;
};

struct world {
    struct property *p;
    struct quire_pool pool;
    struct quire_pool_traits traits;
    struct piece pieces[PIECES];
    bool out[PIECES];
    struct quire_pool_handle stale[STALE];
    unsigned num_stale;
    size_t used;
    uint32_t live;
};

static uint64_t book[QUIRE_POOL_BOOK_BYTES(SIZE, 1, QUIRE_POOL_TRAIT_INDEXED, PIECES) / 8u];

static void world_begin(struct world *w, struct property *p)
{
    struct quire_pool_config config;

    memset(w, 0, sizeof *w);
    memset(&config, 0, sizeof config);
    w->p = p;
    w->traits.align = (size_t)1 << property_below(p, 13);
    w->traits.flags = property_below(p, 8);
    w->traits.limit = property_below(p, 3) == 0 ? property_below(p, SIZE) : 0;
    w->traits.count = property_below(p, 3) == 0 ? property_below(p, PIECES) : 0;
    config.book = book;
    config.book_bytes = QUIRE_POOL_TABLE_BYTES((uint64_t)SIZE / w->traits.align) +
                        QUIRE_POOL_NODE_BYTES(w->traits.flags) * (1u + property_below(p, 2u * PIECES));
    MUST(quire_view_make((uintptr_t)window, quire_pa_make(PA), SIZE, &config.window) == QUIRE_OK);
    reset_memory();
    MUST(quire_pool_init(&w->pool, &w->traits, &config) == QUIRE_OK);
}

static void world_alloc(struct world *w, unsigned who)
{
    size_t size = 1u + property_below(w->p, property_below(w->p, 4) == 0 ? SIZE : 200u);
    size_t whole = (size + w->traits.align - 1u) & ~(w->traits.align - 1u);
    uint32_t nodes = quire_region_book_left(&w->pool.book);
    struct piece *piece = &w->pieces[who];
    enum quire_status status = quire_pool_alloc(&w->pool, size, &piece->handle);
    bool limited =
        (w->traits.limit != 0 && w->used + whole > w->traits.limit) || (w->traits.count != 0 && w->live >= w->traits.count);
    struct quire_view view;

    switch (status) {
    case QUIRE_OK:
        MUST_SAY(!limited, "beyond a limit");
        MUST(quire_pool_view(&w->pool, &piece->handle, &view) == QUIRE_OK && view.size == size);
        piece->at = view.va - (uintptr_t)window;
        piece->whole = whole;
        MUST(piece->at % w->traits.align == 0 && view.pa.addr - PA == piece->at && piece->at + whole <= SIZE);
        take(piece->at, whole, who, (w->traits.flags & QUIRE_POOL_TRAIT_ZERO_ALLOC) != 0);
        w->out[who] = true;
        w->used += whole;
        w->live++;
        break;
    case QUIRE_LIMIT:
        MUST_SAY(limited, "refused below its limits");
        break;
    case QUIRE_NO_SPACE:
        MUST_SAY(!room(0, SIZE, whole, w->traits.align), "refused %zu bytes though there is room", whole);
        break;
    default:
        MUST_SAY(status == QUIRE_NO_MEMORY && nodes == 0, "%s with %u nodes left", quire_status_name(status), (unsigned)nodes);
    }
}

static void world_free(struct world *w, unsigned who)
{
    struct piece *piece = &w->pieces[who];

    MUST(quire_pool_free(&w->pool, &piece->handle) == QUIRE_OK);
    drop(piece->at, piece->whole, (w->traits.flags & QUIRE_POOL_TRAIT_ZERO_FREE) != 0);
    w->stale[w->num_stale++ % STALE] = piece->handle;
    w->out[who] = false;
    w->used -= piece->whole;
    w->live--;
}

static void world_ask(struct world *w)
{
    size_t at = property_below(w->p, SIZE + 16u);
    uint64_t len = property_below(w->p, 4) == 0 ? property_bits(w->p) : 1u + property_below(w->p, 64);
    int who = holder(at, len);
    struct quire_view view;
    enum quire_status status = quire_pool_find(&w->pool, quire_pa_make(PA + at), len, &view);

    MUST(status == (len == 0 ? QUIRE_INVALID : who >= 0 ? QUIRE_OK : QUIRE_NOT_FOUND));
    if (who >= 0) {
        MUST(view.pa.addr - PA == w->pieces[who].at && view.size == w->pieces[who].whole);
    }
    if (w->num_stale != 0) {
        const struct quire_pool_handle *stale = &w->stale[property_below(w->p, w->num_stale < STALE ? w->num_stale : STALE)];

        MUST(quire_pool_view(&w->pool, stale, &view) == QUIRE_DEAD);
        MUST(quire_pool_free(&w->pool, stale) == QUIRE_DEAD);
    }
}

static void world_step(struct world *w)
{
    unsigned who = property_below(w->p, PIECES);
    struct quire_view view;

    if (property_below(w->p, 4) == 0) {
        world_ask(w);
    } else if (!w->out[who]) {
        world_alloc(w, who);
    } else if (property_below(w->p, 3) == 0) {
        MUST(quire_pool_view(&w->pool, &w->pieces[who].handle, &view) == QUIRE_OK);
        scribble(w->p, &view);
    } else {
        world_free(w, who);
    }
}

static void world_check(struct world *w)
{
    struct quire_pool_stats stats;

    quire_pool_get_stats(&w->pool, &stats);
    MUST(stats.used == w->used && stats.live == w->live && stats.available == SIZE - w->used);
    MUST(room(0, SIZE, stats.largest, w->traits.align) || stats.largest == 0);
    check_regions(&w->pool);
    check_memory();
}

Test(shm, pool_follows_its_model)
{
    struct property p = property_begin("pool_follows_its_model", 20000);
    static struct world w;
    uint64_t round;
    unsigned who;

    for (round = 0; round < p.rounds; round++) {
        if (round % 500u == 0) {
            world_begin(&w, &p);
        }
        world_step(&w);
        if (round % 50u == 0) {
            world_check(&w);
        }
        if (round % 500u == 499u) {
            MUST(quire_pool_fini(&w.pool, NULL, NULL) == (w.live != 0 ? QUIRE_BUSY : QUIRE_OK));
            for (who = 0; w.live != 0 && who < PIECES; who++) {
                if (w.out[who]) {
                    world_free(&w, who);
                }
            }
            check_memory();
        }
    }
}

/* ---- The manager ---- */

struct shared {
    struct property *p;
    struct quire_shm shm;
    size_t driver; /* bytes of the driver pool */
    struct quire_shm_driver_pool_handle messages[PIECES / 2u];
    struct quire_shm_buffer *buffers[PIECES / 2u]; /* piece number: PIECES / 2 + index */
    uint32_t refs[PIECES / 2u];                    /* of the buffer, or 1 for a message that is out */
    bool message_out[PIECES / 2u];
    size_t at[PIECES];
    size_t whole[PIECES];
    size_t size[PIECES];
    uint32_t live;
};

static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(PAGES, PIECES / 2u) / 8u];
static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SIZE, PIECES / 2u) / 8u];
static struct quire_shm_buffer structures[PAGES];

static void shared_begin(struct shared *s, struct property *p)
{
    struct quire_shm_config config;

    memset(s, 0, sizeof *s);
    memset(&config, 0, sizeof config);
    s->p = p;
    config.pa = quire_pa_make(PA);
    config.va = (uintptr_t)window;
    config.size = SIZE;
    config.driver_pages = property_below(p, PAGES);
    config.driver_book = driver_book;
    config.driver_book_bytes = sizeof driver_book;
    config.client_book = client_book;
    config.client_book_bytes = sizeof client_book;
    config.buffers = structures;
    config.num_buffers = 1u + property_below(p, PAGES);
    s->driver = (config.driver_pages != 0 ? config.driver_pages : QUIRE_SHM_DRIVER_PAGES) * PAGE;
    reset_memory();
    MUST(quire_shm_init(&s->shm, &config, NULL) == QUIRE_OK);
}

static void note_taken(struct shared *s, unsigned who, const struct quire_view *view, size_t whole)
{
    s->at[who] = view->va - (uintptr_t)window;
    s->whole[who] = whole;
    s->size[who] = view->size;
    MUST(view->pa.addr - PA == s->at[who]);
    MUST(who < PIECES / 2u ? s->at[who] + whole <= s->driver : s->at[who] >= s->driver && s->at[who] + whole <= SIZE);
    take(s->at[who], whole, who, true);
    s->live++;
}

static void step_message(struct shared *s, unsigned i)
{
    size_t size = 1u + property_below(s->p, 300);
    struct quire_view view;
    enum quire_status status;

    if (s->message_out[i]) {
        MUST(quire_shm_driver_pool_view(&s->shm.driver, &s->messages[i], &view) == QUIRE_OK);
        scribble(s->p, &view);
        if (property_below(s->p, 2) == 0) {
            MUST(quire_shm_driver_pool_free(&s->shm.driver, &s->messages[i]) == QUIRE_OK);
            MUST(quire_shm_driver_pool_free(&s->shm.driver, &s->messages[i]) == QUIRE_DEAD);
            drop(s->at[i], s->whole[i], true);
            s->message_out[i] = false;
            s->live--;
        }
        return;
    }
    status = quire_shm_driver_pool_alloc(&s->shm.driver, size, &s->messages[i]);
    if (status == QUIRE_OK) {
        MUST(quire_shm_driver_pool_view(&s->shm.driver, &s->messages[i], &view) == QUIRE_OK && view.size == size);
        s->message_out[i] = true;
        note_taken(s, i, &view, (size + 7u) & ~(size_t)7);
    } else {
        MUST_SAY(status == QUIRE_NO_SPACE && !room(0, s->driver, (size + 7u) & ~(size_t)7, 8), "the driver is starved");
    }
}

static void put_buffer(struct shared *s, unsigned i)
{
    bool by_fobj = property_below(s->p, 2) == 0;

    MUST((by_fobj ? quire_fobj_put(&s->buffers[i]->phys.base) : quire_shm_put(s->buffers[i])) == QUIRE_OK);
    if (--s->refs[i] == 0) {
        drop(s->at[PIECES / 2u + i], s->whole[PIECES / 2u + i], true);
        s->live--;
    }
}

static void step_buffer(struct shared *s, unsigned i)
{
    size_t size = 1u + property_below(s->p, 4u * PAGE);
    size_t whole = (size + PAGE - 1u) & ~(PAGE - 1u);
    struct quire_view view;
    enum quire_status status;

    if (s->refs[i] != 0) {
        MUST(quire_shm_view(s->buffers[i], &view) == QUIRE_OK && view.size == s->size[PIECES / 2u + i]);
        scribble(s->p, &view);
        if (property_below(s->p, 5) < 2u) {
            MUST(quire_shm_get(s->buffers[i]) == QUIRE_OK);
            s->refs[i]++;
        } else {
            put_buffer(s, i);
        }
        return;
    }
    status = quire_shm_alloc(&s->shm, size, &s->buffers[i]);
    if (status == QUIRE_OK) {
        MUST(quire_shm_view(s->buffers[i], &view) == QUIRE_OK && view.size == size);
        s->refs[i] = 1;
        note_taken(s, PIECES / 2u + i, &view, whole);
    } else if (status == QUIRE_NO_MEMORY) {
        MUST_SAY(s->shm.unused == NULL, "structures are left");
    } else {
        MUST_SAY(status == QUIRE_NO_SPACE && !room(s->driver, SIZE - s->driver, whole, PAGE), "the clients are starved");
    }
}

static void shared_ask(struct shared *s)
{
    size_t at = property_below(s->p, SIZE + 2u * PAGE) - PAGE; /* below the window, too */
    uint64_t len = property_below(s->p, 4) == 0 ? property_bits(s->p) : 1u + property_below(s->p, 2u * PAGE);
    int who = holder(at, len);
    struct quire_shm_buffer *buffer;
    enum quire_status status;
    struct quire_view view;
    struct quire_pa pa;
    uintptr_t va;

    MUST((quire_shm_pa_to_va(&s->shm, quire_pa_make(PA + at), &va) == QUIRE_OK) == (at < SIZE));
    MUST(at >= SIZE ||
         (va == (uintptr_t)window + at && quire_shm_va_to_pa(&s->shm, va, &pa) == QUIRE_OK && pa.addr == PA + at));
    status = quire_shm_find_message(&s->shm, quire_pa_make(PA + at), len, &view);
    MUST((status == QUIRE_OK) == (who >= 0 && who < (int)PIECES / 2));
    MUST(status != QUIRE_OK || (view.pa.addr == PA + at && view.size == len));
    status = quire_shm_find_buffer(&s->shm, quire_pa_make(PA + at), len, &buffer, &view);
    MUST((status == QUIRE_OK) == (who >= (int)PIECES / 2 && at + len <= s->at[who] + s->size[who]));
    if (status == QUIRE_OK) {
        MUST(buffer == s->buffers[who - (int)PIECES / 2] && view.pa.addr == PA + at && view.size == len);
        s->refs[who - (int)PIECES / 2]++;
        put_buffer(s, (unsigned)(who - (int)PIECES / 2));
    }
}

static bool check_live(void *ctx, const struct quire_shm_live *live)
{
    struct shared *s = ctx;
    size_t at = (size_t)(live->pa.addr - PA);
    int who = holder(at, live->size);

    MUST(who >= 0 && s->at[who] == at && s->whole[who] == live->size);
    MUST(live->kind == (who < (int)PIECES / 2 ? QUIRE_SHM_MESSAGE : QUIRE_SHM_BUFFER));
    MUST(live->refs == (who < (int)PIECES / 2 ? 1u : s->refs[who - (int)PIECES / 2]));
    MUST(live->fobj == (who < (int)PIECES / 2 ? NULL : &s->buffers[who - (int)PIECES / 2]->phys.base));
    s->live--; /* given back by the caller */
    return true;
}

static void shared_check(struct shared *s)
{
    uint32_t live = s->live;

    MUST(quire_shm_walk(&s->shm, check_live, s));
    MUST_SAY(s->live == 0, "%u pieces are on no list", (unsigned)s->live);
    s->live = live;
    MUST(quire_tree_check(&s->shm.buffers));
    check_regions(&s->shm.driver.core);
    check_regions(&s->shm.client.core);
    check_memory();
}

static void shared_end(struct shared *s)
{
    unsigned i;

    if (s->live != 0) {
        MUST(quire_shm_fini(&s->shm, NULL, NULL) == QUIRE_BUSY);
    }
    for (i = 0; i < PIECES / 2u; i++) {
        while (s->refs[i] != 0) {
            put_buffer(s, i);
        }
        while (s->message_out[i]) {
            step_message(s, i);
        }
    }
    MUST(s->live == 0 && quire_shm_fini(&s->shm, NULL, NULL) == QUIRE_OK);
    check_memory();
}

Test(shm, shm_follows_its_model)
{
    struct property p = property_begin("shm_follows_its_model", 20000);
    static struct shared s;
    uint64_t round;

    for (round = 0; round < p.rounds; round++) {
        if (round % 1000u == 0) {
            shared_begin(&s, &p);
        }
        switch (property_below(&p, 3)) {
        case 0:
            step_message(&s, property_below(&p, PIECES / 2u));
            break;
        case 1:
            step_buffer(&s, property_below(&p, PIECES / 4u));
            break;
        default:
            shared_ask(&s);
        }
        if (round % 100u == 0) {
            shared_check(&s);
        }
        if (round % 1000u == 999u || round + 1u == p.rounds) {
            shared_end(&s);
        }
    }
}
