/* Atomics of the library before each of which somebody else may have a turn: what threads do to each other, step by step, without
 * threads. First of all includes of a unit that then includes a .c file with the implementation, and defines turn(). */
#ifndef TURNS_H
#define TURNS_H

#include <stdbool.h>
#include <stdint.h>

static void turn(void);

static inline uint32_t turn_load(const uint32_t *p)
{
    turn();
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);
}

static inline void turn_store(uint32_t *p, uint32_t v)
{
    turn();
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);
}

static inline bool turn_cas(uint32_t *p, uint32_t *expected, uint32_t v)
{
    turn();
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

#define QUIRE_ATOMIC_LOAD(p) turn_load(p)
#define QUIRE_ATOMIC_STORE(p, v) turn_store((p), (v))
#define QUIRE_ATOMIC_CAS(p, expected, v) turn_cas((p), (expected), (v))
#define QUIRE_ATOMIC_ADD(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define QUIRE_ATOMIC_SUB(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define QUIRE_STATIC /* a copy of the library of its own */

#endif
