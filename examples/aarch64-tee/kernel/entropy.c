/* entropy.c - random numbers, for keys and places. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/entropy.h"

#include "abi/world.h"
#include "kernel/log.h"
#include "kernel/random.h"
#include "kernel/spinlock.h"

static struct random generator;
static struct spinlock lock;

#define TRIES 1000u /* the processor may have no number just now */

/* FEAT_RNG. */
static bool processor_word(uint64_t *word)
{
    uint64_t features;
    uint64_t good = 0;
    unsigned tries;

    __asm__("mrs %0, id_aa64isar0_el1" : "=r"(features));
    if (features >> 60 == 0) {
        return false;
    }
    for (tries = 0; good == 0 && tries < TRIES; tries++) {
        __asm__ volatile("mrs %0, s3_3_c2_c4_1; cset %1, ne" : "=r"(*word), "=r"(good)::"cc"); /* RNDRRS */
    }
    return good != 0;
}

bool entropy_init(uint64_t salt)
{
    bool secret = true;
    uint64_t seed[RANDOM_SEED_BYTES / sizeof(uint64_t)];
    size_t i;

    for (i = 0; i < sizeof seed / sizeof seed[0]; i++) {
        if (!processor_word(&seed[i])) {
            secret = false;
            seed[i] = (ticks() << 32) ^ cycles() ^ (salt * (2u * i + 1u));
        }
    }
    random_seed(&generator, seed, sizeof seed);
    return secret;
}

void entropy_fill(void *bytes, size_t len)
{
    bool good;

    spin_lock(&lock);
    good = random_fill(&generator, bytes, len);
    spin_unlock(&lock);
    if (!good) {
        panic(EXIT_KERNEL_PANIC, "random numbers are asked for before there is a seed");
    }
}

uint64_t entropy_word(void)
{
    uint64_t word;

    entropy_fill(&word, sizeof word);
    return word;
}
