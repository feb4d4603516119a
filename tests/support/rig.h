/* A simulated machine, a pager on it, and stores that fail, wait or lie on command: what the pager's tests stand on. */
#ifndef RIG_H
#define RIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "quire/quire.h"
#include "quire/testkit/sim_cpu.h"
#include "quire/testkit/sim_mmu.h"
#include "quire/testkit/sim_store.h"
#include "tale.h"

/*
 *     struct rig_config config = {0};              what differs from the default
 *     rig_start(&rig, &config);                    a machine and a pager; nothing here fails: it stops the test instead
 *     rig_vm_start(&rig, &vm);                     a context of config.vm_pages pages from RIG_VA
 *     store = rig_store_new(&rig, 8, prot);        an object that keeps 8 pages
 *     rig_map(&vm, &store->fobj, RIG_VA, prot);    READ | WRITE | EXEC; USER is added
 *     rig_write(&rig, &vm, RIG_VA, "x", 1);        through processor 0, faults and all
 *     rig_wrong(&rig);                             null, or what the check or the machine's oracle found
 *     rig_stop(&rig);                              puts, ends and frees all that is left
 */

#define RIG_VA ((uintptr_t)0x40000000u)
#define RIG_PA ((uint64_t)0x80000000u)
#define RIG_PAGE QUIRE_PAGE_SIZE
#define RIG_AT(i) (RIG_VA + ((uintptr_t)(i) << QUIRE_PAGE_SHIFT))
#define RIG_READ QUIRE_PROT_READ
#define RIG_WRITE QUIRE_PROT_WRITE
#define RIG_EXEC QUIRE_PROT_EXEC

enum rig_policy { RIG_CLOCK, RIG_FIFO, RIG_S3FIFO, RIG_2Q, RIG_REFAULT, RIG_POLICIES };

/* One of them is in use. */
struct rig_policies {
    struct quire_policy_clock clock;
    struct quire_policy_fifo fifo;
    struct quire_policy_s3fifo s3fifo;
    struct quire_policy_2q twoq;
    struct quire_policy_refault refault;
};

/* Zero: the default. */
struct rig_config {
    enum quire_sim_flags flags;
    enum rig_policy policy;
    bool flush_unlocked;
    bool threads;    /* a real lock, and wait and wake */
    bool no_wait;    /* with threads: no wait and wake */
    bool lockless;   /* no lock hooks at all */
    bool eager;      /* processors remember entries at once */
    uint32_t forget; /* one access in so many finds its TLB entry gone */
    uint64_t seed;
    unsigned cpus;        /* 2 */
    uint32_t pages;       /* in the pool: 16 */
    uint32_t more_pages;  /* physical pages behind the pool, not the pager's: 0 */
    uint32_t concurrency; /* 1 */
    uint32_t step;        /* the library's default */
    uint32_t rank_max;    /* 0 */
    uint32_t vms;         /* at a time: 4 */
    uint32_t vm_pages;    /* of each: 64 */
    uint32_t table_pages; /* pages one page table covers: 512 */
    uint32_t tables;      /* page tables to be had: any number */
    uint32_t tables_gift; /* that each need_tables adds: none, it fails */
    uint32_t around;      /* pages of the fault-around window: off */
    void *user;           /* for the callbacks */
    unsigned (*permits)(void *user, struct quire_vm *vm, uintptr_t va);
    enum quire_status (*need_tables)(void *user, struct quire_vm *vm, uintptr_t va);
    void (*flushing)(void *user, const struct quire_batch *batch);
    uint32_t requests;        /* loads and saves that can be in flight: none, PENDING is no answer */
    void (*idle)(void *user); /* without threads: what happens while the one there is waits. Null: it cannot wait */
};

/* The rest of a configuration on machine `number`: every policy, on every kind of hardware, with both ways of flushing. Those below
 * 8 are all hardware and flushing with the first policy, and so on. */
