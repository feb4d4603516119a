/* config.c - what the kernel is told at boot. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/boot/config.h"

#include <stddef.h>

#include "kernel/layout.h"

#define CONFIG_BYTES 4096u

/* Does the word at `at` begin with `name` and "="? */
static bool is_named(const char *at, const char *end, const char *name)
{
    for (; *name != '\0'; name++, at++) {
        if (at == end || *at != *name) {
            return false;
        }
    }
    return at != end && *at == '=';
}

/* The number of a word, or `otherwise`. */
static uint64_t number(const char *text, const char *name, uint64_t least, uint64_t most, uint64_t otherwise)
{
    const char *end = text + CONFIG_BYTES;
    const char *at = text;
    uint64_t value = 0;

    while (at != end && *at != '\0' && !is_named(at, end, name)) {
        for (; at != end && *at != '\0' && *at != ' '; at++) {
        }
        for (; at != end && *at == ' '; at++) {
        }
    }
    if (at == end || *at == '\0') {
        return otherwise;
    }
    for (; *at != '='; at++) {
    }
    for (at++; at != end && *at >= '0' && *at <= '9' && value <= most; at++) {
        value = value * 10u + (uint64_t)(*at - '0');
    }
    return value >= least && value <= most ? value : otherwise;
}

void config_read(struct config *config, const char *text)
{
    config->pool = (uint32_t)number(text, "pool", 1, 2048, 256);
    config->tables = (uint32_t)number(text, "tables", 1, 1024, 192);
    config->heap = (uint32_t)number(text, "heap", 64, 1024, 640);
    config->asids = (uint32_t)number(text, "asids", 0, 65536, 0);
    config->software_flags = (uint32_t)number(text, "software_flags", 0, 1, 0);
    config->policy = (uint32_t)number(text, "policy", 0, 4, 0);
    config->measure = (uint32_t)number(text, "measure", 0, 2, 0);
    config->cipher = (uint32_t)number(text, "cipher", 0, 1, 1);
    config->probes = (uint32_t)number(text, "probes", 0, 1, 0);
    config->salt = number(text, "seed", 0, UINT32_MAX, 1);
}
