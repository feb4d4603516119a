/* A host that answers a policy's questions from arrays and counts them: what the tests of policies stand on. */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/pmem.h"
#include "quire/policy.h"
#include "random.h"

#define HOST_PAGES 64u
#define COUNT_MASK ((1u << QUIRE_PAGE_NUMBER_BITS) - 1u)

struct policy_host {
    struct quire_pmem storage[HOST_PAGES];
    struct quire_pmem_pool pool;
    struct quire_policy *policy;
    bool fixed[HOST_PAGES];   /* held, or among the last of a thread */
    bool used[HOST_PAGES];    /* what `age` will answer, once */
    bool dirty[HOST_PAGES];   /* known */
    bool written[HOST_PAGES]; /* dirty, but only the hardware knows */
    bool has[HOST_PAGES];     /* the policy has it */
    unsigned aged[HOST_PAGES];
    unsigned cleared[HOST_PAGES];
    uint32_t count;     /* pages it has */
    uint32_t asked;     /* questions about pages that are not fixed, since the last eviction began */
    uint32_t evictions; /* as the pager counts */
};

static inline unsigned host_state(void *ctx, uint32_t number)
{
    struct policy_host *host = (struct policy_host *)ctx;

    cr_assert(number < HOST_PAGES && host->has[number], "it asked about page %u, which it has not", number);
    host->asked += !host->fixed[number];
    return (host->dirty[number] ? QUIRE_PAGE_DIRTY : 0u) | (host->fixed[number] ? QUIRE_PAGE_FIXED : 0u);
}

static inline unsigned host_age(void *ctx, uint32_t number)
{
    struct policy_host *host = (struct policy_host *)ctx;
    unsigned answer = host_state(ctx, number);

    if ((answer & QUIRE_PAGE_FIXED) == 0) {
        answer |= host->used[number] ? QUIRE_PAGE_USED : 0u;
        host->used[number] = false;
        host->aged[number]++;
    }
    return answer;
}

static inline bool host_clear(void *ctx, uint32_t number)
{
    struct policy_host *host = (struct policy_host *)ctx;

    (void)host_state(ctx, number);
    if (host->fixed[number]) {
        return false;
    }
    host->used[number] = false;
    host->cleared[number]++;
    return true;
}

static inline bool host_dirty(void *ctx, uint32_t number)
{
    struct policy_host *host = (struct policy_host *)ctx;

    (void)host_state(ctx, number);
    host->dirty[number] |= host->written[number];
    return host->dirty[number];
}

/* As a pager does with a policy that is new. */
static inline void host_start(struct policy_host *host, struct quire_policy *policy, bool age_faults)
{
    memset(host, 0, sizeof *host);
    quire_pmem_pool_init(&host->pool);
    cr_assert_eq(quire_pmem_pool_add(&host->pool, quire_pa_make(0), HOST_PAGES, host->storage), QUIRE_OK);
    host->policy = policy;
    policy->host.pages = &host->pool.pages;
    policy->host.ctx = host;
    policy->host.evictions = &host->evictions;
    policy->host.age_faults = age_faults;
    policy->host.state = host_state;
    policy->host.age = host_age;
    policy->host.clear = host_clear;
    policy->host.dirty = host_dirty;
}

/* Page `number` becomes resident; the access that is retried after the fault marks it. */
static inline void host_insert(struct policy_host *host, uint32_t number, uint32_t distance)
{
    host->has[number] = true;
    host->count++;
    host->used[number] = true;
    host->dirty[number] = false;
    host->written[number] = false;
    host->policy->ops->insert(host->policy, number, distance);
}

static inline void host_remove(struct policy_host *host, uint32_t number)
{
    host->policy->ops->remove(host->policy, number);
    host->has[number] = false;
    host->count--;
}

static inline bool host_check(struct policy_host *host)
{
    return host->policy->ops->check(host->policy, host->count);
}

/* The pager's counter, which leaves out 0. */
static inline void host_count_eviction(struct policy_host *host)
{
    host->evictions = (host->evictions + 1u) & COUNT_MASK;
    host->evictions += host->evictions == 0;
}

/* The victim, and nothing else: it stays. */
static inline uint32_t host_victim(struct policy_host *host)
{
    uint32_t number;
    uint32_t i;
    bool any = false;

    host->asked = 0;
    number = host->policy->ops->victim(host->policy);
    for (i = 0; i < HOST_PAGES; i++) {
        any = any || (host->has[i] && !host->fixed[i]);
    }
    cr_assert_leq(host->asked, QUIRE_POLICY_LOOKS, "it asked %u questions", host->asked);
    cr_assert_eq(any, number != QUIRE_PAGE_NONE);
    cr_assert(number == QUIRE_PAGE_NONE || (number < HOST_PAGES && host->has[number] && !host->fixed[number]));
    return number;
}

/* Evicts a page. */
static inline uint32_t host_evict(struct policy_host *host)
{
    uint32_t number = host_victim(host);

    if (number != QUIRE_PAGE_NONE) {
        host_remove(host, number);
        host_count_eviction(host);
    }
    return number;
}

/* Is page `number` on the ring? */
static inline bool host_on_ring(const struct policy_host *host, const struct quire_page_ring *ring, uint32_t number)
{
    uint32_t at = ring->hand;
    uint32_t i;

    for (i = 0; i < ring->count && at != number; i++) {
        at = quire_page_node(&host->pool.pages, at)->next;
    }
    return i < ring->count;
}

