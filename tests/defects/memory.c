/* Implements the memory two worlds share, regions, accounts and policies, all that the test programs of the planted defects need but
 * witness*.c: all of it, or one UNIT of it (see pager.c). */
#include "ledger.h" /* sees every fetch from shared memory */

#define QUIRE_IMPLEMENTATION
#if UNIT == 0 || UNIT == 1
#include <quire/account.h>
#include <quire/pmem.h>
#include <quire/policy_2q.h>
#include <quire/policy_refault.h>
#include <quire/policy_s3fifo.h>
#endif
#if UNIT == 0 || UNIT == 2
#include <quire/region_check.h>
#include <quire/region_explain.h>
#endif
#if UNIT == 0 || UNIT == 3
#include <quire/shm.h>
#endif
