/* message.h - what a TEE_SMC_CALL asks for, in shared memory. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_MESSAGE_H
#define TEE_MESSAGE_H

#include <stdint.h>

/*
 * The kernel reads each field once, into memory of its own, and believes none. Little-endian. The layout is that of OP-TEE's messages.
 * Buffers lie in the shared memory: physical address and length.
 */

#define TEE_PARAMS_MAX 4u

/* tee_param.attr */
#define TEE_PARAM_NONE 0u
#define TEE_PARAM_VALUE_IN 1u
#define TEE_PARAM_VALUE_OUT 2u
#define TEE_PARAM_VALUE_INOUT 3u
#define TEE_PARAM_MEMORY_IN 9u     /* a = physical address, b = bytes; */
#define TEE_PARAM_MEMORY_OUT 10u   /* ... on return b = bytes that were, or would have been, written */
#define TEE_PARAM_MEMORY_INOUT 11u /* */
#define TEE_PARAM_META 0x100u      /* or'ed to VALUE_IN: the first parameter of OPEN */

struct tee_param {
    uint64_t attr;
    uint64_t a;
    uint64_t b;
    uint64_t c;
};

static inline int tee_param_is_memory(uint64_t attr)
{
    return attr >= TEE_PARAM_MEMORY_IN && attr <= TEE_PARAM_MEMORY_INOUT;
}

struct tee_message {
    uint32_t command;   /* TEE_CMD_* */
    uint32_t function;  /* of INVOKE: the TA's own number */
    uint32_t session;   /* of INVOKE, CLOSE; OPEN answers it */
    uint32_t cancel_id; /* ignored */
    uint32_t pad;       /* ignored */
    uint32_t result;    /* answer: TEE_RESULT_* , or what the TA returned */
    uint32_t origin;    /* answer: TEE_ORIGIN_* */
    uint32_t num_params;
    struct tee_param params[TEE_PARAMS_MAX + 1u];
};

/* The application is named by 16 bytes, in a and b of the META parameter, which is the first; then its own, at most TEE_PARAMS_MAX. */
#define TEE_CMD_OPEN 0u
#define TEE_CMD_INVOKE 1u
#define TEE_CMD_CLOSE 2u

/* Beyond OP-TEE's. Memory here may lie anywhere in normal memory (whole pages), not only in the shared part. */
#define TEE_CMD_REGISTER \
    0x100u /* params: VALUE_IN name (a, b); MEMORY_IN the ELF file. Stays in use: the kernel pages from it */
#define TEE_CMD_DONATE \
    0x101u /* params: MEMORY_INOUT: whole pages that the kernel may keep sealed pages in, until the machine ends */
#define TEE_CMD_REPORT 0x102u /* params: VALUE_IN a = TEE_REPORT_*; MEMORY_OUT text */
#define TEE_CMD_STATS 0x103u  /* params: VALUE_IN a = TEE_STATS_RESET to zero the counters; MEMORY_OUT struct tee_stats */
#define TEE_CMD_CHECK 0x104u  /* no params: all invariants of Quire (quire_*_check); RESULT_OK, or CORRUPT */
#define TEE_CMD_RESIZE 0x105u /* params: VALUE_IN a = pages the pool is to have; VALUE_OUT a = pages it has now */
#define TEE_CMD_PROBE 0x106u  /* params: VALUE_IN a = TEE_PROBE_*: makes the kernel do something that tests look at */

#define TEE_REPORT_TEXT 0u
#define TEE_REPORT_JSON 1u
#define TEE_REPORT_DOT 2u

#define TEE_STATS_RESET 1u

#define TEE_CMD_UNREGISTER 0x107u /* params: VALUE_IN name: of TEE_CMD_REGISTER; BUSY while it has instances */

