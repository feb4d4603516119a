/* pool.h - the pool of physical pages grows and shrinks. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_POOL_H
#define KERNEL_POOL_H

#include <quire/base.h>

/* Takes pages out of the pool, or gives back what was taken, until it has `npages`, or as near as it gets. *now is what it has then.
 * INVALID: more than it ever had, or fewer than every instruction needs to finish. */
enum quire_status pool_resize(uint64_t npages, uint64_t *now);

#endif
