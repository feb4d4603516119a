/* Buffers of shm.h in contexts: mapped in several, they live until the last has let go, and come back clean. */
#include "rig_test.h"

#include "quire/shm.h"

#define SHARED 16u /* pages that the other world sees too, behind the pool's */
#define CONTEXTS 3u
#define ROUNDS 4u

static struct rig rig;
static struct quire_vm vms[CONTEXTS];
static struct quire_shm shm;
static unsigned char *memory;

static uint64_t shared_pa(void)
{
    return RIG_PA + 16u * RIG_PAGE;
}

static void begin(void)
{
    static uint64_t driver_book[QUIRE_SHM_DRIVER_BOOK_BYTES(2, 8) / sizeof(uint64_t) + 1u];
    static uint64_t client_book[QUIRE_SHM_CLIENT_BOOK_BYTES(SHARED * RIG_PAGE, 4) / sizeof(uint64_t) + 1u];
    static struct quire_shm_buffer buffers[2];
    struct rig_config config = {.eager = true, .more_pages = SHARED};
    struct quire_shm_config found;
    struct quire_pager_config pager;
    uintptr_t key;
    unsigned i;

    rig_start(&rig, &config);
    for (i = 0; i < CONTEXTS; i++) {
        rig_vm_start(&rig, &vms[i]);
    }
    pager = rig_pager_config(&rig);
    key = pager.mmu->lock(pager.mmu->ctx);
    memory = pager.mmu->alias_get(pager.mmu->ctx, quire_pa_make(shared_pa()));
    pager.mmu->alias_put(pager.mmu->ctx, quire_pa_make(shared_pa()), memory);
    pager.mmu->unlock(pager.mmu->ctx, key);
    cr_assert_not_null(memory);
    memset(memory, 0x5a, SHARED * RIG_PAGE);
    memset(&found, 0, sizeof found);
    found.pa = quire_pa_make(shared_pa());
    found.va = (uintptr_t)memory;
    found.size = SHARED * RIG_PAGE;
    found.driver_pages = 2;
    found.driver_book = driver_book;
    found.driver_book_bytes = sizeof driver_book;
    found.client_book = client_book;
    found.client_book_bytes = sizeof client_book;
    found.buffers = buffers;
    found.num_buffers = 2;
    EXPECT(quire_shm_init(&shm, &found, NULL), QUIRE_OK);
}

static void end(void)
{
    EXPECT(quire_shm_fini(&shm, NULL, NULL), QUIRE_OK);
    END(&rig);
}

Test(shm_mapped, a_buffer_is_seen_by_every_context_that_maps_it_and_by_the_other_world)
{
    struct quire_shm_buffer *buffer;
    struct quire_view view;
    char text[6];
    unsigned i;

    begin();
    EXPECT(quire_shm_alloc(&shm, 3u * RIG_PAGE - 5u, &buffer), QUIRE_OK);
    for (i = 0; i < CONTEXTS; i++) {
        EXPECT(rig_map(&vms[i], &buffer->phys.base, RIG_AT(4u * i), RW), QUIRE_OK);
    }
    EXPECT(rig_write(&rig, &vms[0], RIG_VA + RIG_PAGE - 2u, "hello", 6), QUIRE_OK);
    EXPECT(rig_read(&rig, &vms[2], RIG_AT(8) + RIG_PAGE - 2u, text, 6), QUIRE_OK);
    cr_expect_str_eq(text, "hello");
    EXPECT(quire_shm_view(buffer, &view), QUIRE_OK);
    cr_expect_eq(memcmp(memory + (view.pa.addr - shared_pa()) + RIG_PAGE - 2u, "hello", 6), 0);
    EXPECT_SOUND(&rig);
    for (i = 0; i < CONTEXTS; i++) {
        EXPECT(quire_vm_unmap(&vms[i], RIG_AT(4u * i), 3), QUIRE_OK);
    }
    EXPECT(quire_shm_put(buffer), QUIRE_OK);
    end();
}

Test(shm_mapped, a_buffer_goes_back_clean_with_the_last_context_that_shows_it)
{
    unsigned round;

    begin();
    for (round = 0; round < ROUNDS; round++) {
        struct quire_shm_buffer *buffer;
        struct quire_shm_buffer *found;
        struct quire_view view;
        uint64_t pa;
        size_t i;
        unsigned c;

        EXPECT(quire_shm_alloc(&shm, 3u * RIG_PAGE, &buffer), QUIRE_OK);
        pa = buffer->phys.pa.addr;
        for (c = 0; c < CONTEXTS; c++) {
            EXPECT(rig_map(&vms[c], &buffer->phys.base, RIG_VA, RW), QUIRE_OK);
        }
        EXPECT(quire_shm_put(buffer), QUIRE_OK);
        EXPECT(rig_write(&rig, &vms[1], RIG_AT(2), "secret", 6), QUIRE_OK);
        EXPECT(quire_shm_fini(&shm, NULL, NULL), QUIRE_BUSY);
        for (c = 0; c < CONTEXTS; c++) {
            EXPECT(quire_shm_find_buffer(&shm, quire_pa_make(pa), 1, &found, &view), QUIRE_OK);
            cr_expect_eq(found, buffer);
            EXPECT(quire_shm_put(found), QUIRE_OK);
            cr_expect_eq(memcmp(memory + (pa - shared_pa()) + 2u * RIG_PAGE, "secret", 6), 0, "wiped under context %u", c);
            EXPECT(quire_vm_unmap(&vms[c], RIG_VA, 3), QUIRE_OK);
        }
        EXPECT(quire_shm_find_buffer(&shm, quire_pa_make(pa), 1, &found, &view), QUIRE_NOT_FOUND);
        for (i = 0; i < 3u * RIG_PAGE; i++) {
            cr_assert_eq(memory[pa - shared_pa() + i], 0, "byte %zu was left behind", i);
        }
    }
    end();
}
