/* Implements the memory two worlds share, regions, accounts and policies: all that the test programs of the planted defects need but
 * witness*.c. */
#include "ledger.h" /* sees every fetch from shared memory */

#define QUIRE_IMPLEMENTATION
#include <quire/account.h>
#include <quire/pmem.h>
#include <quire/policy_2q.h>
#include <quire/policy_refault.h>
#include <quire/policy_s3fifo.h>
#include <quire/region_check.h>
#include <quire/region_explain.h>
#include <quire/shm.h>
