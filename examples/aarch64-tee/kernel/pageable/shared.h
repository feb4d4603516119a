/* shared.h - paged buffers that applications share by a key. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SHARED_H
#define KERNEL_SHARED_H

#include <quire/fobj.h>

#define SHARED_MAX 8u

/* The buffer with this key, npages long, with a reference for the caller; it is made if there is none. Its place is in *place, to be put
 * with shared_put() when the caller's mapping is gone. MISMATCH: it has another length; LIMIT: too many. */
enum quire_status shared_get(uint64_t key, uint32_t npages, uint32_t *place, struct quire_fobj **out);

/* One user less; the buffer ends with the last. */
void shared_put(uint32_t place);

#endif
