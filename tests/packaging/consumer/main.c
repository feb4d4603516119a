/* A stranger's program: the smallest use of Quire that needs its implementation. */
#include <stdio.h>

#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>

int main(void)
{
    struct quire_pager pager;
    struct quire_pager_config config = {0};

    printf("Quire %s: an empty configuration is %s\n", QUIRE_VERSION, quire_status_name(quire_pager_init(&pager, &config)));
    return quire_pager_init(&pager, &config) == QUIRE_INVALID ? 0 : 1;
}
