/* private.h - private pages: which cipher, which key, and where in normal memory they go. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PRIVATE_H
#define KERNEL_PRIVATE_H

#include <quire/fobj.h>

/* Draws the key that everything is sealed with until the next boot. Not `sealed`: pages leave as they are, only to measure without. */
enum quire_status private_init(bool sealed);

/* Takes over `bytes` bytes of normal memory at `pa`, for good. DENIED: not all of it is normal memory, or some of it is
 * what messages are in; INVALID: not whole pages; EXISTS: some of it was taken over before; NO_MEMORY. */
enum quire_status private_donate(uint64_t pa, uint64_t bytes);

/* Makes an object of private pages, all zero, with a reference for the caller. Errors as private_object_make(). */
enum quire_status private_make(uint32_t npages, struct quire_fobj **out);

#endif
