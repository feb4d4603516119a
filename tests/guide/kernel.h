/* What the guide's kernel is to the machine it runs on, and the other way round. */
#ifndef KERNEL_H
#define KERNEL_H

#include <quire/quire.h>

#define RAM_BASE 0x80000000u
#define RAM_PAGES ((uint32_t)QUIRE_PAGER_MIN_PAGES(1, QUIRE_PAGER_STEP_DEFAULT, 0))
#define SPACE_BASE 0x400000u
#define SPACE_PAGES 64u
#define PROGRAM_PAGES 24u
#define DATA_PAGES 12u

/* The machine: physical memory, and what it was booted with. */
extern unsigned char ram[RAM_PAGES][QUIRE_PAGE_SIZE];
extern unsigned char program_image[PROGRAM_PAGES * QUIRE_PAGE_SIZE];

/* An address space: Quire's context, and the page table that this machine's MMU walks. */
struct address_space {
    struct quire_vm vm;
    uint64_t entry[SPACE_PAGES]; /* physical address | QUIRE_ENTRY_* */
};

/* An application: whose pages are whose, and which of them gives way. */
struct application {
    struct quire_account account;
    struct quire_policy_refault refault;
};

/* The writable data of one context. */
struct private_data {
    struct quire_fobj_rw rw;
    uint32_t first; /* its pages in the flash */
    uint32_t slots[DATA_PAGES];
    struct quire_seal_meta meta[DATA_PAGES];
};

/* One instruction that accesses a byte. Returns what it read; -1: it was killed. */
int cpu_access(struct address_space *space, uintptr_t va, unsigned access);

/* The kernel. */
extern struct quire_pager pager;

enum quire_status kernel_boot(void);
enum quire_status kernel_load_program(struct address_space *space);
bool kernel_page_fault(struct address_space *space, uintptr_t va, unsigned access);
enum quire_status kernel_add_application(struct application *app, uint32_t quota, uint32_t reserved);
uint32_t kernel_pages_missing(struct application *app);
enum quire_status kernel_listen(void);
uint32_t kernel_count_evicted(const struct quire_fobj *fobj, struct quire_trace_reader *reader);
int guide_pressure(void);
enum quire_status kernel_draw_key(void);
enum quire_status kernel_data_init(struct quire_fobj_ro *data, const void *image, uint64_t len, const void *hashes,
                                   size_t hashes_len, uint32_t *slots);
enum quire_status kernel_data_copy(struct private_data *copy, struct quire_fobj *origin);
int guide_hostile(void);
/* The parts of the guide that need no pager. */
enum quire_status kernel_plan_devices(uint64_t base, uint64_t last);
enum quire_status kernel_place_device(uint64_t size, struct quire_region *region);
int guide_regions(void);
int guide_shared(void);
void kernel_panic(const char *what) __attribute__((noreturn));

#endif
