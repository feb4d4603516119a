/* alias.h - the kernel's own addresses of the pool's pages: writable, until a page becomes code. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_ALIAS_H
#define KERNEL_ALIAS_H

#include <quire/mmu.h>

/*
 *     readable and writable --sync_code()--> readable     the page is about to be executable somewhere
 *              ^                                |
 *              `-------------alias_get()--------'         another content is about to be written to it, or it is wiped
 *
 * So no page is executable at one address while it can be written at another: who only reads one that is code gets it as it is. (No area
 * of this kernel is writable and executable, so nobody else writes one.) All pages of the pool are mapped for good, each by an entry of
 * its own; these are changed by vmsa.h's hooks themselves, as entries of a context that the pager does not know.
 */

/* Puts the hooks alias_get and alias_put into the table, and its sync_code in front of the one that is there. */
void alias_hooks(struct quire_mmu *mmu);

/* Makes the pages [pa, pa + npages pages), whatever they were, readable and writable: they go to the pool. Under no lock. */
void alias_take(struct quire_pa pa, size_t npages);

#endif
