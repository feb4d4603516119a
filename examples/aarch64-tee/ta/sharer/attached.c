/* attached.c - attaching to the shared buffer, and looking at it. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/sharer/attached.h"

#include "ta/sharer/functions.h"

#define PAGES_MAX 0x10000u

static uint64_t counter_of(const struct shared_page *page)
{
    return __atomic_load_n(&page->counter, __ATOMIC_RELAXED);
}

static uint32_t attach(struct attached *attached, const struct ta_param *in)
{
    if (attached->page != NULL) {
        return TEE_RESULT_ACCESS_CONFLICT;
    }
    if (in->b == 0 || in->b > PAGES_MAX) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    attached->page = ta_share(in->a, (size_t)in->b);
    attached->pages = (size_t)in->b;
    return attached->page != NULL ? TEE_RESULT_OK : TEE_RESULT_OUT_OF_MEMORY;
}

static uint32_t read_page(const struct attached *attached, const struct ta_param *in, struct ta_param *out)
{
    const struct shared_page *page;

    if (in->a >= attached->pages) {
        return TEE_RESULT_BAD_PARAMETERS;
    }
    page = &attached->page[in->a];
    out->a = page->value;
    out->b = counter_of(page);
    return shared_page_is_whole(page) ? TEE_RESULT_OK : TEE_RESULT_CORRUPT;
}

static uint32_t check(const struct attached *attached, struct ta_param *out)
{
    bool whole = true;
    size_t i;

    out->a = 0;
    out->b = 0;
    for (i = 0; i < attached->pages; i++) {
        out->a += counter_of(&attached->page[i]);
        out->b ^= attached->page[i].value;
        whole = whole && shared_page_is_whole(&attached->page[i]);
    }
    return whole ? TEE_RESULT_OK : TEE_RESULT_CORRUPT;
}

static uint32_t detach(struct attached *attached)
{
    ta_assert(ta_unmap(attached->page, attached->pages));
    attached->page = NULL;
    return TEE_RESULT_OK;
}

uint32_t attached_invoke(struct attached *attached, uint32_t function, struct ta_params *params)
{
    struct ta_param *first = &params->param[0];

    if (function > SHARER_DETACH) {
        return TEE_RESULT_NOT_SUPPORTED;
    }
    if (function != SHARER_ATTACH && attached->page == NULL) {
        return TEE_RESULT_ITEM_NOT_FOUND;
    }
    if (function == SHARER_ATTACH && ta_are(params, TEE_PARAM_VALUE_IN, 0, 0, 0)) {
        return attach(attached, first);
    }
    if (function == SHARER_READ && ta_are(params, TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT, 0, 0)) {
        return read_page(attached, first, &params->param[1]);
    }
    if (function == SHARER_CHECK && ta_are(params, TEE_PARAM_VALUE_OUT, 0, 0, 0)) {
        return check(attached, first);
    }
    if (function == SHARER_DETACH && ta_are(params, 0, 0, 0, 0)) {
        return detach(attached);
    }
    return TEE_RESULT_BAD_PARAMETERS;
}
