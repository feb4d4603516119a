/* memory.h - the memory that two worlds share, and how each maps it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_MEMORY_H
#define SHM_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A memfd stands for the physical memory. That its descriptor has to travel between processes is this demonstration's own
 * affair: both processors of a real machine see the same memory anyway.
 *
 *         secure world:  [ no access ][ window ][ no access ]        touching anything beside the window is a fault
 */

/* Makes `size` bytes of memory that nobody can shrink; returns the descriptor, or -1 with errno. */
int memory_make(size_t size);

/* Maps it between guards in which every access faults. Null with errno. */
void *memory_map_guarded(int fd, size_t size);

/* Maps it. Null with errno. */
void *memory_map(int fd, size_t size);

/* Send and receive `len` bytes over a socket, with the descriptor. False with errno, or if the other side is gone. */
bool memory_send(int socket, const void *data, size_t len, int fd);
bool memory_receive(int socket, void *data, size_t len, int *fd);

#endif
