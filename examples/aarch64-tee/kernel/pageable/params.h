/* params.h - the parameters of a call, between the message and the application. SPDX-License-Identifier: BSD-2-Clause */
#ifndef KERNEL_PARAMS_H
#define KERNEL_PARAMS_H

#include "abi/message.h"
#include "abi/ta.h"
#include "kernel/session.h"

/* One call's: where they lie in the application. */
struct params {
    uintptr_t va; /* of a struct ta_params on its stack, which is what it begins with */
    struct {
        uintptr_t va; /* of mapped shared memory; 0: none */
        uint32_t npages;
    } memory[TEE_PARAMS_MAX];
};

/* Maps the shared memory that is named, and writes a struct ta_params. Whatever it returns, params_unmap() undoes it. */
enum quire_status params_map(struct params *params, struct session *session, const struct tee_param *from, uint32_t n);

/* Takes what the application answers: values, and lengths of memory. */
enum quire_status params_read(const struct params *params, struct session *session, struct tee_param *to, uint32_t n);

/* On error some of it is still mapped: the instance must not go on. */
enum quire_status params_unmap(struct params *params, struct session *session);

#endif
