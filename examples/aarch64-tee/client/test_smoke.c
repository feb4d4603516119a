#include "client/tests.h"
void test_smoke(const struct test_run *run)
{
    (void)run;
}
