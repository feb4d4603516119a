/* quire/quire.h - everything. SPDX-License-Identifier: BSD-2-Clause. Quire 0.4.1 */
#ifndef QUIRE_QUIRE_H
#define QUIRE_QUIRE_H

/*
 * All of Quire but the test kit and the templates (pool_type.h and pool_object_type.h want parameters), floor by floor. Each
 * header also stands alone: pager.h with vm.h, one policy and one fobj is a working pager, region.h an allocator. One unit of
 * your program defines QUIRE_IMPLEMENTATION before it includes this; base.h tells what else can be configured.
 */
#include "base.h"

#include "bits.h"
#include "list.h"
#include "refcount.h"
#include "tree.h"

#include "fobj.h"
#include "hash.h"
#include "hash_build.h"
#include "hash_tree.h"
#include "headroom.h"
#include "mmu.h"
#include "policy.h"
#include "region.h"
#include "region_check.h"
#include "region_explain.h"
#include "reloc.h"
#include "seal.h"
#include "trace.h"
#include "view.h"

#include "account.h"
#include "area.h"
#include "fobj_phys.h"
#include "fobj_ro.h"
#include "fobj_rw.h"
#include "fobj_zero.h"
#include "policy_2q.h"
#include "policy_clock.h"
#include "policy_fifo.h"
#include "policy_refault.h"
#include "policy_s3fifo.h"
#include "pool.h"

#include "pmem.h"
#include "rmap.h"

#include "file.h"
#include "fobj_cow.h"
#include "pager.h"

#include "adopt.h"
#include "advise.h"
#include "dirty_log.h"
#include "gauge.h"
#include "io.h"
#include "pager_check.h"
#include "pager_trace.h"
#include "pin.h"
#include "quota.h"
#include "rekey.h"
#include "resize.h"
#include "shm.h"
#include "vm.h"
#include "writeback.h"

#endif /* QUIRE_QUIRE_H */

/* All the others are within the guard. */
#if defined(QUIRE_IMPLEMENTATION) && defined(QUIRE_DECLARED_ONLY_)
#error "define QUIRE_IMPLEMENTATION before the first header of Quire that the unit includes"
#endif
