/* The README's guide to regions: where things go in an address space. */
#include "kernel.h"

#define DEVICES_MAX 16u

static struct quire_region_book book;
static struct quire_region_allocator devices;

/* Physical addresses of devices: 4 KiB units, 2 MiB blocks found as surely as pages. */
enum quire_status kernel_plan_devices(uint64_t base, uint64_t last)
{
    static uint64_t slab[(2 * DEVICES_MAX + 1) * QUIRE_REGION_NODE_BYTES(2, true) / sizeof(uint64_t)];
    static uint64_t table[QUIRE_REGION_TABLE_BYTES(2, 6, 20) / sizeof(uint64_t)];
    static const uint64_t block = 2u << 20;
    struct quire_region_config config = {0};
    enum quire_status status = quire_region_book_init(&book, 2, true, 0);

    if (status == QUIRE_OK) {
        status = quire_region_book_add_slab(&book, slab, sizeof slab);
    }
    if (status != QUIRE_OK) {
        return status;
    }
    config.book = &book; /* what is known about regions and holes; other allocators may share it */
    config.table = table;
    config.table_bytes = sizeof table;
    config.unit = 4096;
    config.align = &block;
    config.naligns = 1;
    config.exact_log = 6; /* a small table for a small space: */
    config.span_log = 20; /* no hole above 2^20 units is expected */
    config.indexed = true;
    status = quire_region_init(&devices, &config);
    return status == QUIRE_OK ? quire_region_add(&devices, base, last, 0) : status;
}

/* Anywhere above 16 MiB, with an unmapped page on each side. */
enum quire_status kernel_place_device(uint64_t size, struct quire_region *region)
{
    struct quire_region_request request = {0};

    request.size = size;
    request.min = 16u << 20;
    request.guard_before = 4096;
    request.guard_after = 4096;
    request.policy = QUIRE_REGION_LOWEST;
    return quire_region_get_for(&devices, &request, region);
}

int guide_regions(void)
{
    struct quire_region fixed;
    struct quire_region block;
    struct quire_region device;
    struct quire_region found;
    int wrong = 0;

    wrong += kernel_plan_devices(0, 0xffffffff) != QUIRE_OK;
    wrong += quire_region_get_at(&devices, 0x09000000, 0x09000fff, &fixed) != QUIRE_OK;
    wrong += quire_region_get(&devices, 2u << 20, 2u << 20, &block) != QUIRE_OK || block.base % (2u << 20) != 0;
    wrong += kernel_place_device(0x1000, &device) != QUIRE_OK || device.base != (16u << 20) + 4096;
    wrong += quire_region_find(&devices, device.base + 8, &found) != QUIRE_OK || found.base != device.base;
    wrong += quire_region_find(&devices, device.base - 8, &found) != QUIRE_DENIED; /* the guard */
    wrong += quire_region_put(&devices, &device) != QUIRE_OK;
    wrong += quire_region_put(&devices, &device) != QUIRE_DEAD; /* a second time */
    wrong += quire_region_check(&devices, NULL) != QUIRE_OK;
    wrong += quire_region_put(&devices, &block) != QUIRE_OK || quire_region_put(&devices, &fixed) != QUIRE_OK;
    wrong += quire_region_fini(&devices) != QUIRE_OK || quire_region_book_fini(&book) != QUIRE_OK;
    return wrong;
}