#define RIG_MACHINES (8u * (unsigned)RIG_POLICIES)

static inline struct rig_config rig_machine(unsigned number, struct rig_config rest)
{
    rest.flags = (enum quire_sim_flags)(number % 4u);
    rest.flush_unlocked = number / 4u % 2u != 0;
    rest.policy = (enum rig_policy)(number / 8u % (unsigned)RIG_POLICIES);
    return rest;
}

/* Calls that fail on command: the nth (1: the next) and the times - 1 after it. */
struct rig_failure {
    uint64_t calls; /* so far */
    uint64_t hits;  /* of these failed */
    uint64_t nth;   /* counted down; 0: never */
    uint64_t times;
    enum quire_status status;
};

/* What a store answered with PENDING. */
struct rig_pending {
    struct quire_io *io;
    uint64_t ticket;
    bool load;
};

#define RIG_PENDING_MAX 64u

struct rig;

struct rig_store {
    struct quire_fobj fobj;
    struct quire_fobj_ops ops;
    struct quire_sim_watch watch;
    struct rig *rig;
    struct rig_store *next;
    unsigned char *bytes; /* what it keeps */
    uint32_t *slots;
    uint32_t *loads_of; /* per page, successes and failures */
    uint32_t *saves_of;
    unsigned tag;   /* of the content it was born with */
    unsigned delay; /* microseconds that every load and save takes */
    uint32_t freed; /* calls of `free` */
    bool kept_put;  /* the creator's reference was given back through rig_store_put */
    size_t leaves;  /* loads leave so many bytes at the end of the page unwritten */
    bool forgets;   /* rig_store_forgets(): a page not saved, or freed since, is loaded as it was born */
    bool pends;     /* answers PENDING where it may; rig_answer() completes it */
    struct rig_failure load_fails;
    struct rig_failure save_fails;
    /* Called before bytes move; anything but OK is answered to the pager. Null: nothing. */
    enum quire_status (*before)(struct rig_store *store, struct quire_io *io, bool load);
    void (*gone)(struct rig_store *store); /* called when the object is freed. Null: nothing */
    void *user;
};

struct rig {
    struct quire_sim sim;
    struct quire_pager pager;
    struct rig_policies policies;
    struct rig_config config;
    struct quire_pmem *pmems;
    struct quire_pmem *more_pmems;
    uint32_t *steps;
    void *storage;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    pthread_mutex_t books; /* for all below, and the stores' counts */
    struct rig_failure alloc_fails;
    struct rig_failure load_fails; /* of any store */
    struct rig_failure save_fails;
    int64_t allocated; /* blocks out */
    uint64_t loads;
    uint64_t saves;
    struct rig_pending pending[RIG_PENDING_MAX]; /* in the order they came */
    uint32_t npending;
    struct quire_request *requests;
    uint32_t in_flight; /* loads at work now */
    uint32_t most;      /* at once, so far */
    unsigned stores_made;
    struct rig_store *stores;
    struct quire_vm *vms[64];
    struct quire_violation violation;
    struct tale tale; /* what the pager's trace told */
};

/* An account with a policy of the rig's kind. */
struct rig_account {
    struct quire_account account;
    struct rig_policies policies;
};

/* Where a tool slows every instruction down (QUIRE_TIMEOUT_SCALE is set, as it is under Valgrind and ThreadSanitizer) a long test
 * tries each n-th of its combinations only: returns n there, else 1. Choose n without a common factor with the sizes of what is
 * combined, so that every value of each is still met. */
unsigned rig_stride(unsigned n);

void rig_start(struct rig *rig, const struct rig_config *config);
void rig_stop(struct rig *rig);

/* Null if quire_pager_check() and the machine's oracle find nothing, and the pager's trace tells what is; else what was found, in
 * words. */
const char *rig_wrong(struct rig *rig);

