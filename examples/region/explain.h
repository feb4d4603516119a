/* explain.h - why a request fails. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_EXPLAIN_H
#define REGION_EXPLAIN_H

#include "space.h"

/* Prints what stands in the way of the request, or that nothing does: a line, and one more if returning a region would
 * help. */
void explain_request(const struct space *space, const struct quire_region_request *request);

#endif
