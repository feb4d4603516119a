/* measure.c - where the instructions of a fault go. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/measure.h"

#include "kernel/cpu.h"
#include "lib/memory.h"

/* What is called through a stub. */
enum call {
    CALL_MAP,
    CALL_UNMAP,
    CALL_QUERY,
    CALL_REDUCE,
    CALL_AGE,
    CALL_FLUSH,
    CALL_SYNC_CODE,
    CALL_ALIAS_GET,
    CALL_ALIAS_PUT,
    CALL_LOCK,
    CALL_UNLOCK,
    CALL_WAKE,
    CALL_FIRST_OF_STORES,
    CALL_RW_READ = CALL_FIRST_OF_STORES,
    CALL_RW_WRITE,
    CALL_SEAL,
    CALL_OPEN,
    CALL_BUFFER_GET,
    CALL_BUFFER_PUT,
    CALL_RO_READ,
    CALL_DIGEST,
    CALL_NOTHING,
    CALLS
};

typedef void function(void);

/* measure.S */
struct measured_call {
    function *original;
    uint64_t cycles;
    uint64_t calls;
};

extern function *const measured_stubs[];
extern function measured_nothing;
extern struct measured_call measured_calls[CALLS];
struct measured_call measured_calls[CALLS];

bool measuring;
bool measuring_user;
struct tee_measured measured[TEE_MEASURED];

/* What a stub adds: to what is counted for its call, and in all. */
static uint64_t stub_inside;
static uint64_t stub_in_all;

/* The fault that is being served: there is one processor. */
static uint64_t entry;
static uint64_t called;

/* Has `pointer`, to a function of whatever type, point to the stub that calls it. A hook that is not there stays so. */
#define MEASURE(call, pointer)                                     \
    do {                                                           \
        if ((pointer) != NULL) {                                   \
            measured_calls[call].original = (function *)(pointer); \
            (pointer) = (__typeof__(pointer))measured_stubs[call]; \
        }                                                          \
    } while (0)

static uint64_t cost_of(function *volatile what)
{
    uint64_t began = cycles();

    what();
    return cycles() - began;
}

void measure_begin(uint32_t how)
{
    struct measured_call *call = &measured_calls[CALL_NOTHING];

    measuring_user = how >= 1u;
    measuring = how >= 2u;
    if (!measuring) {
        return;
    }
    count_cycles(false);
    call->original = measured_nothing;
    stub_in_all = cost_of(measured_stubs[CALL_NOTHING]) - cost_of(measured_nothing);
    stub_inside = call->cycles - 1u; /* but the `ret` of nothing */
}

/* ---- What is measured ---- */

const struct quire_mmu *measured_mmu(const struct quire_mmu *mmu)
{
    static struct quire_mmu hooks;

    if (!measuring) {
        return mmu;
    }
    hooks = *mmu;
    MEASURE(CALL_MAP, hooks.map);
    MEASURE(CALL_UNMAP, hooks.unmap);
    MEASURE(CALL_QUERY, hooks.query);
    MEASURE(CALL_REDUCE, hooks.reduce);
    MEASURE(CALL_AGE, hooks.age);
    MEASURE(CALL_FLUSH, hooks.flush);
    MEASURE(CALL_SYNC_CODE, hooks.sync_code);
    MEASURE(CALL_ALIAS_GET, hooks.alias_get);
    MEASURE(CALL_ALIAS_PUT, hooks.alias_put);
    MEASURE(CALL_LOCK, hooks.lock);
    MEASURE(CALL_UNLOCK, hooks.unlock);
    MEASURE(CALL_WAKE, hooks.wake);
    return &hooks; /* what the others do, the library calls for or others run meanwhile */
}

const struct quire_seal_hooks *measured_seal(const struct quire_seal_hooks *of)
{
    static struct quire_seal_hooks hooks;

    if (!measuring) {
        return of;
    }
    hooks = *of;
    MEASURE(CALL_SEAL, hooks.seal);
    MEASURE(CALL_OPEN, hooks.open);
    MEASURE(CALL_BUFFER_GET, hooks.buffer_get);
    MEASURE(CALL_BUFFER_PUT, hooks.buffer_put);
    return &hooks; /* a key is made once in many faults */
}

void measure_rw_store(struct quire_fobj_rw_store *store)
{
    if (measuring) {
        MEASURE(CALL_RW_READ, store->read);
        MEASURE(CALL_RW_WRITE, store->write);
    }
}

void measure_ro_store(struct quire_fobj_ro_config *config)
{
    if (measuring) {
        MEASURE(CALL_RO_READ, config->read);
        MEASURE(CALL_DIGEST, config->hash.digest);
    }
}

/* ---- A fault ---- */

static void forget_calls(void)
{
    unsigned i;

    for (i = 0; i < CALLS; i++) {
        measured_calls[i].cycles = 0;
        measured_calls[i].calls = 0;
    }
}

void measure_fault_begins(const struct trap *trap)
{
    entry = cycles() - trap->began;
    forget_calls();
    called = cycles();
}

static unsigned kind_of(const struct quire_fault *fault, const struct quire_fault_result *result)
{
    bool wrote = measured_calls[CALL_RW_WRITE].calls != 0;

    if (fault->privileged) {
        return TEE_MEASURED_OTHER;
    }
    switch (result->kind) {
    case QUIRE_FAULT_MINOR:
        return TEE_MEASURED_MINOR;
    case QUIRE_FAULT_WRITE:
        return TEE_MEASURED_WRITE;
    case QUIRE_FAULT_ACCESSED:
        return TEE_MEASURED_ACCESSED;
    case QUIRE_FAULT_MAJOR:
        break;
    default:
        return TEE_MEASURED_OTHER;
    }
    if (measured_calls[CALL_DIGEST].calls != 0) {
        return wrote ? TEE_MEASURED_FILE_DIRTY : TEE_MEASURED_FILE_CLEAN;
    }
    if (measured_calls[CALL_RW_READ].calls != 0) {
        return wrote ? TEE_MEASURED_PRIVATE_DIRTY : TEE_MEASURED_PRIVATE_CLEAN;
    }
    return wrote ? TEE_MEASURED_ZEROS_DIRTY : TEE_MEASURED_ZEROS_CLEAN;
}

void measure_fault_ends(const struct quire_fault *fault, const struct quire_fault_result *result)
{
    uint64_t in_all = cycles() - called;
    struct tee_measured *sums = &measured[kind_of(fault, result)];
    unsigned i;

    sums->faults++;
    sums->entry += entry;
    sums->library += in_all;
    for (i = 0; i < CALLS; i++) {
        const struct measured_call *call = &measured_calls[i];
        uint64_t own = call->cycles - call->calls * stub_inside;

        *(i < CALL_FIRST_OF_STORES ? &sums->hooks : &sums->store) += own;
        sums->library -= own + call->calls * stub_in_all;
    }
}
