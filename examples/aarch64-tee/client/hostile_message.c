/* hostile_message.c - messages that lie. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"
#include "client/apps.h"
#include "client/hostile.h"
#include "client/random.h"
#include "lib/memory.h"
#include "ta/echo/functions.h"

/* ---- Numbers ---- */

static const uint64_t numbers[] = {
    0,
    1,
    3,
    4,
    5,
    7,
    8,
    TEE_PARAM_MEMORY_IN,
    TEE_PARAM_MEMORY_OUT,
    TEE_PARAM_MEMORY_INOUT,
    TEE_PARAM_META | TEE_PARAM_VALUE_IN,
    TEE_CMD_REPORT,
    0xfff,
    0x1000,
    0x1001,
    0x4000,
    0x10000,
    SHARED_BYTES,
    0x7fffffff,
    0x80000000,
    0xfffff000,
    0xffffffff,
    0x100000000,
    0x8000000000000000,
    0xfffffffffffff000,
    0xffffffffffffffff,
    FLASH_KERNEL,
    BOARD_GICD,
    BOARD_UART_SECURE,
    BOARD_SECURE_RAM,
    CONFIG_BASE,
    KERNEL_BASE,
    KERNEL_BASE + 0x100000,
    BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - 8,
    BOARD_DRAM - 0x1000,
    BOARD_DRAM,
    BOARD_DRAM + (uint64_t)BOARD_DRAM_BYTES - 0x1000,
    BOARD_DRAM + (uint64_t)BOARD_DRAM_BYTES - 8,
    BOARD_DRAM + (uint64_t)BOARD_DRAM_BYTES,
    SHARED_BASE - 0x1000,
    SHARED_BASE - 8,
    SHARED_BASE,
    SHARED_BASE + SHARED_BYTES - 0x1000,
    SHARED_BASE + SHARED_BYTES - 8,
    SHARED_BASE + SHARED_BYTES,
    HOSTILE_SCRATCH,
    HOSTILE_SCRATCH + 1,
    CLIENT_DONATION,
};

static uint64_t number(struct hostile *hostile, uint64_t *random)
{
    switch (random_below(random, 8)) {
    case 0:
        return random_next(random);
    case 1:
        return random_below(random, 32);
    case 2:
        return hostile->data->phys.pa.addr + random_below(random, HOSTILE_DATA_BYTES);
    case 3:
        return hostile->page->phys.pa.addr + 8u * random_below(random, 512);
    default:
        return numbers[random_below(random, sizeof numbers / sizeof numbers[0])];
    }
}

uint64_t hostile_number(struct hostile *hostile)
{
    return number(hostile, &hostile->random);
}

/* ---- Honest messages ---- */

static uint32_t some_session(struct hostile *hostile)
{
    return hostile->sessions[random_below(&hostile->random, HOSTILE_SESSIONS)];
}

/* A part of the data; its first half for what goes in, its second for what comes out. It begins at a page, as it must. */
static struct tee_param some_memory(struct hostile *hostile, uint64_t kind)
{
    struct tee_param param = tee_memory(kind, hostile->data, random_below(&hostile->random, HOSTILE_DATA_BYTES / 2u));

    param.a += kind == TEE_PARAM_MEMORY_IN ? 0 : HOSTILE_DATA_BYTES / 2u;
    return param;
}

static struct tee_param some_param(struct hostile *hostile, uint64_t kind)
{
    if (kind >= TEE_PARAM_MEMORY_IN && kind <= TEE_PARAM_MEMORY_INOUT) {
        return some_memory(hostile, kind);
    }
    return tee_value(kind, random_below(&hostile->random, 0x1000), random_next(&hostile->random));
}

/* What `echo` wants for its functions. */
static const uint8_t echo_kinds[][TEE_PARAMS_MAX] = {
    [ECHO_NOTHING] = {0},
    [ECHO_VALUE_OUT] = {TEE_PARAM_VALUE_OUT},
    [ECHO_ADD] = {TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_OUT},
    [ECHO_SWAP] = {TEE_PARAM_VALUE_INOUT},
    [ECHO_SUM] = {TEE_PARAM_MEMORY_IN, TEE_PARAM_VALUE_OUT},
    [ECHO_COPY] = {TEE_PARAM_MEMORY_IN, TEE_PARAM_MEMORY_OUT},
    [ECHO_UPPERCASE] = {TEE_PARAM_MEMORY_INOUT},
    [ECHO_FILL] = {TEE_PARAM_VALUE_IN, TEE_PARAM_MEMORY_OUT},
    [ECHO_KEEP] = {TEE_PARAM_MEMORY_IN},
    [ECHO_RECALL] = {TEE_PARAM_MEMORY_OUT},
    [ECHO_FOUR] = {TEE_PARAM_VALUE_IN, TEE_PARAM_VALUE_INOUT, TEE_PARAM_MEMORY_IN, TEE_PARAM_MEMORY_OUT},
};

static struct tee_message some_invoke(struct hostile *hostile)
{
    uint32_t function = (uint32_t)random_below(&hostile->random, sizeof echo_kinds / sizeof echo_kinds[0]);
    struct tee_param params[TEE_PARAMS_MAX];
    uint32_t num_params = 0;

    while (num_params < TEE_PARAMS_MAX && echo_kinds[function][num_params] != TEE_PARAM_NONE) {
        params[num_params] = some_param(hostile, echo_kinds[function][num_params]);
        num_params++;
    }
    return tee_message_invoke(some_session(hostile), function, params, num_params);
}

