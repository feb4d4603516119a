/* The one unit of a test program that implements Quire. */
#include "ledger.h" /* sees every fetch from shared memory */

#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>
#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
