/* The one unit of a test program that implements Quire. */
#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>
#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
