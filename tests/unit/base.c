/* base.h: status names, ranges that do not wrap, the stamp, the atomics. */
#include <stdint.h> /* first: Criterion's own headers lack it */
#include <limits.h>

#include <criterion/criterion.h>
#include <stdio.h>

#include "quire/base.h"

struct outer {
    int before;
    int member;
};

Test(base, each_status_has_a_name_of_its_own)
{
    int i;
    int j;

    for (i = QUIRE_TIMEOUT; i <= QUIRE_OK; i++) {
        cr_assert_str_neq(quire_status_name((enum quire_status)i), "?");
        for (j = i + 1; j <= QUIRE_OK; j++) {
            cr_assert_str_neq(quire_status_name((enum quire_status)i), quire_status_name((enum quire_status)j));
        }
    }
    cr_assert_str_eq(quire_status_name(QUIRE_OK), "OK");
    cr_assert_str_eq(quire_status_name(QUIRE_NO_PAGE), "NO_PAGE");
    cr_assert_str_eq(quire_status_name(QUIRE_UNDERFLOW), "UNDERFLOW");
    cr_assert_str_eq(quire_status_name(QUIRE_NEED), "NEED");
    cr_assert_str_eq(quire_status_name(QUIRE_TIMEOUT), "TIMEOUT");
}

Test(base, what_is_no_status_has_a_name_too)
{
    cr_assert_str_eq(quire_status_name((enum quire_status)1), "?");
    cr_assert_str_eq(quire_status_name((enum quire_status)(QUIRE_TIMEOUT - 1)), "?");
    cr_assert_str_eq(quire_status_name((enum quire_status)INT_MAX), "?");
    cr_assert_str_eq(quire_status_name((enum quire_status)INT_MIN), "?");
}

Test(base, va_range_gives_the_last_byte)
{
    uintptr_t last;

    cr_assert(quire_va_range(0, 1, &last));
    cr_assert_eq(last, QUIRE_PAGE_SIZE - 1u);
    cr_assert(quire_va_range(5u * QUIRE_PAGE_SIZE, 3, &last));
    cr_assert_eq(last, 8u * QUIRE_PAGE_SIZE - 1u);
}

Test(base, va_range_may_end_at_the_top_and_not_pass_it)
{
    const uintptr_t top_page = ~(uintptr_t)QUIRE_PAGE_MASK;
    const size_t all = (UINTPTR_MAX >> QUIRE_PAGE_SHIFT) + (size_t)1;
    uintptr_t last;

    cr_assert(quire_va_range(top_page, 1, &last));
    cr_assert_eq(last, UINTPTR_MAX);
    cr_assert(quire_va_range(0, all, &last));
    cr_assert_eq(last, UINTPTR_MAX);
    cr_assert_not(quire_va_range(top_page, 2, &last));
    cr_assert_not(quire_va_range(QUIRE_PAGE_SIZE, all, &last));
    cr_assert_not(quire_va_range(0, all + 1u, &last));
    cr_assert_not(quire_va_range(0, SIZE_MAX, &last));
}

Test(base, va_range_refuses_the_empty_and_the_unaligned)
{
    uintptr_t last;

    cr_assert_not(quire_va_range(0, 0, &last));
    cr_assert_not(quire_va_range(1, 1, &last));
    cr_assert_not(quire_va_range(QUIRE_PAGE_SIZE / 2u, 1, &last));
    cr_assert_not(quire_va_range(QUIRE_PAGE_SIZE - 1u, 1, &last));
}

Test(base, index_range_is_exact_at_its_ends)
{
    cr_assert(quire_index_range(0, 1, 1));
    cr_assert(quire_index_range(0, 10, 10));
    cr_assert(quire_index_range(9, 1, 10));
    cr_assert(quire_index_range(UINT32_MAX - 1u, 1, UINT32_MAX));
    cr_assert_not(quire_index_range(0, 0, 10));
    cr_assert_not(quire_index_range(10, 1, 10));
    cr_assert_not(quire_index_range(9, 2, 10));
    cr_assert_not(quire_index_range(5, UINT32_MAX, 10));
    cr_assert_not(quire_index_range(UINT32_MAX, 2, 10));
    cr_assert_not(quire_index_range(0, 1, 0));
}

Test(base, container_of_finds_the_whole_from_the_part)
{
    struct outer outer = {1, 2};
    int *member = &outer.member;

    cr_assert_eq(QUIRE_CONTAINER_OF(member, struct outer, member), &outer);
}

Test(base, stamp_holds_every_option_that_decides_layouts)
{
    cr_assert_eq((QUIRE_STAMP >> 17) & 31u, (uint32_t)QUIRE_PAGE_SHIFT);
    cr_assert_eq((QUIRE_STAMP >> 4) & 8191u, (uint32_t)QUIRE_BATCH_ENTRIES);
    cr_assert_eq(QUIRE_STAMP & 15u, (uint32_t)QUIRE_SEGMENT_BITS);
    cr_assert_eq(QUIRE_STAMP >> 28, (uint32_t)QUIRE_VERSION_MAJOR);
}

Test(base, version_text_says_what_the_numbers_say)
{
    char text[32];

    snprintf(text, sizeof text, "%d.%d.%d", QUIRE_VERSION_MAJOR, QUIRE_VERSION_MINOR, QUIRE_VERSION_PATCH);
    cr_assert_str_eq(text, QUIRE_VERSION);
}

Test(base, compare_and_swap_tells_what_it_found)
{
    uint32_t value = 7;
    uint32_t expected = 8;

    cr_assert_not(quire_atomic_cas(&value, &expected, 9));
    cr_assert_eq(value, 7);
    cr_assert_eq(expected, 7);
    cr_assert(quire_atomic_cas(&value, &expected, 9));
    cr_assert_eq(quire_atomic_load(&value), 9);
    quire_atomic_store(&value, UINT32_MAX);
    cr_assert_eq(quire_atomic_load(&value), UINT32_MAX);
}

Test(base, physical_address_keeps_all_64_bits)
{
    cr_assert_eq(quire_pa_make(UINT64_MAX).addr, UINT64_MAX);
    cr_assert_eq(quire_pa_make(UINT64_C(1) << 40).addr, UINT64_C(1) << 40);
}
