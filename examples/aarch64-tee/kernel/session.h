/* session.h - an instance of an application: its context, and what is known of it. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_SESSION_H
#define KERNEL_SESSION_H

#include <quire/quire.h>

#include "kernel/trap.h"
#include "kernel/vmsa.h"

struct image;

#define SESSIONS_MAX 16u
#define SESSION_MAPS_MAX 32u /* ranges that one has mapped by TA_MAP and TA_SHARE */

/* A range that the application asked for. */
struct session_range {
    uintptr_t va; /* 0: unused */
    uint32_t npages;
    uint32_t shared; /* key of a shared buffer plus one; 0: private */
};

/* What its faults were; written by the thread that runs it. */
struct session_figures {
    uint64_t faults[QUIRE_FAULT_UNPAGED + 1]; /* by enum quire_fault_kind */
    uint64_t saves;                           /* its pages that left, sealed */
    uint64_t calls;
};

struct session {
    uint32_t id;   /* what the normal world calls it by; never used again; 0: unused */
    uint32_t held; /* a call, or a report, is at work with it */
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
    struct session_range range[SESSION_MAPS_MAX];
    struct session_figures figures;
};

extern struct session sessions[SESSIONS_MAX];

/* ---- Running an application (user.c, resident) ---- */

/* How a call ended. */
enum user_end {
    USER_RETURNED, /* by TA_RETURN; *value is its result */
    USER_PANICKED, /* by TA_PANIC; *value is its code */
    USER_KILLED    /* it did what it must not; *value is the syndrome */
};

/* Lets the application of this thread's session run from `pc` until its call ends. */
enum user_end user_run(uintptr_t pc, uintptr_t sp, const uint64_t x[3], uint64_t *value);

/* Ends the call that runs: does not return. For system calls and traps. */
__attribute__((noreturn)) void user_end(enum user_end how, uint64_t value);

#endif
