/* What bits.h must answer, in either variant: every pair of bits, and noise between and below them. */
#ifndef QUIRE_TESTS_BITS_TEST_H
#define QUIRE_TESTS_BITS_TEST_H

#include <criterion/criterion.h>

#include "property.h"
#include "quire/bits.h"

static inline void bits_test_high(void)
{
    struct property random;
    unsigned high;

    random.state = 1;
    for (high = 0; high < 64; high++) {
        uint64_t bit = (uint64_t)1 << high;
        unsigned i;

        cr_assert_eq(quire_bits_high(bit), high);
        cr_assert_eq(quire_bits_high(bit | (bit - 1u)), high);
        for (i = 0; i < 100; i++) {
            cr_assert_eq(quire_bits_high(bit | (property_bits(&random) & (bit - 1u))), high);
        }
    }
}

static inline void bits_test_low(void)
{
    struct property random;
    unsigned low;

    random.state = 1;
    for (low = 0; low < 64; low++) {
        uint64_t bit = (uint64_t)1 << low;
        unsigned i;

        cr_assert_eq(quire_bits_low(bit), low);
        cr_assert_eq(quire_bits_low(UINT64_MAX << low), low);
        for (i = 0; i < 100; i++) {
            cr_assert_eq(quire_bits_low(bit | (property_bits(&random) & ~(bit - 1u))), low);
        }
    }
}

static inline void bits_test_one(void)
{
    unsigned high;
    unsigned low;

    cr_assert_not(quire_bits_one(0));
    cr_assert_not(quire_bits_one(UINT64_MAX));
    for (high = 0; high < 64; high++) {
        cr_assert(quire_bits_one((uint64_t)1 << high));
        for (low = 0; low < high; low++) {
            cr_assert_not(quire_bits_one((uint64_t)1 << high | (uint64_t)1 << low));
        }
    }
}

#endif
