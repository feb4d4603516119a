#include "vault.h"

#include <stdlib.h>
#include <string.h>

#define PAGE QUIRE_PAGE_SIZE

static bool fails(struct vault *vault, uint64_t *calls, uint64_t *nth)
{
    bool now;

    pthread_mutex_lock(&vault->mutex);
    (*calls)++;
    now = *nth != 0 && --*nth == 0;
    pthread_mutex_unlock(&vault->mutex);
    return now;
}

static enum quire_status vault_read(void *ctx, uint32_t pgidx, void *page)
{
    struct vault *vault = ctx;

    if (vault->before != NULL) {
        vault->before(vault, true);
    }
    if (fails(vault, &vault->reads, &vault->read_nth)) {
        return vault->says;
    }
    memcpy(page, vault_page(vault, pgidx), PAGE);
    return QUIRE_OK;
}

static enum quire_status vault_write(void *ctx, uint32_t pgidx, const void *page)
{
    struct vault *vault = ctx;

    if (vault->before != NULL) {
        vault->before(vault, false);
    }
    if (fails(vault, &vault->writes, &vault->write_nth)) {
        memcpy(vault_page(vault, pgidx), page, vault->writes_half ? PAGE / 2u : 0);
        return vault->says;
    }
    memcpy(vault_page(vault, pgidx), page, PAGE);
    return QUIRE_OK;
}

static void vault_release(void *ctx, struct quire_fobj *fobj)
{
    struct vault *vault = ctx;

    (void)fobj;
    pthread_mutex_lock(&vault->mutex);
    vault->released++;
    pthread_mutex_unlock(&vault->mutex);
}

enum quire_status vault_again(struct vault *vault, struct quire_sealer *sealer, struct vault *parent)
{
    struct quire_fobj_rw_config config;

    memset(&config, 0, sizeof config);
    config.num_pages = vault->npages;
    config.slots = vault->slots;
    config.store.ctx = vault;
    config.store.npages = vault->npages;
    config.store.read = vault_read;
    config.store.write = vault_write;
    config.sealing.sealer = sealer;
    config.sealing.meta = vault->meta;
    config.sealing.meta_fobj = parent != NULL ? &parent->rw.base : NULL;
    config.ctx = vault;
    config.release = vault_release;
    return quire_fobj_rw_init(&vault->rw, &config);
}

enum quire_status vault_start(struct vault *vault, uint32_t npages, struct quire_sealer *sealer, struct vault *parent)
{
    memset(vault, 0, sizeof *vault);
    pthread_mutex_init(&vault->mutex, NULL);
    vault->npages = npages;
    vault->says = QUIRE_IO;
    vault->bytes = calloc(npages, PAGE);
    vault->slots = calloc(npages, sizeof *vault->slots);
    vault->meta = sealer != NULL && parent == NULL ? calloc(npages, sizeof *vault->meta) : NULL;
    return vault_again(vault, sealer, parent);
}

unsigned char *vault_page(const struct vault *vault, uint32_t pgidx)
{
    return vault->bytes + (size_t)pgidx * PAGE;
}

enum quire_status vault_put(struct vault *vault)
{
    return quire_fobj_put(&vault->rw.base);
}

void vault_stop(struct vault *vault)
{
    free(vault->bytes);
    free(vault->slots);
    free(vault->meta);
    pthread_mutex_destroy(&vault->mutex);
}
