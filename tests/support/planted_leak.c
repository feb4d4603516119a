/* Tests that Valgrind must refuse, one of them although it passes: the gate is run on this program to see it say no. */
#include <criterion/criterion.h>
#include <stdlib.h>

Test(planted, leak)
{
    void *volatile block = malloc(100);

    cr_assert(block != NULL);
    block = NULL;
}

Test(planted, overrun)
{
    char *block = calloc(100, 1);
    char *volatile beyond = block + 100; /* volatile: no compiler sees where it points */

    cr_expect(*beyond == 0 || *beyond != 0);
    free(block);
}

Test(planted, nothing)
{
    void *block = malloc(100);

    cr_assert(block != NULL);
    free(block);
}
