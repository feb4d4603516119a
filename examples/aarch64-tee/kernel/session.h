/* session.h - an instance of an application: its context, and what is known of it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SESSION_H
#define KERNEL_SESSION_H

#include <quire/quire.h>

#include "kernel/trap.h"
#include "kernel/vmsa.h"

struct image;

#define SESSIONS_MAX 16u
#define SESSION_MAPS_MAX 32u    /* ranges that one has mapped by TA_MAP and TA_SHARE ... */
#define SESSION_PAGES_MAX 8192u /* ... and all their pages: so nobody takes all that others could have */

/* A range that the application asked for. */
struct session_range {
    uintptr_t va; /* 0: unused */
    uint32_t npages;
    uint32_t shared; /* place of a shared buffer (shared.h) plus one; 0: private */
};

/* What its faults were; written by the thread that runs it. */
struct session_figures {
    uint64_t faults[QUIRE_FAULT_UNPAGED + 1]; /* by enum quire_fault_kind */
    uint64_t saves;                           /* its pages that left, sealed */
    uint64_t calls;
};

struct session {
    uint32_t id;   /* what the normal world calls it by; 0: unused */
    uint32_t held; /* by whom: pageable/session.c */
    bool dead;     /* it was killed: only CLOSE is left */
    struct image *image;
    struct quire_file *file;
    struct quire_vm vm;
    struct vmsa_space space;
    struct quire_account account;
    struct quire_policy_refault policy; /* of the account */
    uint32_t peak;                      /* pages charged to it, at most, as its faults saw it */
    uintptr_t entry;
    uintptr_t stack; /* its top */
    uint64_t pages;  /* of all that it asked for, by TA_MAP and TA_SHARE */
    struct session_range range[SESSION_MAPS_MAX];
    struct session_figures figures;
};

extern struct session sessions[SESSIONS_MAX];

#endif
