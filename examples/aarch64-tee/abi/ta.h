/* ta.h - how an application (S-EL0) is entered, and what it may ask the kernel for. SPDX-License-Identifier: BSD-2-Clause */
#ifndef TEE_TA_H
#define TEE_TA_H

/*
 * An ELF64 file for AArch64, ET_DYN, linked at 0, without an interpreter or needed objects; segments begin at page boundaries both in
 * the file and in memory, none is writable and executable, and relocations are R_AARCH64_RELATIVE only, whose words hold the addend
 * already. Read-only data with relocations may lie in read-only segments. The bytes of a segment's last page behind its file size are
 * zero in the file. No floating point, no SIMD: those registers trap.
 *
 * Each session is an instance with data, heap and stack of its own, which stay between calls. A call enters at the ELF entry with
 *
 *     x0 = TA_ENTER_*    x1 = the function (INVOKE)    x2 = address of a struct ta_params, on the stack    sp = 16-byte aligned
 *
 * and ends with TA_RETURN. System calls: svc #0, number in x8, arguments in x0..x5, result in x0 (negative: failed); other registers
 * are kept. A wrong address or number kills nobody: it is an error. A wrong access kills the instance.
 */

#define TA_ENTER_OPEN 0
#define TA_ENTER_INVOKE 1
#define TA_ENTER_CLOSE 2

#define TA_RETURN 0 /* x0 = result (u32). Does not return */
#define TA_PANIC 1  /* x0 = code: kills the instance */
#define TA_LOG 2    /* x0 = text, x1 = bytes, at most 256 */
#define TA_MAP 3    /* x0 = pages, x1 = TA_MAP_* -> address of new private pages, all zero; a guard page on both sides */
#define TA_UNMAP 4  /* x0 = address, x1 = pages, exactly what TA_MAP or TA_SHARE gave */
#define TA_SHARE \
    5 /* x0 = key, x1 = pages -> address of a paged buffer that all instances which name the key share; it ends with the last of them */
#define TA_RANDOM 6  /* x0 = address, x1 = bytes, at most 256 */
#define TA_PROTECT 7 /* x0 = address, x1 = pages, x2 = TA_MAP_*: of what TA_MAP gave */
#define TA_ADVISE 8  /* x0 = address, x1 = pages, x2 = TA_ADVICE_* */
#define TA_ERROR_BAD -1
#define TA_ERROR_MEMORY -2

#define TA_MAP_READ 1
#define TA_MAP_WRITE 2

#define TA_ADVICE_WILL_NEED 0
#define TA_ADVICE_DONT_NEED 1
#define TA_ADVICE_FREE 2

#ifndef __ASSEMBLER__
#include <stdint.h>

struct ta_param {
    uint32_t kind; /* TEE_PARAM_* of message.h */
    uint32_t pad;
    uint64_t a; /* of memory: address in this instance. The normal world can change what lies there at any time */
    uint64_t b; /* of memory: bytes; on return how many were, or would have been, written */
};

/* The kernel reads the answers from here when TA_RETURN comes. */
struct ta_params {
    struct ta_param param[4];
};
#endif

#endif
