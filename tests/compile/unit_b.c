/* Valid as C++ too. */
#include "unit.h"

int unit_b(void)
{
    return unit_uses_quire();
}
