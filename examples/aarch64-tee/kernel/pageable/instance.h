/* instance.h - an application's context: made from its image, and taken down. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_INSTANCE_H
#define KERNEL_INSTANCE_H

#include "kernel/session.h"

/* Makes the context of a session: segments, stack, account. The caller has the session and the image. On error nothing is left. */
enum quire_status instance_make(struct session *session, struct image *image);

/* Takes it down: nothing of it is left. */
void instance_end(struct session *session);

/* How the kernel reads and writes an application's memory: with no more permissions than that has. */
struct quire_vm_copy instance_access(void);

/* Maps npages pages of `fobj` from its page 0 at the lowest free place in the upper half, with guards, and notes the range. */
enum quire_status instance_map(struct session *session, struct quire_fobj *fobj, uint32_t npages, unsigned prot,
                               uint32_t shared, uintptr_t *va);

/* The range of exactly these pages that the application asked for; null: there is none. */
struct session_range *instance_range(struct session *session, uintptr_t va, uint64_t npages);

/* Makes an object of private pages that is charged to the session: zeros, sealed when they leave. With a reference for the caller. */
enum quire_status instance_private(struct session *session, uint32_t npages, struct quire_fobj **out);

#endif
