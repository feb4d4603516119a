/* Implements the pager and the machine it is tested on: all that witness.c needs. */
#define QUIRE_IMPLEMENTATION
#include <quire/fobj_phys.h>
#include <quire/fobj_ro.h>
#include <quire/fobj_rw.h>
#include <quire/fobj_zero.h>
#include <quire/pager_check.h>
#include <quire/pager_trace.h>
#include <quire/pin.h>
#include <quire/policy_clock.h>
#include <quire/policy_fifo.h>
#include <quire/vm.h>
#include <quire/writeback.h>

#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
