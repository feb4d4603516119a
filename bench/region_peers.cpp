/* bench/region_peers.cpp - the region allocator beside its peers. SPDX-License-Identifier: BSD-2-Clause */

/*
 * Driven by bench/run. The peers are Boost.Interprocess' rbtree_best_fit (through managed_external_buffer) and apr_rmm of the
 * Apache Portable Runtime, without locks both, as Quire has none. Their bookkeeping lies in the memory that they manage, for
 * which they get 64 bytes per region more; what they are asked is the same sequence.
 *
 * Arguments are "workload,N" (workloads: bench/region.c). Without callgrind one line each, "time workload,N PEER NS": the
 * median of ROUNDS runs of what a free and an alloc take, in turns with the others. With callgrind, dumps as bench/region.c
 * makes them, named "workload.PEER,N,alloc" and ",free", and "empty,1,alloc" and "empty,1,free" of nothing.
 */
#include <quire/region.h>

#include <apr_general.h>
#include <apr_rmm.h>
#include <boost/interprocess/managed_external_buffer.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>
#include <valgrind/callgrind.h>

namespace
{

const unsigned ROUNDS = 7;
const uint32_t SAMPLES = 500; /* counted replacements of one peer */

void stop(const std::string &why)
{
    (void)std::fprintf(stderr, "bench/region_peers: %s\n", why.c_str());
    std::exit(1);
}

uint64_t random_state = 0x9e3779b97f4a7c15u;

uint32_t random_below(uint32_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return static_cast<uint32_t>((random_state >> 32) % n);
}

/* ---- What is asked ---------------------------------------------------------------------------------------------- */

struct Request {
    uint32_t slot; /* which region goes first */
    uint32_t size;
    uint32_t align;
};

struct Workload {
    std::string name;
    uint32_t live;
    std::vector<Request> fill;    /* `live` first regions, then as many replacements twice */
    std::vector<Request> measure; /* one run after the other */
    uint32_t per_round;
    uint64_t space;
    uint64_t unit;
};

Request draw(const std::string &name, uint32_t slot)
{
    const uint32_t which = name == "W2" ? 3 : name == "W3" ? random_below(3) : 0;

    switch (which) {
    case 1:
        return {slot, 4096 * (1 + random_below(16)), 4096};
    case 2:
        return {slot, 65536 * (1 + random_below(4)), 65536};
    case 3:
        return {slot, 4096 * (1 + random_below(64)), 4096};
    default:
        return {slot, 64 + 8 * random_below(2041), 8};
    }
}

Workload make_workload(const std::string &name, uint32_t live)
{
    const double mean_w1 = 64 + 8 * 1020;
    const double mean_w3 = (mean_w1 + 8.5 * 4096 + 2.5 * 65536) / 3;
    const double bytes = live * (name == "W2" ? 1.5 * 32.5 * 4096 : name == "W3" ? 2 * mean_w3 : 1.5 * mean_w1);
    Workload w;
    uint32_t i;

    w.name = name;
    w.live = live;
    w.per_round = live > 1000 ? 1000 : 20000;
    w.space = static_cast<uint64_t>(bytes) / 4096 * 4096;
    w.unit = name == "W2" ? 4096 : 8;
    for (i = 0; i < live; i++) {
        w.fill.push_back(draw(name, i));
    }
    for (i = 0; i < 2 * live; i++) {
        w.fill.push_back(draw(name, random_below(live)));
    }
    for (i = 0; i < w.per_round * ROUNDS; i++) {
        w.measure.push_back(draw(name, random_below(live)));
    }
    return w;
}

/* ---- Who is asked. release() does nothing for a slot that alloc() could not fill. ------------------------------- */

/* Memory of which only what bookkeeping touches is ever there. */
class Memory
{
  public:
    explicit Memory(size_t len) : base(static_cast<char *>(std::aligned_alloc(65536, (len + 65535) / 65536 * 65536)))
    {
        if (base == nullptr) {
            stop("out of memory");
        }
    }
    ~Memory()
    {
        std::free(base);
    }
    Memory(const Memory &) = delete;
    Memory &operator=(const Memory &) = delete;
    char *const base;
};

size_t with_headers(const Workload &w)
{
    return static_cast<size_t>(w.space) + 64u * w.live + 4096u;
}

class Quire
{
  public:
    static const char *name()
    {
        return "quire";
    }
    static bool can(const Workload &)
    {
        return true;
    }
    explicit Quire(const Workload &w)
        : table(QUIRE_REGION_TABLE_BYTES(1, 12, 64) / sizeof(uint64_t)), nodes((2u * w.live + 2u) * 4u), regions(w.live)
    {
        const uint64_t base = static_cast<uint64_t>(1) << 40;
        quire_region_config config = {};

        config.book = &book;
        config.table = table.data();
        config.table_bytes = table.size() * sizeof(uint64_t);
        config.unit = w.unit;
        if (quire_region_book_init(&book, 1, false, 0) != QUIRE_OK ||
            quire_region_book_add_slab(&book, nodes.data(), nodes.size() * sizeof(uint64_t)) != QUIRE_OK ||
            quire_region_init(&allocator, &config) != QUIRE_OK ||
            quire_region_add(&allocator, base, base + (w.space - 1u), 0) != QUIRE_OK) {
            stop("quire: set-up");
        }
    }
    __attribute__((noinline)) bool alloc(const Request &r)
    {
        return quire_region_get(&allocator, r.size, r.align, &regions[r.slot]) == QUIRE_OK;
    }
    __attribute__((noinline)) void release(uint32_t slot)
    {
        (void)quire_region_put(&allocator, &regions[slot]);
    }

