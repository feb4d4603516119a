/* bench/policies.h - the replacement policies, by name. SPDX-License-Identifier: BSD-2-Clause */
#ifndef POLICIES_H
#define POLICIES_H

#include <quire/policy.h>

#include <stdio.h>

/* A fresh policy, as "clock" or "clock,chances=4294967295" names it: a name, then fields set to other values. Null if there is no
 * such policy or field. It is the only one: the next call begins anew in the same memory. */
struct quire_policy *policy_named(const char *text);

/* The names of all policies, a line each; or the fields of one, "FIELD VALUE". False: there is no such policy. */
bool policy_list(FILE *to, const char *policy);

#endif
