/* bits.h: the highest and the lowest set bit, with the compiler's help; bits_portable.c is the same without. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>

#include "bits_test.h"

Test(bits, high_is_the_position_of_the_highest_set_bit)
{
    bits_test_high();
}

Test(bits, low_is_the_position_of_the_lowest_set_bit)
{
    bits_test_low();
}

Test(bits, one_tells_powers_of_two_from_all_else)
{
    bits_test_one();
}
