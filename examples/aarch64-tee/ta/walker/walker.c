/* walker.c - an application that does nothing but touch pages. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/ta.h"
#include "ta/walker/functions.h"

#define PAGES_MAX 0x10000u
#define PAGE_WORDS (TA_PAGE / sizeof(uint64_t))

static uint64_t *memory; /* null: none */
static uint64_t pages;

/* Whatever is between the two readings of the counter is one instruction, and what it causes. */
static uint64_t load(const uint64_t *word, uint64_t *cycles)
{
    uint64_t began;
    uint64_t ended;
    uint64_t value;

    __asm__ volatile("mrs %0, pmccntr_el0\n\tldr %2, %3\n\tmrs %1, pmccntr_el0"
                     : "=&r"(began), "=&r"(ended), "=&r"(value)
                     : "m"(*word));
    *cycles += ended - began;
    return value;
}

static void store(uint64_t *word, uint64_t value, uint64_t *cycles)
{
    uint64_t began;
    uint64_t ended;

    __asm__ volatile("mrs %0, pmccntr_el0\n\tstr %3, %2\n\tmrs %1, pmccntr_el0"
                     : "=&r"(began), "=&r"(ended), "=m"(*word)
                     : "r"(value));
    *cycles += ended - began;
}

static void touch(volatile uint64_t *word, uint64_t *value, uint64_t flags)
{
    if ((flags & WALKER_WRITE) != 0) {
        *word = *value;
    } else {
        *value = *word;
    }
}

static void touch_counted(uint64_t *word, uint64_t *value, uint64_t flags, uint64_t *cycles)
{
    if ((flags & WALKER_WRITE) != 0) {
        store(word, *value, cycles);
    } else {
        *value = load(word, cycles);
    }
}

static uint32_t walk(const struct ta_param *what, const struct ta_param *where, struct ta_param *out)
{
    uint64_t step;

    if (where->a == 0 || where->a > pages) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    out->a = 0;
    out->b = 0;
    for (step = 0; step < what->b; step++) {
        uint64_t *word = memory + walker_page(what->a, step, where->a) * PAGE_WORDS;
        uint64_t value = walker_value(what->a, step);

        if ((where->b & WALKER_COUNT) != 0) {
            touch_counted(word, &value, where->b, &out->b);
        } else {
            touch(word, &value, where->b);
        }
        out->a = walker_digest(out->a, value);
    }
    return TEE_RESULT_OK;
}

static uint32_t take(const struct ta_param *in)
{
    if (memory != NULL) {
        return TEE_RESULT_ACCESS_CONFLICT;
    }
    if (in->a == 0 || in->a > PAGES_MAX) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    memory = ta_map((size_t)in->a, TA_MAP_READ | TA_MAP_WRITE);
    pages = in->a;
    return memory != NULL ? TEE_RESULT_OK : TEE_RESULT_OUT_OF_MEMORY;
}

static uint32_t bring(void)
{
    return ta_advise(memory, (size_t)pages, TA_ADVICE_DONT_NEED) && ta_advise(memory, (size_t)pages, TA_ADVICE_WILL_NEED)
               ? TEE_RESULT_OK
               : TEE_RESULT_GENERIC;
}

static uint32_t give(void)
{
    ta_assert(ta_unmap(memory, (size_t)pages));
    memory = NULL;
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    struct ta_param *first = &params->param[0];
    bool one_value = ta_are(params, TEE_PARAM_VALUE_IN, 0, 0, 0);

    if (function > WALKER_GIVE) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (function != WALKER_TAKE && memory == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    if (function == WALKER_TAKE && one_value) {
        return take(first);
    }
    if (function == WALKER_WALK && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0)) {
        return walk(first, &params->param[1], &params->param[2]);
    }
    if (function == WALKER_BRING && ta_are(params, 0, 0, 0, 0)) {
        return bring();
    }
    if (function == WALKER_GIVE && ta_are(params, 0, 0, 0, 0)) {
        return give();
    }
    return TEE_RESULT_BAD_PARAMETERS;
}

void ta_close(void)
{
}
