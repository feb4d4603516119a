/* The message of the guide, and who sends and answers it. */
#ifndef SHARED_H
#define SHARED_H

#include <quire/quire.h>

/* A message: this type lives in the driver pool, and from another pool it does not compile. */
struct hash_request {
    uint64_t buffer; /* physical addresses: */
    uint64_t len;    /* the other world knows no others */
    uint32_t status;
    uint32_t sum;
};
#define QUIRE_OBJECT_NAME hash_message
#define QUIRE_OBJECT_TYPE struct hash_request
#define QUIRE_OBJECT_POOL quire_shm_driver_pool
#include <quire/pool_object_type.h>

enum quire_status kernel_share(uintptr_t va, uint64_t pa, uint64_t size, struct quire_shm_refusal *why);
enum quire_status kernel_ask(const void *data, size_t len, struct hash_message *message, struct quire_shm_buffer **buffer);
enum quire_status kernel_answer(const struct quire_view *window, struct quire_pa pa);

#endif
