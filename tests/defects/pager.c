/* Implements the pager and the machine it is tested on, all that witness*.c need: all of it, or one UNIT of it. Half a library compiles
 * faster than all of it, and a defect changes one unit most of the time. Each unit comes after those it uses; what is static in
 * one of them can be used in it only. */
#define QUIRE_IMPLEMENTATION
#if UNIT == 1
#define QUIRE_POLICY_IMPLEMENTED /* where pager_check.h uses what is static in it */
#elif UNIT == 3
#undef QUIRE_POLICY_IMPLEMENTED
#endif

#if UNIT == 0 || UNIT == 1
#include <quire/io.h>
#include <quire/request.h>
#endif
#if UNIT == 0 || UNIT == 2
#include <quire/policy_2q.h>
#include <quire/policy_clock.h>
#include <quire/policy_fifo.h>
#include <quire/policy_refault.h>
#include <quire/policy_s3fifo.h>
#endif
#if UNIT == 0 || UNIT == 3
#include <quire/fobj_cow.h>
#include <quire/pager.h>
#include <quire/pager_check.h>
#endif
#if UNIT == 0 || UNIT == 4
#include <quire/pin.h>
#include <quire/rekey.h> /* beside writeback.h, whose page it saves */
#include <quire/vm.h>
#include <quire/writeback.h>
#endif
#if UNIT == 0 || UNIT == 5
#include <quire/adopt.h>
#include <quire/advise.h>
#include <quire/dirty_log.h>
#include <quire/quota.h>
#include <quire/resize.h>
#endif
#if UNIT == 0 || UNIT == 6
#include <quire/fobj_phys.h>
#include <quire/fobj_ro.h>
#include <quire/fobj_rw.h>
#include <quire/fobj_zero.h>
#include <quire/gauge.h>
#include <quire/hash_build.h>
#include <quire/pager_trace.h>
#endif
#if UNIT == 0 || UNIT == 7
#include <quire/testkit/sim_cpu.h>
#include <quire/testkit/sim_mmu.h>
#include <quire/testkit/sim_store.h>
#endif
