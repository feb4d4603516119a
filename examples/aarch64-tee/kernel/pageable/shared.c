/* shared.c - paged buffers that applications share by a key. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/pageable/shared.h"

#include "kernel/mutex.h"
#include "kernel/pageable/private.h"

static struct {
    uint64_t key;
    uint32_t users; /* 0: unused */
    struct quire_fobj *fobj;
} buffers[SHARED_MAX];
static struct mutex mutex;

static uint32_t find(uint64_t key)
{
    uint32_t unused = SHARED_MAX;
    uint32_t i;

    for (i = 0; i < SHARED_MAX; i++) {
        if (buffers[i].users != 0 && buffers[i].key == key) {
            return i;
        }
        unused = buffers[i].users == 0 && unused == SHARED_MAX ? i : unused;
    }
    return unused;
}

static enum quire_status get(uint64_t key, uint32_t npages, uint32_t *place)
{
    uint32_t i = find(key);
    enum quire_status status = QUIRE_OK;

    if (i == SHARED_MAX) {
        return QUIRE_LIMIT;
    }
    if (buffers[i].users == 0) {
        status = private_make(npages, &buffers[i].fobj);
        buffers[i].key = key;
    } else if (buffers[i].fobj->num_pages != npages) {
        status = QUIRE_MISMATCH;
    }
    if (status == QUIRE_OK) {
        buffers[i].users++;
        *place = i;
    }
    return status;
}

enum quire_status shared_get(uint64_t key, uint32_t npages, uint32_t *place, struct quire_fobj **out)
{
    enum quire_status status;

    mutex_lock(&mutex);
    status = get(key, npages, place);
    if (status == QUIRE_OK) {
        *out = buffers[*place].fobj;
        status = quire_fobj_get(*out);
    }
    mutex_unlock(&mutex);
    return status;
}

void shared_put(uint32_t place)
{
    mutex_lock(&mutex);
    buffers[place].users--;
    if (buffers[place].users == 0) {
        (void)quire_fobj_put(buffers[place].fobj);
    }
    mutex_unlock(&mutex);
}
