/* hostile_call.c - a call that lies, and everything that can be looked at after it. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/world.h"
#include "client/apps.h"
#include "client/hostile.h"
#include "client/random.h"
#include "lib/memory.h"

#define LOOK_EVERY 8u /* calls between two looks at the buffers */

/* ---- Registers ---- */

/* Everything but the answer has to come back as it was, or as nothing. */
static void look_at_registers(struct hostile *hostile, const struct smc_registers *before, const struct smc_registers *after)
{
    unsigned i;

    for (i = 0; i < sizeof after->x / sizeof after->x[0]; i++) {
        hostile->leaks += secret_is_word(&hostile->secret, after->x[i]);
        hostile->strange_registers += i >= 4 && after->x[i] != before->x[i] && after->x[i] != 0;
    }
}

static uint32_t enter(struct hostile *hostile, struct smc_registers *registers)
{
    struct smc_registers before = *registers;

    smc(registers);
    look_at_registers(hostile, &before, registers);
    if (before.x[0] != TEE_SMC_UID && before.x[0] != TEE_SMC_REVISION) { /* whose x0 is not a status */
        hostile_saw_smc((uint32_t)registers->x[0]);
    }
    return (uint32_t)registers->x[0];
}

static struct smc_registers some_registers(struct hostile *hostile)
{
    struct smc_registers registers;
    unsigned i;

    for (i = 0; i < sizeof registers.x / sizeof registers.x[0]; i++) {
        registers.x[i] = random_next(&hostile->random);
    }
    return registers;
}

static uint32_t resume(struct hostile *hostile, struct smc_registers *registers, uint64_t thread)
{
    *registers = some_registers(hostile);
    registers->x[0] = TEE_SMC_RESUME;
    registers->x[3] = thread;
    return enter(hostile, registers);
}

/* ---- Calls without a message ---- */

static void call_without_message(struct hostile *hostile)
{
    static const uint32_t functions[] = {
        TEE_SMC_UID,
        TEE_SMC_REVISION,
        TEE_SMC_GET_SHARED,
        TEE_SMC_RESUME,
        WORLD_READY,
        WORLD_CPU_READY,
        WORLD_RETURN,
        WORLD_EXIT,
        TEE_SMC_CALL + 1u,
        TEE_SMC_CALL | 0x40000000u,
        0,
        0xffffffff,
    };
    struct smc_registers registers = some_registers(hostile);

    registers.x[0] = functions[random_below(&hostile->random, sizeof functions / sizeof functions[0])];
    if (random_below(&hostile->random, 2) == 0) {
        registers.x[3] = random_below(&hostile->random, 16);
    }
    (void)enter(hostile, &registers);
}

/* ---- Calls with one ---- */

/* Where the message is: as a rule somewhere in the page that is there for it. */
static uint64_t place(struct hostile *hostile)
{
    uint64_t offset = 8u * random_below(&hostile->random, (QUIRE_PAGE_SIZE - sizeof(struct tee_message)) / 8u);

    __atomic_store_n(&hostile->offset, (uint32_t)offset, __ATOMIC_RELEASE);
    return hostile->page->phys.pa.addr + offset;
}

static bool write_message(const struct hostile *hostile, const struct tee_message *message)
{
    struct quire_view view;

    return quire_shm_view(hostile->page, &view) == QUIRE_OK &&
           quire_view_write(&view, hostile->offset, message, sizeof *message) == QUIRE_OK;
}

static bool read_message(const struct hostile *hostile, struct tee_message *message)
{
    struct quire_snapshot snapshot;
    struct quire_view view;

    return quire_shm_view(hostile->page, &view) == QUIRE_OK &&
           quire_view_snapshot(&view, hostile->offset, message, sizeof *message, &snapshot) == QUIRE_OK;
}

