#include "unit.h"

int main(void)
{
    return unit_a() && unit_b() ? 0 : 1;
}
