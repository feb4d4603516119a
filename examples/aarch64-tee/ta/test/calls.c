/* calls.c - the system calls, as the test does them. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/test/calls.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#define PAGES_MAX 0x8000u /* at once: less than the applications would ask for */
#define LOG_MAX 256u
#define RANDOM_MAX 256u
#define BUFFERS 16u

/* ---- Regions ---- */

const struct region *region_of(const struct regions *regions, uint64_t at, uint64_t bytes, int prot)
{
    size_t i;

    for (i = 0; i < REGIONS; i++) {
        const struct region *region = &regions->region[i];

        if (region->kind != REGION_FREE && at >= region->at && at - region->at <= region->bytes &&
            bytes <= region->bytes - (at - region->at) && (region->prot & prot) == prot) {
            return region;
        }
    }
    return NULL;
}

struct region *region_add(struct regions *regions, enum region_kind kind, uintptr_t at, size_t bytes, int prot)
{
    size_t i;

    for (i = 0; i < REGIONS; i++) {
        struct region *region = &regions->region[i];

        if (region->kind == REGION_FREE) {
            *region = (struct region){kind, prot, at, bytes, 0};
            return region;
        }
    }
    return NULL;
}

/* ---- Shared buffers ---- */

/* Memory without a name that each attached instance maps. It ends with the last of them. */
struct buffer {
    unsigned users;
    uint64_t key;
    size_t bytes;
    int fd;
};

static struct buffer buffers[BUFFERS];
static pthread_mutex_t buffers_lock = PTHREAD_MUTEX_INITIALIZER;

static struct buffer *buffer_of(uint64_t key, bool used)
{
    size_t i;

    for (i = 0; i < BUFFERS; i++) {
        if (used ? buffers[i].users > 0 && buffers[i].key == key : buffers[i].users == 0) {
            return &buffers[i];
        }
    }
    return NULL;
}

/* Returns what maps it, or -1. */
static int buffer_get(uint64_t key, size_t bytes)
{
    struct buffer *buffer = buffer_of(key, true);

    if (buffer == NULL) {
        int fd = memfd_create("shared", 0);

        buffer = buffer_of(key, false);
        if (buffer == NULL || fd < 0 || ftruncate(fd, (off_t)bytes) != 0) {
            return -1;
        }
        *buffer = (struct buffer){0, key, bytes, fd};
    }
    if (buffer->bytes != bytes) {
        return -1;
    }
    buffer->users++;
    return buffer->fd;
}

static void buffer_put(uint64_t key)
{
    struct buffer *buffer = buffer_of(key, true);

    if (--buffer->users == 0) {
        close(buffer->fd);
    }
}

/* ---- Calls on memory ---- */