  private:
    quire_region_book book;
    quire_region_allocator allocator;
    std::vector<uint64_t> table;
    std::vector<uint64_t> nodes;
    std::vector<quire_region> regions;
};

class Boost
{
  public:
    static const char *name()
    {
        return "boost";
    }
    static bool can(const Workload &)
    {
        return true;
    }
    explicit Boost(const Workload &w)
        : memory(with_headers(w)), buffer(boost::interprocess::create_only, memory.base, with_headers(w)), regions(w.live)
    {
    }
    __attribute__((noinline)) bool alloc(const Request &r)
    {
        void *p = r.align > 8 ? buffer.allocate_aligned(r.size, r.align, std::nothrow) : buffer.allocate(r.size, std::nothrow);

        regions[r.slot] = p;
        return p != nullptr;
    }
    __attribute__((noinline)) void release(uint32_t slot)
    {
        if (regions[slot] != nullptr) {
            buffer.deallocate(regions[slot]);
        }
    }

  private:
    Memory memory;
    boost::interprocess::managed_external_buffer buffer;
    std::vector<void *> regions;
};

class Apr
{
  public:
    static const char *name()
    {
        return "apr_rmm";
    }
    static bool can(const Workload &w) /* it aligns to 8 only */
    {
        return w.name == "W1";
    }
    explicit Apr(const Workload &w) : memory(with_headers(w)), regions(w.live)
    {
        if (apr_pool_create(&pool, nullptr) != APR_SUCCESS ||
            apr_rmm_init(&rmm, nullptr, memory.base, with_headers(w), pool) != APR_SUCCESS) {
            stop("apr_rmm: set-up");
        }
    }
    ~Apr()
    {
        (void)apr_rmm_destroy(rmm);
        apr_pool_destroy(pool);
    }
    Apr(const Apr &) = delete;
    Apr &operator=(const Apr &) = delete;
    __attribute__((noinline)) bool alloc(const Request &r)
    {
        regions[r.slot] = apr_rmm_malloc(rmm, r.size);
        return regions[r.slot] != 0;
    }
    __attribute__((noinline)) void release(uint32_t slot)
    {
        if (regions[slot] != 0) {
            (void)apr_rmm_free(rmm, regions[slot]);
        }
    }

