/* bits.h as it is for a compiler without built-ins. */
#define QUIRE_PORTABLE_BITS
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "bits_test.h"

Test(bits_portable, high_is_the_position_of_the_highest_set_bit)
{
    bits_test_high();
}

Test(bits_portable, low_is_the_position_of_the_lowest_set_bit)
{
    bits_test_low();
}

Test(bits_portable, one_tells_powers_of_two_from_all_else)
{
    bits_test_one();
}