/* With a guard page on both sides. */
static void *map(size_t bytes, int prot, int fd)
{
    unsigned char *at = mmap(NULL, bytes + 2u * TEST_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int flags = fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED;

    if (at == MAP_FAILED || mmap(at + TEST_PAGE, bytes, prot, flags | MAP_FIXED, fd, 0) == MAP_FAILED) {
        return NULL;
    }
    return at + TEST_PAGE;
}

static void unmap(struct region *region)
{
    if (region->kind == REGION_SHARED) {
        pthread_mutex_lock(&buffers_lock);
        buffer_put(region->key);
        pthread_mutex_unlock(&buffers_lock);
    }
    munmap((unsigned char *)region->at - TEST_PAGE, region->bytes + 2u * TEST_PAGE);
    region->kind = REGION_FREE;
}

static int64_t call_map(struct regions *regions, uint64_t pages, uint64_t access)
{
    struct region *region;
    void *at;

    if (pages == 0 || access == 0 || (access & ~(uint64_t)(TA_MAP_READ | TA_MAP_WRITE)) != 0) {
        return TA_ERROR_BAD;
    }
    if (pages > PAGES_MAX || (at = map(pages * TEST_PAGE, (int)access, -1)) == NULL) {
        return TA_ERROR_MEMORY;
    }
    region = region_add(regions, REGION_MAPPED, (uintptr_t)at, pages * TEST_PAGE, (int)access);
    return region != NULL ? (int64_t)region->at : TA_ERROR_MEMORY;
}

static int64_t call_share(struct regions *regions, uint64_t key, uint64_t pages)
{
    struct region *region = NULL;
    void *at;
    int fd;

    if (pages == 0) {
        return TA_ERROR_BAD;
    }
    if (pages > PAGES_MAX) {
        return TA_ERROR_MEMORY;
    }
    pthread_mutex_lock(&buffers_lock);
    fd = buffer_get(key, pages * TEST_PAGE);
    at = fd >= 0 ? map(pages * TEST_PAGE, PROT_READ | PROT_WRITE, fd) : NULL;
    if (at != NULL) {
        region = region_add(regions, REGION_SHARED, (uintptr_t)at, pages * TEST_PAGE, PROT_READ | PROT_WRITE);
    }
    pthread_mutex_unlock(&buffers_lock);
    if (region == NULL) {
        return TA_ERROR_MEMORY;
    }
    region->key = key;
    return (int64_t)region->at;
}

static int64_t call_unmap(struct regions *regions, uint64_t at, uint64_t pages)
{
    size_t i;

    for (i = 0; i < REGIONS; i++) {
        struct region *region = &regions->region[i];

        if ((region->kind == REGION_MAPPED || region->kind == REGION_SHARED) && region->at == at &&
            pages == region->bytes / TEST_PAGE) {
            unmap(region);
            return 0;
        }
    }
    return TA_ERROR_BAD;
}

/* The region that TA_MAP gave and that has these pages. */
static struct region *mapped(struct regions *regions, uint64_t at, uint64_t pages)
{
    const struct region *region = NULL;

    if (at % TEST_PAGE == 0 && pages > 0 && pages <= PAGES_MAX) {
        region = region_of(regions, at, pages * TEST_PAGE, 0);
    }
    return region != NULL && region->kind == REGION_MAPPED ? &regions->region[region - regions->region] : NULL;
}

static int64_t call_protect(struct regions *regions, uint64_t at, uint64_t pages, uint64_t access)
{
    struct region *region = mapped(regions, at, pages);

    if (region == NULL || access == 0 || (access & ~(uint64_t)(TA_MAP_READ | TA_MAP_WRITE)) != 0 || region->at != at ||
        region->bytes != pages * TEST_PAGE || mprotect((void *)region->at, region->bytes, (int)access) != 0) {
        return TA_ERROR_BAD;
    }
    region->prot = (int)access;
    return 0;
}

static int64_t call_random(const struct regions *regions, uint64_t at, uint64_t bytes)
{
    if (bytes > RANDOM_MAX || region_of(regions, at, bytes, PROT_WRITE) == NULL) {
        return TA_ERROR_BAD;
    }
    return getrandom((void *)(uintptr_t)at, bytes, 0) == (ssize_t)bytes ? 0 : TA_ERROR_BAD;
}

static int64_t call_log(const struct regions *regions, uint64_t at, uint64_t bytes)
{
    if (bytes > LOG_MAX || region_of(regions, at, bytes, PROT_READ) == NULL) {
        return TA_ERROR_BAD;
    }
    printf("# %.*s\n", (int)bytes, (const char *)(uintptr_t)at);
    return 0;
}

int64_t calls_do(struct regions *regions, uint64_t number, const unsigned long long *regs)
{
    switch (number) {
    case TA_RETURN:
        calls_return((uint32_t)regs[0]);
    case TA_PANIC:
        calls_kill();
    case TA_LOG:
        return call_log(regions, regs[0], regs[1]);
    case TA_MAP:
        return call_map(regions, regs[0], regs[1]);
    case TA_UNMAP:
        return call_unmap(regions, regs[0], regs[1]);
    case TA_SHARE:
        return call_share(regions, regs[0], regs[1]);
    case TA_RANDOM:
        return call_random(regions, regs[0], regs[1]);
    case TA_PROTECT:
        return call_protect(regions, regs[0], regs[1], regs[2]);
    case TA_ADVISE:
        return regs[2] <= TA_ADVICE_FREE && mapped(regions, regs[0], regs[1]) != NULL ? 0 : TA_ERROR_BAD;
    default:
        return TA_ERROR_BAD;
    }
}

void calls_give_back(struct regions *regions)
{
    size_t i;

    for (i = 0; i < REGIONS; i++) {
        if (regions->region[i].kind == REGION_MAPPED || regions->region[i].kind == REGION_SHARED) {
            unmap(&regions->region[i]);
        }
    }
}
