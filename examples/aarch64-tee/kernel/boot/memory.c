/* memory.c - secure memory, divided; and the kernel's own address space. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/boot/memory.h"

#include "abi/world.h"
#include "kernel/boot/image.h"
#include "kernel/cpu.h"
#include "kernel/layout.h"
#include "kernel/log.h"
#include "kernel/paging.h"
#include "kernel/processor.h"
#include "lib/memory.h"

#define FLASH_BYTES 0x00800000u
#define BLOCK_BYTES UINT64_C(0x200000)

/* Of a block entry: readable and executable by EL1, global, normal memory, inner shareable, accessed. */
#define ENTRY_CODE (UINT64_C(1) << 54 | 2u << 6 | 3u << 8 | 1u << 10 | 1u)
#define ENTRY_TABLE 3u

/* Through these a further processor switches its MMU on (start.S): the 2 MiB that the kernel's image lies in, read-only. */
uint64_t kernel_identity[512] __attribute__((aligned(4096), section(".resident.data")));
static uint64_t identity_blocks[512] __attribute__((aligned(4096), section(".resident.data")));

static uint64_t taken; /* bytes at the end of secure memory */

/* ---- Dividing ---- */

static uint64_t image_bytes_in_ram(void)
{
    return (uintptr_t)image_end - (KERNEL_VA + BOARD_SECURE_RAM);
}

void *memory_take(uint64_t bytes)
{
    void *at;

    taken += (bytes + QUIRE_PAGE_MASK) & ~(uint64_t)QUIRE_PAGE_MASK;
    if (taken + image_bytes_in_ram() > BOARD_SECURE_RAM_BYTES) {
        panic(EXIT_KERNEL_PANIC, "secure memory is too small for what the configuration asks");
    }
    at = (void *)(KERNEL_VA + BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - taken);
    memset(at, 0, (size_t)bytes);
    return at;
}

uint64_t memory_left(uint64_t *pa)
{
    *pa = (uintptr_t)image_end - KERNEL_VA;
    return (BOARD_SECURE_RAM_BYTES - taken - image_bytes_in_ram()) >> QUIRE_PAGE_SHIFT;
}

/* ---- Mapping ---- */

static void map(uintptr_t va, uint64_t pa, uint64_t bytes, unsigned prot, uint64_t attr)
{
    enum quire_status status = vmsa_map_fixed(&vmsa, &kernel_space, va, pa, bytes, prot, attr);

    if (status != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "the kernel cannot map itself at %lx: %s", va, quire_status_name(status));
    }
}

/* [from, to) at KERNEL_VA. */
static void map_image(const void *from, const void *to, unsigned prot)
{
    map((uintptr_t)from, (uintptr_t)from - KERNEL_VA, (uint64_t)((uintptr_t)to - (uintptr_t)from), prot, VMSA_ATTR_NORMAL);
}

/* The pool, and all that is taken from the end of memory. Each page has an entry of its own: alias.h changes them one by one. */
static void map_pages(uintptr_t va, uintptr_t end)
{
    for (; va < end; va += QUIRE_PAGE_SIZE) {
        map(va, va - KERNEL_VA, QUIRE_PAGE_SIZE, QUIRE_PROT_READ | QUIRE_PROT_WRITE, VMSA_ATTR_NORMAL);
    }
}

static void map_all(void)
{

    map(KERNEL_VA + BOARD_FLASH, BOARD_FLASH, FLASH_BYTES, QUIRE_PROT_READ, VMSA_ATTR_NORMAL);
    map(KERNEL_VA + BOARD_UART_SECURE, BOARD_UART_SECURE, QUIRE_PAGE_SIZE, QUIRE_PROT_READ | QUIRE_PROT_WRITE,
        VMSA_ATTR_DEVICE);
    map(KERNEL_VA + BOARD_DRAM, BOARD_DRAM, BOARD_DRAM_BYTES, QUIRE_PROT_READ | QUIRE_PROT_WRITE, VMSA_ATTR_NONSECURE);
    map_image(image_start, init_data_start, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    map_pages((uintptr_t)init_data_start, (uintptr_t)resident_start); /* init's data, and the pageable part as it was loaded */
    map_image(resident_start, rodata_start, QUIRE_PROT_READ | QUIRE_PROT_EXEC);
    map_image(rodata_start, data_start, QUIRE_PROT_READ);
    map_pages((uintptr_t)data_start, KERNEL_VA + BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES);
}

static void map_stacks(void)
{
    uint32_t i;

    for (i = 0; i < BOARD_CPUS_MAX + THREADS; i++) {
        const unsigned char *pages = memory_take(STACK_BYTES);

        map(STACKS_VA + (uintptr_t)i * STACK_SLOT + (STACK_SLOT - STACK_BYTES), (uintptr_t)pages - KERNEL_VA, STACK_BYTES,
            QUIRE_PROT_READ | QUIRE_PROT_WRITE, VMSA_ATTR_NORMAL);
    }
}

static void make_identity(void)
{
    uint64_t pa = ((uintptr_t)image_start - KERNEL_VA) & ~(BLOCK_BYTES - 1u);

    for (; pa < (uintptr_t)image_end - KERNEL_VA; pa += BLOCK_BYTES) {
        identity_blocks[pa / BLOCK_BYTES] = pa | ENTRY_CODE;
    }
    kernel_identity[0] = ((uintptr_t)identity_blocks - KERNEL_VA) | ENTRY_TABLE;
}

void memory_map(const struct config *config)
{
    struct vmsa_config tables;
    unsigned char *pages = memory_take((uint64_t)config->tables << QUIRE_PAGE_SHIFT);

    memset(&tables, 0, sizeof tables);
    tables.tables = pages;
    tables.tables_pa = (uintptr_t)pages - KERNEL_VA;
    tables.ntables = config->tables;
    tables.book = memory_take((uint64_t)config->tables * sizeof *tables.book);
    tables.cpus = BOARD_CPUS_MAX;
    tables.threads = THREADS;
    tables.cpu = cpu_number;
    tables.asids = config->asids;
    tables.software_flags = config->software_flags != 0;
    if (vmsa_init(&vmsa, &tables) != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC,
              "no translation tables: too few of them for so many threads, or too few ASIDs for so many processors");
    }
    paging_set_hooks(); /* making a space takes the pager's lock */
    if (vmsa_space_init(&vmsa, &kernel_space, true) != QUIRE_OK) {
        panic(EXIT_KERNEL_PANIC, "no translation tables: too few of them");
    }
    map_all();
    map_stacks();
    make_identity();
    kernel_root = kernel_space.root_pa;
    processor_begin();
}