  private:
    Memory memory;
    apr_pool_t *pool = nullptr;
    apr_rmm_t *rmm = nullptr;
    std::vector<apr_rmm_off_t> regions;
};

class Nothing
{
  public:
    __attribute__((noinline)) bool alloc(const Request &)
    {
        __asm__ volatile("");
        return true;
    }
    __attribute__((noinline)) void release(uint32_t)
    {
        __asm__ volatile("");
    }
};

/* ---- Measuring -------------------------------------------------------------------------------------------------- */

template <class A> void reach_steady_state(A &a, const Workload &w)
{
    uint32_t refused = 0;

    for (size_t i = 0; i < w.fill.size(); i++) {
        if (i >= w.live) {
            a.release(w.fill[i].slot);
        }
        refused += a.alloc(w.fill[i]) ? 0u : 1u;
    }
    if (refused > w.fill.size() / 100) {
        stop(std::string(A::name()) + " refused " + std::to_string(refused) + " requests of " + w.name);
    }
}

/* One run: nanoseconds per replacement. */
template <class A> double run_round(A &a, const Workload &w, unsigned round)
{
    const Request *r = w.measure.data() + static_cast<size_t>(round) * w.per_round;
    uint32_t refused = 0;
    const auto start = std::chrono::steady_clock::now();

    for (uint32_t i = 0; i < w.per_round; i++) {
        a.release(r[i].slot);
        refused += a.alloc(r[i]) ? 0u : 1u;
    }
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    if (refused > w.per_round / 100) {
        stop(std::string(A::name()) + " refused " + std::to_string(refused) + " requests of " + w.name);
    }
    return took.count() / w.per_round;
}

void print_median(const Workload &w, const char *peer, std::vector<double> &ns)
{
    std::sort(ns.begin(), ns.end());
    std::printf("time %s,%u %s %.1f\n", w.name.c_str(), w.live, peer, ns[ns.size() / 2]);
}

void run_times(const Workload &w)
{
    Quire quire(w);
    Boost boost(w);
    std::vector<double> ns[3];
    Apr *apr = Apr::can(w) ? new Apr(w) : nullptr;

    reach_steady_state(quire, w);
    reach_steady_state(boost, w);
    if (apr != nullptr) {
        reach_steady_state(*apr, w);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        ns[0].push_back(run_round(quire, w, round));
        ns[1].push_back(run_round(boost, w, round));
        if (apr != nullptr) {
            ns[2].push_back(run_round(*apr, w, round));
        }
    }
    print_median(w, Quire::name(), ns[0]);
    print_median(w, Boost::name(), ns[1]);
    if (apr != nullptr) {
        print_median(w, Apr::name(), ns[2]);
    }
    delete apr;
}

template <class F> void measure(const std::string &name, F operation)
{
    CALLGRIND_TOGGLE_COLLECT;
    operation();
    CALLGRIND_TOGGLE_COLLECT;
    CALLGRIND_DUMP_STATS_AT(name.c_str());
}

/* What callgrind says of the first call is not used: it is in functions that it did not see begin. */
void start_counting()
{
    Nothing nothing;
    const Request r = {0, 0, 0};

    CALLGRIND_START_INSTRUMENTATION;
    for (unsigned i = 0; i < 16; i++) {
        measure(i == 0 ? "first" : "empty,1,alloc", [&] { (void)nothing.alloc(r); });
        measure("empty,1,free", [&] { nothing.release(r.slot); });
    }
}

template <class A> void count(A &a, const Workload &w)
{
    const std::string common = w.name + "." + A::name() + "," + std::to_string(w.live);

    reach_steady_state(a, w);
    start_counting();
    for (uint32_t i = 0; i < SAMPLES; i++) {
        measure(common + ",free", [&] { a.release(w.measure[i].slot); });
        measure(common + ",alloc", [&] { (void)a.alloc(w.measure[i]); });
    }
    CALLGRIND_STOP_INSTRUMENTATION;
}

void run_counts(const Workload &w)
{
    Boost boost(w);

    count(boost, w);
    if (Apr::can(w)) {
        Apr apr(w);

        count(apr, w);
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (apr_initialize() != APR_SUCCESS) {
        stop("apr_initialize");
    }
    for (int i = 1; i < argc; i++) {
        char name[8] = "";
        unsigned live = 0;

        if (std::sscanf(argv[i], "%7[^,],%u", name, &live) != 2 || live == 0) {
            stop("arguments are workload,N");
        }
        const Workload w = make_workload(name, live);

        if (RUNNING_ON_VALGRIND) {
            run_counts(w);
        } else {
            run_times(w);
        }
    }
    apr_terminate();
    return 0;
}