static struct tee_name some_name(struct hostile *hostile)
{
    struct tee_name name = {HOSTILE_NAME, random_below(&hostile->random, HOSTILE_NAMES)};

    return random_below(&hostile->random, 3) == 0 ? app_echo.name : name;
}

static struct tee_message some_command(uint32_t command, struct tee_param first, struct tee_param second)
{
    struct tee_message message;

    memset(&message, 0, sizeof message);
    message.command = command;
    message.params[0] = first;
    message.params[1] = second;
    message.num_params = (first.attr != TEE_PARAM_NONE ? 1u : 0u) + (second.attr != TEE_PARAM_NONE ? 1u : 0u);
    return message;
}

static struct tee_message some_register(struct hostile *hostile)
{
    struct tee_name name = some_name(hostile);
    struct hostile_file file = hostile_file(hostile);
    struct tee_param memory = {TEE_PARAM_MEMORY_IN, file.pa, file.bytes, 0};

    return some_command(TEE_CMD_REGISTER, tee_value(TEE_PARAM_VALUE_IN, name.a, name.b), memory);
}

static struct tee_message some_message(struct hostile *hostile)
{
    const struct tee_param none = {TEE_PARAM_NONE, 0, 0, 0};
    const struct tee_param out = {TEE_PARAM_VALUE_OUT, 0, 0, 0};
    struct tee_name name;
    uint64_t choice = random_below(&hostile->random, 1000); /* rare: what takes the kernel long */

    if (choice < 480) {
        return some_invoke(hostile);
    }
    if (choice < 600) {
        name = some_name(hostile);
        return tee_message_open(&name);
    }
    if (choice < 660) {
        return tee_message_close(some_session(hostile));
    }
    if (choice < 670) {
        return some_register(hostile);
    }
    if (choice < 680) {
        name = some_name(hostile);
        return some_command(TEE_CMD_UNREGISTER, tee_value(TEE_PARAM_VALUE_IN, name.a, name.b), none);
    }
    if (choice < 710) {
        struct tee_param memory = {TEE_PARAM_MEMORY_INOUT, hostile_number(hostile), hostile_number(hostile), 0};

        return some_command(TEE_CMD_DONATE, memory, none);
    }
    if (choice < 730) {
        return some_command(TEE_CMD_REPORT, tee_value(TEE_PARAM_VALUE_IN, random_below(&hostile->random, 4), 0),
                            some_memory(hostile, TEE_PARAM_MEMORY_OUT));
    }
    if (choice < 900) {
        return some_command(TEE_CMD_STATS, tee_value(TEE_PARAM_VALUE_IN, 0, 0), some_memory(hostile, TEE_PARAM_MEMORY_OUT));
    }
    if (choice < 910) {
        return some_command(TEE_CMD_CHECK, none, none);
    }
    if (choice < 950) {
        return some_command(TEE_CMD_RESIZE,
                            tee_value(TEE_PARAM_VALUE_IN, random_below(&hostile->random, 2u * hostile->pool_pages), 0), out);
    }
    if (choice < 952) {
        return some_command(TEE_CMD_PROBE, tee_value(TEE_PARAM_VALUE_IN, TEE_PROBE_PAGED_CODE, 0), out);
    }
    return some_command((uint32_t)hostile_number(hostile), none, none);
}

/* ---- Lies ---- */

/* The secret's own session may have it told. Anything else goes. */
static void spare(const struct hostile *hostile, struct tee_message *message)
{
    if (message->session == hostile->secret.session) {
        message->session = 0;
    }
}

#define HEADER_WORDS (offsetof(struct tee_message, params) / sizeof(uint32_t))

static void change_a_field(struct hostile *hostile, struct tee_message *message)
{
    uint64_t field = random_below(&hostile->random, HEADER_WORDS + 2u * sizeof message->params / sizeof(uint64_t));
    uint64_t value = hostile_number(hostile);
    uint32_t half = (uint32_t)value;

    if (field < HEADER_WORDS) {
        memcpy((unsigned char *)message + field * sizeof half, &half, sizeof half);
    } else { /* the first parameters are the likeliest to be looked at */
        field = random_below(&hostile->random, (message->num_params % (TEE_PARAMS_MAX + 1u) + 1u) * 4u);
        memcpy((unsigned char *)message->params + field * sizeof value, &value, sizeof value);
    }
}

struct tee_message hostile_message(struct hostile *hostile)
{
    struct tee_message message = some_message(hostile);
    uint64_t lies = random_below(&hostile->random, 4); /* none for a quarter of them, for what was built up to be used */

    while (lies-- > 0) {
        change_a_field(hostile, &message);
    }
    spare(hostile, &message);
    return message;
}

void hostile_change_word(struct hostile *hostile, uint64_t *random)
{
    uint64_t value = number(hostile, random);
    uint32_t offset = __atomic_load_n(&hostile->offset, __ATOMIC_ACQUIRE);
    struct quire_view view;

    if ((uint32_t)value == hostile->secret.session || value >> 32 == hostile->secret.session) {
        return;
    }
    if (quire_shm_view(hostile->page, &view) == QUIRE_OK &&
        quire_view_store64(&view, offset + 8u * random_below(random, sizeof(struct tee_message) / 8u), value) == QUIRE_OK) {
        __atomic_add_fetch(&hostile->flips, 1, __ATOMIC_ACQ_REL);
    }
}
