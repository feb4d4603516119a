/* What every unit of the link tests uses of Quire: a function of the lowest floor, and one of the pager's. */
#ifndef QUIRE_TEST_COMPILE_UNIT_H
#define QUIRE_TEST_COMPILE_UNIT_H

#include <quire/quire.h>

#ifdef __cplusplus
extern "C" {
#endif

int unit_a(void);
int unit_b(void);

static inline int unit_uses_quire(void)
{
    struct quire_pager_config config;
    static struct quire_pager pager;

    QUIRE_MEMSET(&config, 0, sizeof config);
    return quire_pager_init(&pager, &config) == QUIRE_INVALID && quire_status_name(QUIRE_OK)[0] == 'O';
}

#ifdef __cplusplus
}
#endif

#endif
