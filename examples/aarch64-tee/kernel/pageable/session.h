/* session.h - opening, calling and closing instances of applications. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PAGEABLE_SESSION_H
#define KERNEL_PAGEABLE_SESSION_H

#include "abi/message.h"
#include "kernel/session.h"

/* All return a TEE_RESULT_*; *origin says whose it is. Parameters are copies that nobody else can write; memory has been checked to lie
 * in the shared memory, page-aligned. */

struct session_call {
    uint32_t function;
    uint32_t num_params;
    struct tee_param *params; /* values and lengths that the application gives are stored here */
    uint32_t origin;          /* answer */
};

/* Makes an instance of the application and lets it answer TA_ENTER_OPEN. On OK its number is in *id. */
uint32_t session_open(const uint64_t name[2], struct session_call *call, uint32_t *id);

/* TARGET_DEAD if the application was killed, now or before; BUSY while another call is at work in it; ITEM_NOT_FOUND. */
uint32_t session_invoke(uint32_t id, struct session_call *call);

/* Ends an instance, a killed one too. BUSY and ITEM_NOT_FOUND as above. */
uint32_t session_close(uint32_t id, struct session_call *call);

/* The session in place `i`, held, so that it neither runs nor ends; null: there is none, or a call is at work with it. */
struct session *session_hold(uint32_t i);
void session_let_go(struct session *session);

/* What a status of Quire means to the normal world. */
uint32_t session_result(enum quire_status status);

#endif
