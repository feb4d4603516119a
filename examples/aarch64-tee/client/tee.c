/* tee.c - the driver: calls to the secure world, by messages in shared memory. SPDX-License-Identifier: BSD-2-Clause */
#include "client/tee.h"

#include "abi/board.h"
#include "client/console.h"
#include "client/smc.h"
#include "lib/memory.h"

/* What this world knows to be the secure world's own. Whoever offers it as shared memory is wrong, or lies. */
static const struct quire_shm_range secure_memory[] = {
    {BOARD_FLASH, BOARD_GICD - 1u},
    {BOARD_UART_SECURE, BOARD_UART_SECURE + 0xfffu},
    {BOARD_SECURE_RAM, BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - 1u},
};

/* ---- Life ---- */

static bool kernel_answers(void)
{
    struct smc_registers call = {{TEE_SMC_UID}};

    smc(&call);
    return call.x[0] == 0x384fb3e0 && call.x[1] == 0xe7f811e3 && call.x[2] == 0xaf630002 && call.x[3] == 0xa5d5c51b;
}

static uintptr_t lock(void *ctx)
{
    spin_lock((struct spinlock *)ctx);
    return 0;
}

static void unlock(void *ctx, uintptr_t key)
{
    (void)key;
    spin_unlock((struct spinlock *)ctx);
}

/* The client's addresses are physical ones, so the window lies at the same numbers twice. */
static enum quire_status make_manager(struct tee *tee, uint64_t start, uint64_t size, struct quire_shm_refusal *refusal)
{
    struct quire_shm_config config;

    memset(&config, 0, sizeof config);
    config.pa = quire_pa_make(start);
    config.va = (uintptr_t)start;
    config.size = size;
    config.secure = secure_memory;
    config.num_secure = sizeof secure_memory / sizeof secure_memory[0];
    config.driver_book = tee->driver_book;
    config.driver_book_bytes = sizeof tee->driver_book;
    config.client_book = tee->client_book;
    config.client_book_bytes = sizeof tee->client_book;
    config.buffers = tee->buffers;
    config.num_buffers = TEE_BUFFERS_MAX;
    config.lock = lock;
    config.unlock = unlock;
    config.lock_ctx = &tee->lock;
    return quire_shm_init(&tee->shm, &config, refusal);
}

bool tee_begin(struct tee *tee)
{
    struct smc_registers call = {{TEE_SMC_GET_SHARED}};
    struct quire_shm_refusal refusal;

    if (!kernel_answers()) {
        print("client: no kernel answers\n");
        return false;
    }
    smc(&call);
    if (call.x[0] != TEE_OK) {
        print("client: the kernel does not say where the shared memory is\n");
        return false;
    }
    if (make_manager(tee, call.x[1], call.x[2], &refusal) != QUIRE_OK) {
        print("client: the shared memory is refused: %s\n", quire_shm_reason_text(refusal.reason));
        return false;
    }
    return true;
}

static bool print_live(void *ctx, const struct quire_shm_live *live)
{
    (void)ctx;
    print("client: a %s of %zu bytes at %lx is still out\n", live->kind == QUIRE_SHM_MESSAGE ? "message" : "buffer", live->size,
          live->pa.addr);
    return true;
}

bool tee_end(struct tee *tee)
{
    return quire_shm_fini(&tee->shm, print_live, NULL) == QUIRE_OK;
}

/* ---- Calls ---- */

bool tee_call_begin(struct tee_call *call, struct tee *tee, const struct tee_message *message)
{
    memset(call, 0, sizeof *call);
    call->tee = tee;
    call->message = *message;
    call->smc = TEE_NO_THREAD; /* it has none yet */
    if (tee_request_new(&tee->shm.driver, &call->request) != QUIRE_OK) {
        return false;
    }
    if (tee_request_store(&tee->shm.driver, &call->request, message) != QUIRE_OK ||
        tee_request_pa(&tee->shm.driver, &call->request, &call->pa) != QUIRE_OK) {
        tee_call_end(call);
        return false;
    }
    return true;
}

