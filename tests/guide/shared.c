/* The README's guide to the memory two worlds share. */
#include "kernel.h"
#include "shared.h"

#define SHARED_PAGES 32u
#define BUFFERS 8u
#define MESSAGES 16u

static struct quire_shm shm;

/* What was discovered becomes a pool of messages (4 pages) and a pool of buffers (the rest), or is refused with a reason. */
enum quire_status kernel_share(uintptr_t va, uint64_t pa, uint64_t size, struct quire_shm_refusal *why)
{
    static const struct quire_shm_range secure = {0x0e000000, 0x0effffff};
    static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(QUIRE_SHM_DRIVER_PAGES, MESSAGES) / sizeof(uint64_t)];
    static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SHARED_PAGES * QUIRE_PAGE_SIZE, BUFFERS) / sizeof(uint64_t)];
    static struct quire_shm_buffer buffers[BUFFERS];
    struct quire_shm_config config = {0};

    config.va = va;
    config.pa = quire_pa_make(pa);
    config.size = size;
    config.secure = &secure;
    config.num_secure = 1;
    config.driver_book = driver_book;
    config.driver_book_bytes = sizeof driver_book;
    config.client_book = client_book;
    config.client_book_bytes = sizeof client_book;
    config.buffers = buffers;
    config.num_buffers = BUFFERS;
    return quire_shm_init(&shm, &config, why);
}

/* The driver's side: a request in the driver pool, its data in a buffer; what the other world is told is an address. On an error
 * nothing is out. */
enum quire_status kernel_ask(const void *data, size_t len, struct hash_message *message, struct quire_shm_buffer **buffer)
{
    struct hash_request request = {0};
    struct quire_view view;
    enum quire_status status = quire_shm_alloc(&shm, len, buffer);

    if (status != QUIRE_OK) {
        return status;
    }
    status = quire_shm_view(*buffer, &view);
    if (status == QUIRE_OK) {
        status = quire_view_write(&view, 0, data, len);
    }
    if (status == QUIRE_OK) {
        status = hash_message_new(&shm.driver, message);
    }
    if (status == QUIRE_OK) {
        request.buffer = view.pa.addr;
        request.len = len;
        status = hash_message_store(&shm.driver, message, &request);
        if (status != QUIRE_OK) {
            hash_message_delete(&shm.driver, message);
        }
    }
    if (status != QUIRE_OK) {
        quire_shm_put(*buffer);
        *buffer = NULL;
    }
    return status;
}

/* The other side, which trusts nothing: `window` is the memory it shares, `pa` what it was told. */
enum quire_status kernel_answer(const struct quire_view *window, struct quire_pa pa)
{
    struct quire_view message;
    struct quire_view buffer;
    struct quire_snapshot request;
    unsigned char copy[sizeof(struct hash_request)];
    unsigned char data[64];
    uint64_t at;
    uint64_t len;
    uint32_t sum = 0;
    enum quire_status status = quire_view_slice_pa(window, pa, sizeof copy, &message);

    /* Once, and whole. Nobody can change the request between the check of a field and its use. */
    if (status != QUIRE_OK || (status = quire_view_snapshot(&message, 0, copy, sizeof copy, &request)) != QUIRE_OK ||
        (status = quire_snapshot_u64(&request, 0, &at)) != QUIRE_OK ||
        (status = quire_snapshot_u64(&request, 8, &len)) != QUIRE_OK) {
        return status;
    }
    status = quire_view_slice_pa(window, quire_pa_make(at), len, &buffer);
    if (status == QUIRE_OK && at < pa.addr + sizeof copy && pa.addr < at + len) {
        status = QUIRE_INVALID; /* the message as its own data: its bytes would be read a second time */
    }
    if (status == QUIRE_OK && len > sizeof data) {
        status = QUIRE_LIMIT;
    }
    if (status == QUIRE_OK) {
        status = quire_view_snapshot(&buffer, 0, data, (size_t)len, &request);
    }
    if (status == QUIRE_OK) {
        while (len-- > 0) {
            sum = sum * 31u + data[len];
        }
        status = quire_view_store32(&message, 20, sum);
    }
    return status;
}

/* What a request that points at `buffer` gets: an answer, or a status. */
static enum quire_status send(const struct quire_view *window, struct hash_message *message, uint64_t buffer)
{
    struct quire_view view;
    struct quire_pa pa;

    if (hash_message_view(&shm.driver, message, &view) != QUIRE_OK || quire_view_store64(&view, 0, buffer) != QUIRE_OK ||
        hash_message_pa(&shm.driver, message, &pa) != QUIRE_OK) {
        return QUIRE_CORRUPT;
    }
    return kernel_answer(window, pa);
}

int guide_shared(void)
{
    static union {
        unsigned char byte[SHARED_PAGES][QUIRE_PAGE_SIZE];
        uint64_t align;
    } memory;
    const uint64_t pa = 0x42e00000;
    uintptr_t va = ((uintptr_t)memory.byte + QUIRE_PAGE_MASK) & ~(uintptr_t)QUIRE_PAGE_MASK;
    const uint64_t size = (SHARED_PAGES - 1u) * QUIRE_PAGE_SIZE;
    struct quire_shm_refusal why;
    struct quire_shm_buffer *buffer = NULL;
    struct hash_message message;
    struct hash_request answer;
    struct quire_view window;
    int wrong = 0;

    wrong += kernel_share(va, 0x0effe000, size, &why) != QUIRE_DENIED || why.reason != QUIRE_SHM_SECURE;
    wrong += kernel_share(va, pa, size, &why) != QUIRE_OK || quire_view_make(va, quire_pa_make(pa), size, &window) != QUIRE_OK;
    wrong += wrong != 0 || kernel_ask("abc", 3, &message, &buffer) != QUIRE_OK;
    if (wrong == 0) {
        wrong += send(&window, &message, buffer->phys.pa.addr) != QUIRE_OK;
        wrong += hash_message_fetch(&shm.driver, &message, &answer) != QUIRE_OK || answer.sum != ('c' * 31u + 'b') * 31u + 'a';
        wrong += send(&window, &message, 0x0e000000) != QUIRE_INVALID;     /* secure memory: outside the window */
        wrong += send(&window, &message, pa + size - 2u) != QUIRE_INVALID; /* a byte too far */
        wrong += quire_shm_fini(&shm, NULL, NULL) != QUIRE_BUSY;
        wrong += hash_message_delete(&shm.driver, &message) != QUIRE_OK || quire_shm_put(buffer) != QUIRE_OK;
        wrong += quire_shm_fini(&shm, NULL, NULL) != QUIRE_OK;
    }
    return wrong;
}