/* Pages 0..n-1 come, for the first time, and are not used again. */
static inline void host_fill(struct policy_host *host, uint32_t n)
{
    uint32_t i;

    for (i = 0; i < n; i++) {
        host_insert(host, i, QUIRE_DISTANCE_UNKNOWN);
    }
}

/* Anything may happen, in any order, and the counter wraps: the policy's structures hold, each victim is a page it has and may
 * give, nothing is the answer only if all are fixed, and no eviction asks too much. */
static inline void host_random_play(struct policy_host *host, uint64_t seed, unsigned steps)
{
    unsigned i;

    host->evictions = COUNT_MASK - steps / 8u;
    for (i = 0; i < steps; i++) {
        uint32_t number = random_below(&seed, HOST_PAGES);
        uint32_t what = random_below(&seed, 16);

        if (what < 6u) {
            if (!host->has[number]) {
                uint32_t distance = random_below(&seed, 3u * HOST_PAGES);

                host_insert(host, number, distance < HOST_PAGES ? QUIRE_DISTANCE_UNKNOWN : distance - HOST_PAGES);
                host->fixed[number] = random_below(&seed, 8) == 0;
            }
        } else if (what < 8u) {
            if (host->has[number]) {
                host_remove(host, number);
            }
        } else if (what < 12u) {
            host->used[number] = true;
            host->written[number] |= what == 9u;
            host->dirty[number] |= what == 10u;
        } else if (what < 13u) {
            host->fixed[number] = !host->fixed[number];
        } else {
            (void)host_evict(host);
        }
        cr_assert(host_check(host), "step %u", i);
    }
    memset(host->fixed, 0, sizeof host->fixed);
    while (host->count > 0) {
        (void)host_evict(host);
        cr_assert(host_check(host));
    }
    cr_assert_eq(host_evict(host), QUIRE_PAGE_NONE);
}

/* Every page is used and dirty, again and again; then dirty only: the bound holds, which host_victim() sees, and pages go all the
 * same. */
static inline void host_all_in_use(struct policy_host *host)
{
    uint32_t i;

    host_fill(host, HOST_PAGES);
    for (i = 0; i < 4u * HOST_PAGES; i++) {
        uint32_t number;

        memset(host->used, 1, sizeof host->used);
        memset(host->written, 1, sizeof host->written);
        number = host_evict(host);
        cr_assert_neq(number, QUIRE_PAGE_NONE);
        host_insert(host, number, i % 3u == 0 ? QUIRE_DISTANCE_UNKNOWN : i % 3u - 1u);
        cr_assert(host_check(host));
    }
    for (i = 0; i < 2u * HOST_PAGES; i++) {
        uint32_t number;

        memset(host->written, 1, sizeof host->written);
        number = host_evict(host);
        cr_assert_neq(number, QUIRE_PAGE_NONE);
        host_insert(host, number, QUIRE_DISTANCE_UNKNOWN);
    }
    while (host->count > 0) {
        (void)host_evict(host);
    }
    /* Each is unused, and only the hardware knows that it is dirty: two questions for one page. */
    host_fill(host, HOST_PAGES);
    for (i = 0; i < 8u; i++) {
        memset(host->used, 0, sizeof host->used);
        memset(host->written, 1, sizeof host->written);
        (void)host_evict(host);
    }
}

/* Only one page is not fixed, wherever the policy keeps it: it is found. */
static inline void host_one_may_go(struct policy_host *host)
{
    uint32_t i;

    memset(host->fixed, 1, sizeof host->fixed);
    cr_assert_eq(host_victim(host), QUIRE_PAGE_NONE);
    for (i = 0; i < HOST_PAGES; i++) {
        if (host->has[i]) {
            host->fixed[i] = false;
            host->used[i] = true;
            host->written[i] = true;
            cr_assert_eq(host_victim(host), i);
            host->fixed[i] = true;
        }
    }
    memset(host->fixed, 0, sizeof host->fixed);
}

/* Each link and each ring number of each page is broken in turn: the check sees it. */
static inline void host_break_each(struct policy_host *host, unsigned ring_bits)
{
    uint32_t i;

    cr_assert(host_check(host));
    cr_assert_not(host->policy->ops->check(host->policy, host->count + 1u));
    cr_assert_not(host->policy->ops->check(host->policy, host->count - 1u));
    for (i = 0; i < HOST_PAGES; i++) {
        struct quire_policy_node *node = &host->storage[i].policy;
        struct quire_policy_node was = *node;

        if (!host->has[i]) {
            continue;
        }
        node->next = (i + 7u) % HOST_PAGES == was.next ? (i + 11u) % HOST_PAGES : (i + 7u) % HOST_PAGES;
        cr_assert_not(host_check(host), "next of %u", i);
        *node = was;
        node->prev = (i + 7u) % HOST_PAGES == was.prev ? (i + 11u) % HOST_PAGES : (i + 7u) % HOST_PAGES;
        cr_assert_not(host_check(host), "prev of %u", i);
        *node = was;
        node->queue = (was.queue ^ ring_bits) & 7u;
        cr_assert_not(host_check(host), "queue of %u", i);
        *node = was;
    }
    cr_assert(host_check(host));
}

#endif
