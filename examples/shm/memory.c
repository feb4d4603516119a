/* memory.c - the memory that two worlds share, and how each maps it. SPDX-License-Identifier: BSD-2-Clause */
#include "memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define GUARD ((size_t)1 << (sizeof(size_t) > 4 ? 34 : 24)) /* nothing is stored for it */

int memory_make(size_t size)
{
    int fd = memfd_create("shared", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    /* Without the seals the other world could cut the memory off under this one, whose next access would then be fatal. */
    if (fd >= 0 &&
        (ftruncate(fd, (off_t)size) != 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
        close(fd);
        fd = -1;
    }
    return fd;
}

void *memory_map(int fd, size_t size)
{
    void *window = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    return window != MAP_FAILED ? window : NULL;
}

void *memory_map_guarded(int fd, size_t size)
{
    unsigned char *all =
        (unsigned char *)mmap(NULL, size + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    void *window;

    if (all == MAP_FAILED) {
        return NULL;
    }
    window = mmap(all + GUARD, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
    return window != MAP_FAILED ? window : NULL;
}

/* ---- Over the socket ---- */

union control {
    struct cmsghdr header; /* for its alignment */
    unsigned char bytes[CMSG_SPACE(sizeof(int))];
};

static struct msghdr prepare(struct iovec *part, union control *control)
{
    struct msghdr message;

    memset(&message, 0, sizeof message);
    memset(control, 0, sizeof *control);
    message.msg_iov = part;
    message.msg_iovlen = 1;
    message.msg_control = control->bytes;
    message.msg_controllen = sizeof control->bytes;
    return message;
}

bool memory_send(int socket, const void *data, size_t len, int fd)
{
    struct iovec part = {(void *)(uintptr_t)data, len};
    union control control;
    struct msghdr message = prepare(&part, &control);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);

    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    return sendmsg(socket, &message, MSG_NOSIGNAL) == (ssize_t)len;
}

bool memory_receive(int socket, void *data, size_t len, int *fd)
{
    struct iovec part = {data, len};
    union control control;
    struct msghdr message = prepare(&part, &control);
    struct cmsghdr *header;

    errno = EPROTO;
    if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != (ssize_t)len) {
        return false;
    }
    header = CMSG_FIRSTHDR(&message);
    if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
        return false;
    }
    memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return true;
}
