#include "unit.h"

int unit_a(void)
{
    return unit_uses_quire();
}
