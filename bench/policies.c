/* bench/policies.c - the replacement policies, by name. SPDX-License-Identifier: BSD-2-Clause */
#include "policies.h"

#include <quire/policy_2q.h>
#include <quire/policy_clock.h>
#include <quire/policy_fifo.h>
#include <quire/policy_refault.h>
#include <quire/policy_s3fifo.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Another policy is another line here, with its header above. */
#define POLICIES(X) \
    X(fifo)         \
    X(clock)        \
    X(s3fifo)       \
    X(2q)           \
    X(refault)

#define MEMBER(name) struct quire_policy_##name a_##name; /* a name may begin with a digit */
static union {
    POLICIES(MEMBER)
} the;

#define MAKE(name)                                        \
    static struct quire_policy *make_##name(void)         \
    {                                                     \
        return quire_policy_##name##_init(&the.a_##name); \
    }
POLICIES(MAKE)

static const struct {
    const char *name;
    struct quire_policy *(*make)(void);
} policies[] = {
#define POLICY(name) {#name, make_##name},
    POLICIES(POLICY) /* an element each */
};

/* A field that may be set to other values, a uint32_t, is another line here. */
static const struct {
    const char *policy;
    const char *name;
    uint32_t *value;
} fields[] = {
    {"clock", "chances", &the.a_clock.chances},
    {"s3fifo", "share", &the.a_s3fifo.share},
    {"s3fifo", "ghost", &the.a_s3fifo.ghost},
    {"s3fifo", "uses", &the.a_s3fifo.uses},
    {"s3fifo", "spare", &the.a_s3fifo.spare},
    {"2q", "share", &the.a_2q.share},
    {"2q", "ghost", &the.a_2q.ghost},
    {"2q", "old", &the.a_2q.old},
    {"2q", "spare", &the.a_2q.spare},
    {"refault", "share", &the.a_refault.share},
    {"refault", "share_min", &the.a_refault.share_min},
    {"refault", "share_max", &the.a_refault.share_max},
    {"refault", "grow", &the.a_refault.grow},
    {"refault", "shrink", &the.a_refault.shrink},
    {"refault", "late", &the.a_refault.late},
    {"refault", "soon", &the.a_refault.soon},
    {"refault", "near", &the.a_refault.near},
    {"refault", "chances", &the.a_refault.chances},
    {"refault", "main_used", &the.a_refault.main_used},
    {"refault", "spare", &the.a_refault.spare},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct quire_policy *make(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < COUNT(policies); i++) {
        if (strlen(policies[i].name) == len && memcmp(policies[i].name, name, len) == 0) {
            return policies[i].make();
        }
    }
    return NULL;
}

/* Sets one "FIELD=VALUE" of `len` bytes. */
static bool set(const char *policy, const char *text, size_t len)
{
    const char *equals = memchr(text, '=', len);
    char *end;
    size_t i;

    for (i = 0; equals != NULL && i < COUNT(fields); i++) {
        size_t name = (size_t)(equals - text);

        if (strncmp(policy, fields[i].policy, strlen(fields[i].policy)) == 0 && strlen(fields[i].name) == name &&
            memcmp(fields[i].name, text, name) == 0) {
            unsigned long value = strtoul(equals + 1, &end, 10);

            *fields[i].value = (uint32_t)value;
            return equals[1] >= '0' && equals[1] <= '9' && end == text + len && value <= UINT32_MAX;
        }
    }
    return false;
}

struct quire_policy *policy_named(const char *text)
{
    size_t len = strcspn(text, ",");
    struct quire_policy *policy = make(text, len);
    const char *at = text + len;

    while (policy != NULL && *at == ',') {
        len = strcspn(at + 1, ",");
        if (!set(policy->ops->name, at + 1, len)) {
            return NULL;
        }
        at += 1u + len;
    }
    return policy;
}

bool policy_list(FILE *to, const char *policy)
{
    size_t i;

    if (policy == NULL) {
        for (i = 0; i < COUNT(policies); i++) {
            (void)fprintf(to, "%s\n", policies[i].name);
        }
        return true;
    }
    if (make(policy, strlen(policy)) == NULL) {
        return false;
    }
    for (i = 0; i < COUNT(fields); i++) {
        if (strcmp(fields[i].policy, policy) == 0) {
            (void)fprintf(to, "%s %u\n", fields[i].name, (unsigned)*fields[i].value);
        }
    }
    return true;
}