/* Enters the secure world: with the message, or where it left off. */
static void enter(struct tee_call *call)
{
    struct smc_registers registers = {{0}};

    if (call->smc == TEE_INTERRUPTED || call->smc == TEE_WAITING) {
        registers.x[0] = TEE_SMC_RESUME;
        registers.x[3] = call->thread;
    } else {
        registers.x[0] = TEE_SMC_CALL;
        registers.x[1] = call->pa.addr >> 32;
        registers.x[2] = (uint32_t)call->pa.addr;
    }
    smc(&registers);
    call->smc = (uint32_t)registers.x[0];
    call->thread = (uint32_t)registers.x[3];
}

bool tee_call_step(struct tee_call *call)
{
    enter(call);
    switch (call->smc) {
    case TEE_INTERRUPTED: /* the interrupt is taken as soon as this world runs: it was, by now */
        call->interrupted++;
        return false;
    case TEE_WAITING:
    case TEE_NO_THREAD:
        call->waited++;
        return false;
    case TEE_OK: /* one fetch: what is decided on is the copy */
        if (tee_request_fetch(&call->tee->shm.driver, &call->request, &call->message) == QUIRE_OK) {
            return true;
        }
        break;
    default:
        break;
    }
    call->message.result = TEE_RESULT_COMMUNICATION;
    return true;
}

void tee_call_end(struct tee_call *call)
{
    (void)tee_request_delete(&call->tee->shm.driver, &call->request);
}

void tee_set_meanwhile(struct tee *tee, void (*work)(void *ctx), void *ctx)
{
    tee->meanwhile[cpu_number()].work = work;
    tee->meanwhile[cpu_number()].ctx = ctx;
}

uint32_t tee_do(struct tee *tee, struct tee_message *message)
{
    const struct tee_meanwhile *meanwhile = &tee->meanwhile[cpu_number()];
    struct tee_call call;

    if (!tee_call_begin(&call, tee, message)) {
        return TEE_RESULT_OUT_OF_MEMORY;
    }
    while (!tee_call_step(&call)) {
        cpu_yield();
        if (call.smc != TEE_INTERRUPTED && meanwhile->work != NULL) {
            meanwhile->work(meanwhile->ctx);
        }
    }
    *message = call.message;
    tee_call_end(&call);
    return message->result;
}

/* ---- Sessions ---- */

struct tee_param tee_value(uint64_t kind, uint64_t a, uint64_t b)
{
    struct tee_param param = {kind, a, b, 0};

    return param;
}

struct tee_param tee_memory(uint64_t kind, const struct quire_shm_buffer *buffer, uint64_t bytes)
{
    struct tee_param param = {kind, buffer->phys.pa.addr, bytes, 0};

    return param;
}

struct tee_message tee_message_open(const struct tee_name *name)
{
    struct tee_message message;

    memset(&message, 0, sizeof message);
    message.command = TEE_CMD_OPEN;
    message.num_params = 1;
    message.params[0] = tee_value(TEE_PARAM_META | TEE_PARAM_VALUE_IN, name->a, name->b);
    return message;
}

struct tee_message tee_message_invoke(uint32_t session, uint32_t function, const struct tee_param *params, uint32_t num_params)
{
    struct tee_message message;

    memset(&message, 0, sizeof message);
    message.command = TEE_CMD_INVOKE;
    message.session = session;
    message.function = function;
    message.num_params = num_params <= TEE_PARAMS_MAX ? num_params : TEE_PARAMS_MAX;
    memcpy(message.params, params, message.num_params * sizeof *params);
    return message;
}

struct tee_message tee_message_close(uint32_t session)
{
    struct tee_message message;

    memset(&message, 0, sizeof message);
    message.command = TEE_CMD_CLOSE;
    message.session = session;
    return message;
}

uint32_t tee_open(struct tee *tee, const struct tee_name *name, uint32_t *session)
{
    struct tee_message message = tee_message_open(name);
    uint32_t result = tee_do(tee, &message);

    *session = message.session;
    return result;
}

uint32_t tee_invoke(struct tee *tee, uint32_t session, uint32_t function, struct tee_param *params, uint32_t num_params)
{
    struct tee_message message = tee_message_invoke(session, function, params, num_params);
    uint32_t sent = message.num_params; /* the answer's number is the secure world's */
    uint32_t result = tee_do(tee, &message);

    memcpy(params, message.params, sent * sizeof *params);
    return result;
}

uint32_t tee_close(struct tee *tee, uint32_t session)
{
    struct tee_message message = tee_message_close(session);

    return tee_do(tee, &message);
}
