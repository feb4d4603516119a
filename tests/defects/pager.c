/* Implements the pager and the machine it is tested on: all that witness.c needs. */
#define QUIRE_IMPLEMENTATION
#include <quire/adopt.h>
#include <quire/advise.h>
#include <quire/dirty_log.h>
#include <quire/fobj_phys.h>
#include <quire/fobj_ro.h>
#include <quire/fobj_rw.h>
#include <quire/fobj_zero.h>
#include <quire/gauge.h>
#include <quire/io.h>
#include <quire/pager_check.h>
#include <quire/pager_trace.h>
#include <quire/pin.h>
#include <quire/policy_2q.h>
#include <quire/policy_clock.h>
#include <quire/policy_fifo.h>
#include <quire/policy_refault.h>
#include <quire/policy_s3fifo.h>
#include <quire/quota.h>
#include <quire/resize.h>
#include <quire/vm.h>
#include <quire/writeback.h>

#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
