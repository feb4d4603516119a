/* fobj_phys.h: physical memory that is always in place. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/fobj_phys.h"

#define BASE ((uint64_t)5 << 33) /* beyond what 32 bits hold */

static unsigned released;

static void count_release(void *ctx, struct quire_fobj *fobj)
{
    cr_assert_eq(ctx, fobj);
    released++;
}

static struct quire_fobj_phys_config config_of(uint64_t pa, uint32_t npages)
{
    struct quire_fobj_phys_config config;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(pa);
    config.npages = npages;
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_WRITE;
    return config;
}

static void expect_at(struct quire_fobj *fobj, uint32_t pgidx, uint64_t pa, uint32_t npages)
{
    struct quire_pa at = quire_pa_make(1);
    uint32_t n = 0;

    fobj->ops->phys(fobj, pgidx, &at, &n);
    cr_expect_eq(at.addr, pa, "page %u lies at %llx", (unsigned)pgidx, (unsigned long long)at.addr);
    cr_expect_eq(n, npages, "%u pages from page %u", (unsigned)n, (unsigned)pgidx);
}

Test(fobj_phys, phys_tells_where_each_page_lies_and_how_many_follow)
{
    struct quire_fobj_phys_config config = config_of(BASE, 3);
    struct quire_fobj_phys phys;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    expect_at(&phys.base, 0, BASE, 3);
    expect_at(&phys.base, 1, BASE + QUIRE_PAGE_SIZE, 2);
    expect_at(&phys.base, 2, BASE + 2u * QUIRE_PAGE_SIZE, 1);
}

Test(fobj_phys, phys_is_unpaged_and_stores_nothing)
{
    struct quire_fobj_phys_config config = config_of(BASE, 3);
    struct quire_fobj_phys phys;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    cr_expect(quire_fobj_is_unpaged(&phys.base));
    cr_expect_null(phys.base.slots);
    cr_expect_null(phys.base.ops->load);
    cr_expect_null(phys.base.ops->save);
    cr_expect_eq(phys.base.num_pages, 3);
}

Test(fobj_phys, phys_permits_what_the_user_says)
{
    struct quire_fobj_phys_config config = config_of(BASE, 1);
    struct quire_fobj_phys phys;
    unsigned prot;

    for (prot = 1; prot <= QUIRE_PROT_RWX; prot++) {
        config.max_prot = prot;
        cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
        cr_expect_eq(phys.base.max_prot, prot);
    }
}

Test(fobj_phys, phys_may_begin_at_address_zero)
{
    struct quire_fobj_phys_config config = config_of(0, 2);
    struct quire_fobj_phys phys;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    expect_at(&phys.base, 1, QUIRE_PAGE_SIZE, 1);
}

Test(fobj_phys, phys_may_end_with_the_last_byte_there_is)
{
    uint64_t last_page = UINT64_MAX - QUIRE_PAGE_MASK;
    struct quire_fobj_phys_config config = config_of(last_page - QUIRE_PAGE_SIZE, 2);
    struct quire_fobj_phys phys;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    expect_at(&phys.base, 1, last_page, 1);
}

Test(fobj_phys, phys_reaches_the_last_page_of_the_largest_object)
{
    struct quire_fobj_phys_config config = config_of(BASE, QUIRE_FOBJ_PAGES_MAX);
    struct quire_fobj_phys phys;
    uint32_t last = QUIRE_FOBJ_PAGES_MAX - 1u;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    expect_at(&phys.base, last, BASE + ((uint64_t)last << QUIRE_PAGE_SHIFT), 1);
}

static void expect_invalid(const struct quire_fobj_phys_config *config)
{
    struct quire_fobj_phys phys;
    struct quire_fobj_phys before;

    memset(&phys, 0x5a, sizeof phys);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_fobj_phys_init(&phys, config), QUIRE_INVALID);
    cr_expect_eq(memcmp(&phys, &before, sizeof phys), 0, "a refused init changed the object");
}

Test(fobj_phys, phys_init_refuses_unaligned_and_wrapping_ranges)
{
    struct quire_fobj_phys_config config = config_of(BASE + 1u, 1);

    expect_invalid(&config);
    config = config_of(BASE + QUIRE_PAGE_SIZE / 2u, 1);
    expect_invalid(&config);
    config = config_of(UINT64_MAX - QUIRE_PAGE_MASK, 2);
    expect_invalid(&config);
    config = config_of(UINT64_MAX - QUIRE_PAGE_MASK, QUIRE_FOBJ_PAGES_MAX);
    expect_invalid(&config);
}

Test(fobj_phys, phys_init_refuses_what_cannot_be)
{
    struct quire_fobj_phys_config config = config_of(BASE, 0);

    expect_invalid(&config);
    expect_invalid(NULL);
    config = config_of(BASE, QUIRE_FOBJ_PAGES_MAX + 1u);
    expect_invalid(&config);
    config = config_of(BASE, 1);
    cr_expect_eq(quire_fobj_phys_init(NULL, &config), QUIRE_INVALID);
    config.max_prot = 0;
    expect_invalid(&config);
    config.max_prot = QUIRE_PROT_READ | QUIRE_PROT_USER;
    expect_invalid(&config);
}

Test(fobj_phys, phys_is_released_once_by_its_last_put)
{
    struct quire_fobj_phys_config config = config_of(BASE, 3);
    struct quire_fobj_phys phys;

    config.release = count_release;
    config.ctx = &phys.base;
    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    cr_assert_eq(quire_fobj_get(&phys.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&phys.base), QUIRE_OK);
    cr_expect_eq(released, 0);
    cr_expect_eq(quire_fobj_put(&phys.base), QUIRE_OK);
    cr_expect_eq(released, 1);
    cr_expect_eq(quire_fobj_put(&phys.base), QUIRE_UNDERFLOW);
    cr_expect_eq(released, 1);
}

Test(fobj_phys, phys_may_die_without_a_release_callback)
{
    struct quire_fobj_phys_config config = config_of(BASE, 3);
    struct quire_fobj_phys phys;

    cr_assert_eq(quire_fobj_phys_init(&phys, &config), QUIRE_OK);
    cr_expect_eq(quire_fobj_put(&phys.base), QUIRE_OK);
    cr_expect_eq(quire_fobj_get(&phys.base), QUIRE_DEAD);
}
