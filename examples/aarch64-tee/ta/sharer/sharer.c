/* sharer.c - an application that shares a paged buffer with others. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sharer/attached.h"
#include "ta/sharer/functions.h"

static struct attached attached;

static uint32_t write_page(const struct ta_param *in)
{
    struct shared_page *page;
    size_t i;

    if (in->a >= attached.pages) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    page = &attached.page[in->a];
    page->value = in->b;
    for (i = 0; i < SHARED_PAGE_WORDS; i++) {
        page->word[i] = shared_word(in->b, i);
    }
    return TEE_RESULT_OK;
}

/* A page that goes away between the load and the store of an addition loses nothing: the store fails, and it is tried again. */
static uint32_t add(const struct ta_param *in)
{
    size_t page = (size_t)in->a;
    uint64_t i;

    if (in->a >= attached.pages) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    for (i = 0; i < in->b; i++) {
        (void)__atomic_fetch_add(&attached.page[page].counter, 1, __ATOMIC_RELAXED);
        page = page + 1u < attached.pages ? page + 1u : 0;
    }
    return TEE_RESULT_OK;
}

uint32_t ta_open(struct ta_params *params)
{
    return ta_are(params, 0, 0, 0, 0) ? TEE_RESULT_OK : TEE_RESULT_BAD_PARAMETERS;
}

uint32_t ta_invoke(uint32_t function, struct ta_params *params)
{
    if (function != SHARER_WRITE && function != SHARER_ADD) {
        return attached_invoke(&attached, function, params);
    }
    if (attached.page == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    if (!ta_are(params, TEE_PARAM_VALUE_IN, 0, 0, 0)) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    return function == SHARER_WRITE ? write_page(&params->param[0]) : add(&params->param[0]);
}

void ta_close(void)
{
}