/* The pager's configuration as rig_start() uses it, for tests of quire_pager_init(). */
struct quire_pager_config rig_pager_config(struct rig *rig);

/* quota 0: none. The status is that of quire_account_init(); the test ends the account. */
enum quire_status rig_account_start(struct rig *rig, struct rig_account *account, uint32_t quota, uint32_t reserved);
/* A store whose pages are charged to it. */
struct rig_store *rig_account_store(struct rig *rig, struct rig_account *account, uint32_t npages, unsigned max_prot);

void rig_vm_start(struct rig *rig, struct quire_vm *vm);
enum quire_status rig_vm_stop(struct rig *rig, struct quire_vm *vm);

/* A store whose pages are born with the bytes of rig_born(). It lives until rig_stop(), or rig_store_free(). */
struct rig_store *rig_store_new(struct rig *rig, uint32_t npages, unsigned max_prot);
/* The same, born with the bytes of store `tag`. */
struct rig_store *rig_store_tagged(struct rig *rig, uint32_t npages, unsigned max_prot, unsigned tag);
enum quire_status rig_store_put(struct rig_store *store);
/* Was the object freed? For threads that wait for that. */
bool rig_store_is_freed(struct rig_store *store);
/* Frees the memory of a store that nothing refers to any more. */
void rig_store_free(struct rig_store *store);
/* The store does as QUIRE_FOBJ_OPS_FORGETS promises, from now on. */
void rig_store_forgets(struct rig_store *store);
unsigned char *rig_store_page(const struct rig_store *store, uint32_t pgidx);

/* The byte that page `pgidx` of a store with this tag is born with at `offset`. */
unsigned char rig_born(unsigned tag, uint32_t pgidx, size_t offset);

/* A store that answers PENDING where it may. */
struct rig_store *rig_store_pending(struct rig *rig, uint32_t npages, unsigned max_prot);
/* How many answers are due. */
uint32_t rig_pending(struct rig *rig);
/* The i-th of them: does what was asked, unless `status` is an error, and completes it with that; what that returned. LIMIT: there
 * is none. */
enum quire_status rig_answer(struct rig *rig, uint32_t i, enum quire_status status);

void rig_fail(struct rig_failure *failure, uint64_t nth, uint64_t times, enum quire_status status);

/* Maps all of `fobj` at `va`, for unprivileged accesses too. */
enum quire_status rig_map(struct quire_vm *vm, struct quire_fobj *fobj, uintptr_t va, unsigned prot);

/* An unprivileged access of processor 0 (thread 0), or of others; the status is that of the fault that was not served. */
enum quire_status rig_read(struct rig *rig, struct quire_vm *vm, uintptr_t va, void *to, size_t len);
enum quire_status rig_write(struct rig *rig, struct quire_vm *vm, uintptr_t va, const void *from, size_t len);
enum quire_status rig_exec(struct rig *rig, struct quire_vm *vm, uintptr_t va, void *to, size_t len);
enum quire_status rig_access(struct rig *rig, unsigned cpu, uint32_t thread, struct quire_vm *vm, uintptr_t va, unsigned access,
                             void *bytes, size_t len);

/* The byte at `va` as processor 0 reads it; -1 if it cannot be read. */
int rig_byte(struct rig *rig, struct quire_vm *vm, uintptr_t va);
/* Writes one byte. */
enum quire_status rig_poke(struct rig *rig, struct quire_vm *vm, uintptr_t va, unsigned char byte);

/* One fault, without an access. */
enum quire_status rig_fault(struct rig *rig, struct quire_vm *vm, uintptr_t va, unsigned access,
                            struct quire_fault_result *out);

/* How many times do these bytes stand anywhere in physical memory? */
size_t rig_find(const struct rig *rig, const void *bytes, size_t len);

struct quire_pager_stats rig_stats(struct rig *rig);
struct quire_vm_info rig_query(struct quire_vm *vm, uintptr_t va);

#endif
