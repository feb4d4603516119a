/* Implements the memory two worlds share, and regions: all that the test programs of the planted defects need but witness.c. */
#include "ledger.h" /* sees every fetch from shared memory */

#define QUIRE_IMPLEMENTATION
#include <quire/account.h>
#include <quire/region_check.h>
#include <quire/region_explain.h>
#include <quire/shm.h>
