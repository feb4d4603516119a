/* seal.h, where threads meet: at each single step of one, others change keys, come and go. By turns, not by chance: what the library
 * reaches its counters through is this file's. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "turns.h" /* before the library */

#include "cipher.c"

#define PAGE QUIRE_PAGE_SIZE
#define OBJECTS 4u

static struct cipher cipher;
static struct quire_sealer *const sealer = &cipher.sealer;
static struct quire_sealed object[OBJECTS]; /* 0: of the thread that is watched; a null sealer: it is not there */
static struct quire_seal_meta meta[OBJECTS];
static unsigned char plain[PAGE];
static unsigned char stored[OBJECTS][PAGE];
static uint32_t steps; /* of what is watched, so far */
static uint32_t when;  /* the others come before this one; 0: never */
static bool watching;
static void (*others)(void);

static void turn(void)
{
    if (watching && ++steps == when) {
        watching = false;
        others();
        watching = true;
    }
}

/* ---- What may happen ---- */

static void join(unsigned i)
{
    memset(&meta[i], 0, sizeof meta[i]);
    cr_assert_eq(quire_sealed_join(&object[i], sealer), QUIRE_OK);
}

static void store(unsigned i)
{
    void *buffer = cipher_hooks.buffer_get(&cipher);

    cr_assert_eq(quire_sealed_seal(&object[i], &meta[i], 7, plain, buffer), QUIRE_OK);
    memcpy(stored[i], buffer, PAGE);
    cipher_hooks.buffer_put(&cipher, buffer);
}

static void look(unsigned i)
{
    unsigned char page[PAGE];

    memcpy(page, stored[i], PAGE);
    cr_assert_eq(quire_sealed_open(&object[i], &meta[i], 7, page), QUIRE_OK, "object %u, step %u", i, when);
    cr_assert_eq(memcmp(page, plain, PAGE), 0);
}

/* The only page of the object is stored under the newest key: as quire_fobj_rw_rekey() sees to. */
static void move(unsigned i)
{
    if (meta[i].epoch != 0 && meta[i].epoch != cipher.sealer.epoch) {
        look(i);
        store(i);
    }
    quire_sealed_moved(&object[i], cipher.sealer.epoch);
}

static void new_key(void)
{
    enum quire_status status = quire_sealer_rekey(sealer);

    cr_assert(status == QUIRE_OK || status == QUIRE_BUSY);
}

/* All but the page of the watched thread, which it is at work with. */
static void another_key(void)
{
    new_key();
    move(1);
}

static void moved_and_another_key(void)
{
    if (meta[0].epoch == cipher.sealer.epoch) {
        quire_sealed_moved(&object[0], meta[0].epoch);
    }
    move(1);
    new_key();
}

static void come_and_go(void)
{
    join(3);
    store(3);
    new_key();
    store(3);
    look(3);
    quire_sealed_leave(&object[3]);
}

static void (*const meanwhile[])(void) = {another_key, moved_and_another_key, come_and_go};

/* ---- What is watched ---- */

static void seals(void)
{
    store(0);
}

static void opens(void)
{
    look(0);
}

static void changes_keys(void)
{
    new_key();
}

static void joins_and_leaves(void)
{
    join(2);
    store(2);
    look(2);
    quire_sealed_leave(&object[2]);
}

/* One of these, at whose step `when` the others come. Returns its steps. */
static uint32_t run(void (*what)(void), bool two)
{
    unsigned i;

    cipher_start(&cipher, 5);
    join(0);
    join(1);
    store(1);
    if (two) { /* both keys are there, and the page of object 0 is stored under the newer one */
        new_key();
        move(1);
    }
    store(0);
    steps = 0;
    watching = true;
    what();
    watching = false;
    for (i = 0; i < 2u; i++) {
        look(i);
        move(i);
        look(i);
    }
    cr_assert_not(quire_sealer_is_rekeying(sealer), "step %u: the old key stays", when);
    cr_assert_eq(cipher.keys_alive, 1);
    quire_sealed_leave(&object[0]);
    quire_sealed_leave(&object[1]);
    cr_assert_eq(cipher_stop(&cipher), QUIRE_OK, "step %u", when);
    cr_assert_null(cipher_wrong(&cipher));
    return steps;
}

/* Whatever the others do. */
static void all(void (*what)(void), bool two)
{
    size_t m;

    for (m = 0; m < sizeof meanwhile / sizeof meanwhile[0]; m++) {
        uint32_t last;

        others = meanwhile[m];
        when = 0;
        last = run(what, two);
        cr_assert_gt(last, 1);
        for (when = 1; when <= last; when++) {
            cr_assert_geq(run(what, two), when);
        }
    }
}

Test(seal_turns, page_is_sealed_while_keys_change)
{
    all(seals, false);
    all(seals, true);
}

Test(seal_turns, page_is_opened_while_keys_change)
{
    all(opens, false);
    all(opens, true);
}

Test(seal_turns, two_change_keys_at_once)
{
    all(changes_keys, false);
}

Test(seal_turns, object_comes_and_goes_while_keys_change)
{
    all(joins_and_leaves, false);
    all(joins_and_leaves, true);
}
