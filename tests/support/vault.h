/* A sealed object over memory that the test can change, roll back and fail: what the tests of sealing stand on. */
#ifndef VAULT_H
#define VAULT_H

#include "cipher.h"
#include "quire/fobj_rw.h"

/*
 *     vault_start(&vault, 32, &cipher.sealer, NULL);     32 pages, metadata in an array; or in pages of another vault
 *     rig_map(&vm, &vault.rw.base, ...);
 *     memcpy(vault_page(&vault, 3), older, PAGE);        the attacker
 *     vault_put(&vault);                                 its creator's reference
 *     vault_stop(&vault);                                frees its memory, when nothing refers to it any more
 */
struct vault {
    struct quire_fobj_rw rw;
    unsigned char *bytes; /* the store */
    uint32_t *slots;
    struct quire_seal_meta *meta; /* null: in pages of a parent */
    uint32_t npages;
    pthread_mutex_t mutex; /* for the counts */
    uint64_t reads;
    uint64_t writes;
    uint64_t read_nth; /* counted down: this read fails; 0: none */
    uint64_t write_nth;
    bool writes_half; /* a write that fails has written half of the page */
    enum quire_status says;
    uint32_t released;
    void (*before)(struct vault *vault, bool read); /* called in each read and write, without the mutex. Null: nothing */
    void *user;
};

/* `sealer` null: not sealed. */
enum quire_status vault_start(struct vault *vault, uint32_t npages, struct quire_sealer *sealer, struct vault *parent);
/* The same, in storage that an earlier object left (its slots, its metadata, its store), as it left it. */
enum quire_status vault_again(struct vault *vault, struct quire_sealer *sealer, struct vault *parent);
unsigned char *vault_page(const struct vault *vault, uint32_t pgidx);
enum quire_status vault_put(struct vault *vault);
void vault_stop(struct vault *vault);

#endif
