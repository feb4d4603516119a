/* slices.h - the shared parts of applications: made once for each file, found again by its tag. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SLICES_H
#define KERNEL_SLICES_H

#include <quire/file.h>

#include "kernel/pageable/image.h"

/* Begins the table of files. */
enum quire_status slices_init(void);

/* The file of an image's tag, with a reference for the caller. */
enum quire_status slices_file(const struct image *image, struct quire_file **file);

/* The pages of a segment that the file has (file_pages > 0), as a read-only object with a reference for the caller: found, or made and
 * added to the file. */
enum quire_status slices_find(struct quire_file *file, struct image *image, const struct image_segment *segment,
                              struct quire_fobj **out);

/* Do the invariants of the table of files hold? */
bool slices_check(void);

#endif