/* Until it is over, with a word for threads that nobody has suspended now and then. */
static uint32_t finish(struct hostile *hostile, struct smc_registers *registers)
{
    uint32_t answer = (uint32_t)registers->x[0];

    while (answer == TEE_INTERRUPTED || answer == TEE_WAITING) {
        uint64_t thread = registers->x[3];

        if (random_below(&hostile->random, 4) == 0) {
            (void)resume(hostile, registers, thread + 1u + random_below(&hostile->random, 1u << 20));
        }
        answer = resume(hostile, registers, thread);
    }
    return answer;
}

/* Sessions that were opened are used from then on, those that were closed are not. What is wrong with that, and what there is no
 * room for, hostile_close_all() puts right. */
static void remember_session(struct hostile *hostile, const struct tee_message *asked, const struct tee_message *answer)
{
    unsigned i;

    if (answer->result != TEE_RESULT_OK || asked->command > TEE_CMD_CLOSE) {
        return;
    }
    for (i = 0; i < HOSTILE_SESSIONS; i++) {
        if (asked->command == TEE_CMD_OPEN && hostile->sessions[i] == 0) {
            hostile->sessions[i] = answer->session;
            return;
        }
        if (asked->command == TEE_CMD_CLOSE && hostile->sessions[i] == asked->session) {
            hostile->sessions[i] = 0;
        }
    }
}

static void call_with_message(struct hostile *hostile)
{
    struct tee_message message = hostile_message(hostile);
    struct tee_message answer = message;
    struct smc_registers registers = some_registers(hostile);
    uint64_t pa = place(hostile);
    uint32_t flips;

    if (!write_message(hostile, &message)) {
        return;
    }
    __atomic_store_n(&hostile->flipping, random_below(&hostile->random, 4) == 0, __ATOMIC_RELEASE);
    flips = __atomic_load_n(&hostile->flips, __ATOMIC_ACQUIRE);
    if (random_below(&hostile->random, 16) == 0) {
        pa = hostile_number(hostile);
    }
    registers.x[0] = TEE_SMC_CALL;
    registers.x[1] = pa >> 32;
    registers.x[2] = (uint32_t)pa;
    (void)enter(hostile, &registers);
    (void)finish(hostile, &registers);
    hostile->changed += __atomic_load_n(&hostile->flips, __ATOMIC_ACQUIRE) != flips;
    __atomic_store_n(&hostile->flipping, 0, __ATOMIC_RELEASE);
    if ((uint32_t)registers.x[0] == TEE_OK && read_message(hostile, &answer)) {
        hostile_saw_result(answer.result);
        hostile->decoded += answer.result != TEE_RESULT_BAD_PARAMETERS || answer.origin == TEE_ORIGIN_APPLICATION;
        remember_session(hostile, &message, &answer);
    }
}

void hostile_close_all(struct hostile *hostile)
{
    uint32_t end = hostile->next_session + HOSTILE_SWEEP_EVERY; /* a call takes one number at most */
    uint32_t last;

    while (hostile->next_session != end) {
        (void)tee_close(hostile->tee, hostile->next_session++);
    }
    if (tee_open(hostile->tee, &app_echo.name, &last) == TEE_RESULT_OK) {
        hostile->next_session = last + 1u;
        (void)tee_close(hostile->tee, last);
    }
    memset(hostile->sessions, 0, sizeof hostile->sessions);
}

void hostile_call(struct hostile *hostile)
{
    if (random_below(&hostile->random, 16) == 0) {
        call_without_message(hostile);
    } else {
        call_with_message(hostile);
    }
    if (++hostile->calls % HOSTILE_SWEEP_EVERY == 0) {
        hostile_close_all(hostile);
    }
    if (hostile->calls % LOOK_EVERY == 0) {
        hostile->leaks += secret_count(&hostile->secret, hostile->data->phys.pa.addr, HOSTILE_DATA_BYTES);
        hostile->leaks += secret_count(&hostile->secret, hostile->page->phys.pa.addr, QUIRE_PAGE_SIZE);
    }
}
