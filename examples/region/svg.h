/* svg.h - draws the map of a space. SPDX-License-Identifier: BSD-2-Clause */
#ifndef REGION_SVG_H
#define REGION_SVG_H

#include "space.h"

/* Draws the space into the file `path`: one self-contained SVG picture. Returns null, or what went wrong. */
const char *svg_draw(const struct space *space, const char *title, const char *path);

#endif
