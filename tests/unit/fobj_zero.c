/* fobj_zero.h: pages that begin as zeros. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/fobj_zero.h"

#define PAGES 4u

static uint32_t slots[PAGES];
static unsigned char memory[3][(size_t)1 << QUIRE_PAGE_SHIFT];
static unsigned released;
static struct quire_fobj *last_released;

static void count_release(void *ctx, struct quire_fobj *fobj)
{
    cr_assert_eq(ctx, &released);
    last_released = fobj;
    released++;
}

static struct quire_fobj_zero_config config_of_test(void)
{
    struct quire_fobj_zero_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = PAGES;
    config.slots = slots;
    return config;
}

static bool filled_with(const unsigned char *page, int byte)
{
    return page[0] == byte && memcmp(page, page + 1, QUIRE_PAGE_SIZE - 1u) == 0;
}

static enum quire_status load(struct quire_fobj *fobj, uint32_t pgidx, uint32_t npages)
{
    void *page[2];
    struct quire_io io;

    memset(memory, 0xee, sizeof memory);
    page[0] = memory[0];
    page[1] = memory[1];
    memset(&io, 0, sizeof io);
    io.fobj = fobj;
    io.pgidx = pgidx;
    io.npages = npages;
    io.page = page;
    return fobj->ops->load(&io);
}

Test(fobj_zero, zero_wipes_whatever_the_page_held)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(load(&zero.base, 0, 1), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0));
    cr_expect(filled_with(memory[1], 0xee), "wiped more than it was asked for");
    cr_expect_eq(load(&zero.base, PAGES - 1u, 1), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0));
}

Test(fobj_zero, zero_loads_as_many_pages_as_it_is_asked_for)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(load(&zero.base, PAGES - 2u, 2), QUIRE_OK);
    cr_expect(filled_with(memory[0], 0) && filled_with(memory[1], 0) && filled_with(memory[2], 0xee));
}

Test(fobj_zero, zero_refuses_pages_it_does_not_have)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(load(&zero.base, PAGES, 1), QUIRE_INVALID);
    cr_expect_eq(load(&zero.base, PAGES - 1u, 2), QUIRE_INVALID);
    cr_expect_eq(load(&zero.base, 0, 0), QUIRE_INVALID);
    cr_expect(filled_with(memory[0], 0xee));
}

Test(fobj_zero, zero_has_no_save_so_that_a_written_page_stays)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_null(zero.base.ops->save);
    cr_expect_not(quire_fobj_is_unpaged(&zero.base));
    cr_expect(zero.base.ops->flags & QUIRE_FOBJ_OPS_FILLS, "each page would be wiped twice");
}

Test(fobj_zero, zero_is_locked_only_when_asked)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(zero.base.flags, 0);
    config.locked = true;
    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(zero.base.flags, QUIRE_FOBJ_LOCKED);
}

Test(fobj_zero, zero_permits_reading_and_writing_unless_told)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(zero.base.max_prot, QUIRE_PROT_READ | QUIRE_PROT_WRITE);
    config.max_prot = QUIRE_PROT_RWX;
    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(zero.base.max_prot, QUIRE_PROT_RWX);
}

static void expect_invalid(const struct quire_fobj_zero_config *config)
{
    struct quire_fobj_zero zero;
    struct quire_fobj_zero before;

    memset(&zero, 0x5a, sizeof zero);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_fobj_zero_init(&zero, config), QUIRE_INVALID);
    cr_expect_eq(memcmp(&zero, &before, sizeof zero), 0, "a refused init changed the object");
}

Test(fobj_zero, zero_init_refuses_what_cannot_be)
{
    struct quire_fobj_zero_config config = config_of_test();

    cr_expect_eq(quire_fobj_zero_init(NULL, &config), QUIRE_INVALID);
    expect_invalid(NULL);
    config.num_pages = 0;
    expect_invalid(&config);
    config.num_pages = QUIRE_FOBJ_PAGES_MAX + 1u;
    expect_invalid(&config);
    config = config_of_test();
    config.slots = NULL;
    expect_invalid(&config);
    config = config_of_test();
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
    expect_invalid(&config);
}

Test(fobj_zero, zero_is_released_once_by_its_last_put)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    config.release = count_release;
    config.ctx = &released;
    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_assert_eq(quire_fobj_get(&zero.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&zero.base), QUIRE_OK);
    cr_expect_eq(released, 0);
    cr_expect_eq(quire_fobj_put(&zero.base), QUIRE_OK);
    cr_expect_eq(released, 1);
    cr_expect_eq(last_released, &zero.base);
    cr_expect_eq(quire_fobj_put(&zero.base), QUIRE_UNDERFLOW);
    cr_expect_eq(released, 1);
}

Test(fobj_zero, zero_may_die_without_a_release_callback)
{
    struct quire_fobj_zero_config config = config_of_test();
    struct quire_fobj_zero zero;

    cr_assert_eq(quire_fobj_zero_init(&zero, &config), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&zero.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&zero.base), QUIRE_DEAD);
}