#define TEE_PROBE_PAGED_CODE 1u /* runs the kernel's own paged code, all of it; VALUE_OUT a = what it computed */
#define TEE_PROBE_ALIASES 3u /* VALUE_OUT a = pages that are executable somewhere, b = of these, which the kernel could write */
#define TEE_PROBE_FAULT_LOCKED 2u /* touches the kernel's paged code with the pager's lock held: the machine must end */
#define TEE_PROBE_OVERFLOW 4u     /* uses up the thread's stack: the machine must end */

/* tee_message.result. GlobalPlatform's numbers. */
#define TEE_RESULT_OK 0u
#define TEE_RESULT_GENERIC 0xffff0000u
#define TEE_RESULT_ACCESS_DENIED 0xffff0001u
#define TEE_RESULT_ACCESS_CONFLICT 0xffff0003u
#define TEE_RESULT_BAD_FORMAT 0xffff0005u /* not an ELF file that can be loaded */
#define TEE_RESULT_BAD_PARAMETERS 0xffff0006u
#define TEE_RESULT_ITEM_NOT_FOUND 0xffff0008u
#define TEE_RESULT_NOT_SUPPORTED 0xffff000au
#define TEE_RESULT_OUT_OF_MEMORY 0xffff000cu
#define TEE_RESULT_BUSY 0xffff000du
#define TEE_RESULT_SHORT_BUFFER 0xffff0010u
#define TEE_RESULT_CORRUPT 0xf0100001u
#define TEE_RESULT_TARGET_DEAD 0xffff3024u /* the application was killed, now or before */

#define TEE_ORIGIN_KERNEL 3u
#define TEE_ORIGIN_APPLICATION 4u

/* Where the instructions of faults went, if the kernel was told to measure (kernel/measure.h). All are sums. */
struct tee_measured {
    uint64_t faults;
    uint64_t entry;   /* from the exception to the call of quire_pager_fault() */
    uint64_t library; /* in there, without what it calls */
    uint64_t hooks;   /* the MMU's, and the lock */
    uint64_t store;   /* reading, writing, cipher, hash */
};

/* Kinds of faults that are told apart. A major fault: what is loaded, and whether a page had to be written to make room. */
#define TEE_MEASURED_MINOR 0u
#define TEE_MEASURED_WRITE 1u
#define TEE_MEASURED_ACCESSED 2u
#define TEE_MEASURED_ZEROS_CLEAN 3u /* a private page that was never saved */
#define TEE_MEASURED_ZEROS_DIRTY 4u
#define TEE_MEASURED_PRIVATE_CLEAN 5u /* ... that was */
#define TEE_MEASURED_PRIVATE_DIRTY 6u
#define TEE_MEASURED_FILE_CLEAN 7u /* a page of an application's file, verified */
#define TEE_MEASURED_FILE_DIRTY 8u
#define TEE_MEASURED_OTHER 9u /* the kernel's own, and the rest */
#define TEE_MEASURED 10u

/* TEE_CMD_STATS. Since boot, or since they were reset. */
struct tee_stats {
    uint64_t faults_minor;
    uint64_t faults_major;
    uint64_t faults_write;
    uint64_t faults_accessed;
    uint64_t faults_spurious;
    uint64_t faults_refused;
    uint64_t faults_kernel; /* of these: at S-EL1, of the kernel's own paged part */
    uint64_t evictions;
    uint64_t saves;
    uint64_t integrity;   /* pages that normal memory did not give back as they were */
    uint64_t killed;      /* applications */
    uint64_t table_short; /* page tables were missing, and made room for */
    uint64_t asid_rolls;
    uint64_t lock_wait_max; /* ticks of the system counter that a fault waited for the pager's lock, at most */
    uint64_t pool_pages;
    uint64_t pool_free;
    uint64_t pool_min;     /* the least it can be */
    uint64_t mapped;       /* pages of all areas */
    uint64_t shared;       /* pages present that more than one application shows */
    uint64_t saved;        /* pages that sharing saves now */
    uint64_t cycles_minor; /* instructions (with -icount) from exception entry to return, summed */
    uint64_t cycles_major;
    struct tee_measured measured[TEE_MEASURED];
};

#endif
