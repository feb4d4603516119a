/* main.c - tests the applications without the kernel. SPDX-License-Identifier: BSD-2-Clause */
#include "ta/test/tests.h"

#include <stdio.h>
#include <string.h>

static const char *directory;
static unsigned failed;
static unsigned done;

void ok(bool good, const char *what)
{
    printf("%s %u - %s\n", good ? "ok" : "not ok", ++done, what);
    fflush(stdout);
    failed += !good;
}

struct instance *open_it(const char *name)
{
    struct instance *instance;
    struct ta_params params;
    char path[4096];

    snprintf(path, sizeof path, "%s/%s.elf", directory, name);
    instance = instance_load(path);
    memset(&params, 0, sizeof params);
    if (instance_call(instance, TA_ENTER_OPEN, 0, &params) != TEE_RESULT_OK) {
        ok(false, "a session is opened");
    }
    return instance;
}

void close_it(struct instance *instance)
{
    struct ta_params params;
    uint32_t result;

    memset(&params, 0, sizeof params);
    result = instance_call(instance, TA_ENTER_CLOSE, 0, &params);
    if (result != TEE_RESULT_OK && result != TEE_RESULT_TARGET_DEAD) {
        ok(false, "a session is closed");
    }
    instance_unload(instance);
}

uint32_t invoke(struct instance *instance, uint32_t function, struct ta_params *params)
{
    return instance_call(instance, TA_ENTER_INVOKE, function, params);
}

uint32_t invoke_values(struct instance *instance, uint32_t function, uint64_t in_a, uint64_t in_b, uint64_t *a, uint64_t *b)
{
    struct ta_params params = {{{TEE_PARAM_VALUE_IN, 0, in_a, in_b}, {TEE_PARAM_VALUE_OUT, 0, 0, 0}}};
    uint32_t result = invoke(instance, function, &params);

    *a = params.param[1].a;
    *b = params.param[1].b;
    return result;
}

uint32_t invoke_in(struct instance *instance, uint32_t function, uint64_t a, uint64_t b)
{
    struct ta_params params = {{{TEE_PARAM_VALUE_IN, 0, a, b}}};

    return invoke(instance, function, &params);
}

uint32_t invoke_out(struct instance *instance, uint32_t function, uint64_t *a, uint64_t *b)
{
    struct ta_params params = {{{TEE_PARAM_VALUE_OUT, 0, 0, 0}}};
    uint32_t result = invoke(instance, function, &params);

    *a = params.param[0].a;
    *b = params.param[0].b;
    return result;
}

struct ta_param memory_param(uint32_t kind, const void *at, uint64_t bytes)
{
    return (struct ta_param){kind, 0, (uintptr_t)at, bytes};
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: test DIRECTORY-OF-THE-APPLICATIONS\n");
        return 2;
    }
    directory = argv[1];
    test_echo();
    test_sorter();
    test_interpreter();
    test_sharer();
    test_rogue();
    printf("1..%u\n", done);
    return failed == 0 ? 0 : 1;
}
