/* test_hostile.c - the normal world lies, and tries to see what is not its own. SPDX-License-Identifier: BSD-2-Clause */
#include "abi/board.h"
#include "client/apps.h"
#include "client/check.h"
#include "client/console.h"
#include "client/crew.h"
#include "client/entry.h"
#include "client/hostile.h"
#include "client/random.h"
#include "client/tee_kernel.h"
#include "client/tests.h"
#include "ta/echo/functions.h"
#include "ta/rogue/cases.h"

#define DECODED_PERCENT 30u

/* ---- Memory that is not the normal world's ---- */

static uint64_t readable(uint64_t start, uint64_t bytes, uint64_t stride)
{
    uint64_t count = 0;
    uint64_t value;
    uint64_t at;

    for (at = start; at < start + bytes; at += stride) {
        count += guarded_read(at, &value);
    }
    return count;
}

static void secure_memory_cannot_be_read(void)
{
    uint64_t value;

    check(guarded_read(SHARED_BASE, &value), "what is shared can be read");
    check(readable(BOARD_SECURE_RAM, BOARD_SECURE_RAM_BYTES, 0x1000) == 0, "no page of secure memory can be read");
    check(readable(BOARD_FLASH, 0x04000000, 0x10000) == 0, "nothing of the flash can be read");
    check(readable(BOARD_UART_SECURE, 0x1000, 8) == 0, "no register of the secure serial line can be read");
}

/* ---- Outputs that would be written to where they must not ---- */

static const uint64_t forbidden[] = {
    BOARD_FLASH,
    BOARD_UART_SECURE,
    BOARD_GICD,
    BOARD_SECURE_RAM,
    CONFIG_BASE,
    KERNEL_BASE,
    BOARD_SECURE_RAM + BOARD_SECURE_RAM_BYTES - 0x1000,
    BOARD_DRAM - 0x1000,
    SHARED_BASE - 0x1000,
    SHARED_BASE + SHARED_BYTES - 8,
    UINT64_MAX - 0xfff,
};

static uint32_t stats_into(struct tee *tee, uint64_t pa)
{
    struct tee_message message = {.command = TEE_CMD_STATS, .num_params = 2};

    message.params[0] = tee_value(TEE_PARAM_VALUE_IN, 0, 0);
    message.params[1].attr = TEE_PARAM_MEMORY_OUT;
    message.params[1].a = pa;
    message.params[1].b = sizeof(struct tee_stats);
    return tee_do(tee, &message);
}

static uint32_t recall_into(struct tee *tee, uint32_t session, uint64_t pa)
{
    struct tee_param param = {TEE_PARAM_MEMORY_OUT, pa, SECRET_BYTES, 0};

    return tee_invoke(tee, session, ECHO_RECALL, &param, 1);
}

static void outputs_stay_in_shared_memory(struct hostile *hostile)
{
    unsigned accepted = 0;
    size_t i;

    for (i = 0; i < sizeof forbidden / sizeof forbidden[0]; i++) {
        accepted += stats_into(hostile->tee, forbidden[i]) == TEE_RESULT_OK;
        accepted += recall_into(hostile->tee, hostile->secret.session, forbidden[i]) == TEE_RESULT_OK;
    }
    check(accepted == 0, "nothing is written where this world has no memory to share");
}

/* ---- All threads in use; a session in use ---- */

#define CALLS_MAX 12u        /* more than the kernel has threads */
#define LOOP_ROUNDS 3000000u /* long enough to be interrupted many times */

static void begin_loop(struct hostile *hostile, struct tee_call *call, uint32_t session)
{
    struct tee_param params[2] = {tee_value(TEE_PARAM_VALUE_IN, 1, LOOP_ROUNDS), tee_value(TEE_PARAM_VALUE_OUT, 0, 0)};
    struct tee_message message = tee_message_invoke(session, ROGUE_LOOP, params, 2);

    check(tee_call_begin(call, hostile->tee, &message), "there is room for a message");
}

static bool step_and_see(struct tee_call *call)
{
    bool over = tee_call_step(call);

    hostile_saw_smc(call->smc);
    if (over && call->smc == TEE_OK) {
        hostile_saw_result(call->message.result);
    }
    return over;
}

static void threads_run_out(struct hostile *hostile)
{
    static struct tee_call calls[CALLS_MAX];
    uint32_t sessions[CALLS_MAX];
    bool over[CALLS_MAX] = {false};
    unsigned refused = 0;
    unsigned left = CALLS_MAX;
    unsigned right = 0;
    unsigned i;

    for (i = 0; i < CALLS_MAX; i++) {
        check(tee_open(hostile->tee, &app_rogue.name, &sessions[i]) == TEE_RESULT_OK, "session %u of many opens", i);
        begin_loop(hostile, &calls[i], sessions[i]);
    }
    while (left != 0) {
        for (i = 0; i < CALLS_MAX; i++) {
            if (!over[i]) {
                over[i] = step_and_see(&calls[i]);
                left -= over[i];
                refused += calls[i].smc == TEE_NO_THREAD;
            }
        }
    }
    for (i = 0; i < CALLS_MAX; i++) {
        right += calls[i].message.result == TEE_RESULT_OK;
        tee_call_end(&calls[i]);
        right += tee_close(hostile->tee, sessions[i]) == TEE_RESULT_OK;
    }
    check(refused != 0 && right == 2u * CALLS_MAX,
          "%u calls at once: for some there was no thread (%u times), in the end all are answered", CALLS_MAX, refused);
}

#define SESSIONS_MAX 64u /* more than the kernel has */

static void sessions_run_out(struct hostile *hostile)
{
    uint32_t sessions[SESSIONS_MAX];
    uint32_t result = TEE_RESULT_OK;
    unsigned opened = 0;
    unsigned closed = 0;

    while (opened < SESSIONS_MAX && (result = tee_open(hostile->tee, &app_echo.name, &sessions[opened])) == TEE_RESULT_OK) {
        opened++;
    }
    hostile_saw_result(result);
    while (closed < opened && tee_close(hostile->tee, sessions[closed]) == TEE_RESULT_OK) {
        closed++;
    }
    check(result == TEE_RESULT_OUT_OF_MEMORY && closed == opened, "%u sessions can be open beside one, and closed again (%08x)",
          opened, result);
}

static void a_session_has_one_call(struct hostile *hostile)
{
    struct tee_call call;
    uint32_t session = 0;
    uint32_t result;

    check(tee_open(hostile->tee, &app_rogue.name, &session) == TEE_RESULT_OK, "the rogue opens");
    begin_loop(hostile, &call, session);
    check(!step_and_see(&call), "it is interrupted");
    result = tee_invoke(hostile->tee, session, ROGUE_LOOP, NULL, 0);
    hostile_saw_result(result);
    check(result == TEE_RESULT_BUSY, "meanwhile its session is busy (%08x)", result);
    while (!step_and_see(&call)) {
    }
    tee_call_end(&call);
    result = tee_invoke(hostile->tee, session, ROGUE_PANIC, NULL, 0);
    hostile_saw_result(result);
    check(result == TEE_RESULT_TARGET_DEAD, "then it asks to be killed, and is (%08x)", result);
    check(tee_close(hostile->tee, session) == TEE_RESULT_OK, "and closed");
}

/* ---- What the kernel itself finds altered ---- */

#define DONATED_PAGES (CLIENT_DONATION_BYTES / QUIRE_PAGE_SIZE)

static uint64_t *first_word(size_t page)
{
    return (uint64_t *)(uintptr_t)(CLIENT_DONATION + page * QUIRE_PAGE_SIZE);
}

/* A bit in each sealed page; what the kernel has written meanwhile is not touched when they are put right. */
static uint64_t altered[DONATED_PAGES];

static void alter_all(void)
{
    size_t page;

    for (page = 0; page < DONATED_PAGES; page++) {
        altered[page] = *first_word(page) ^ 1u;
        *first_word(page) = altered[page];
    }
}

static void put_all_right(void)
{
    size_t page;

    for (page = 0; page < DONATED_PAGES; page++) {
        if (*first_word(page) == altered[page]) {
            *first_word(page) ^= 1u;
        }
    }
}

static bool open_with_memory(struct hostile *hostile, uint32_t *session)
{
    struct tee_param kept = tee_memory(TEE_PARAM_MEMORY_IN, hostile->data, HOSTILE_DATA_BYTES);

    return tee_open(hostile->tee, &app_echo.name, session) == TEE_RESULT_OK &&
           tee_invoke(hostile->tee, *session, ECHO_KEEP, &kept, 1) == TEE_RESULT_OK;
}

#define CROWD 13u /* as many as there can be: no account of theirs is much larger than another */

/* Has what is not used just now driven out: there is not room for what these have to keep. */
static bool drive_out(struct hostile *hostile)
{
    struct tee *tee = hostile->tee;
    uint32_t sessions[CROWD];
    struct tee_stats stats;
    uint64_t now;
    bool done = tee_get_stats(tee, 0, &stats) == TEE_RESULT_OK && tee_resize(tee, stats.pool_min, &now) == TEE_RESULT_OK;
    unsigned i;

    for (i = 0; i < CROWD; i++) {
        done = open_with_memory(hostile, &sessions[i]) && done;
    }
    for (i = 0; i < CROWD; i++) {
        done = tee_close(tee, sessions[i]) == TEE_RESULT_OK && done;
    }
    return tee_resize(tee, stats.pool_pages, &now) == TEE_RESULT_OK && done;
}

/* The kernel puts parameters on the application's stack: it finds out before the application does. */
static void an_altered_stack_is_corrupt(struct hostile *hostile)
{
    uint32_t session = 0;
    uint32_t result;

    check(open_with_memory(hostile, &session), "echo opens, and keeps something");
    check(drive_out(hostile), "others drive it out");
    alter_all();
    result = tee_invoke(hostile->tee, session, ECHO_NOTHING, NULL, 0);
    hostile_saw_result(result);
    check(result == TEE_RESULT_CORRUPT, "with all its sealed pages altered it has no stack to be called on (%08x)", result);
    put_all_right();
    result = tee_invoke(hostile->tee, session, ECHO_NOTHING, NULL, 0);
    check(result == TEE_RESULT_OK, "with all put right it goes on (%08x)", result);
    check(tee_close(hostile->tee, session) == TEE_RESULT_OK, "it closes");
}

/* ---- Calls that wait for each other ---- */

#define OPENS_MAX 1000u /* until one has had to wait */

/* Another processor's work: files are registered, which takes long, and nobody can open anything meanwhile. */
struct registrar {
    struct hostile *hostile;
    uint32_t stop;
};

static void keep_registering(void *arg)
{
    struct registrar *registrar = (struct registrar *)arg;
    const struct tee_name name = {HOSTILE_NAME, 0};

    while (__atomic_load_n(&registrar->stop, __ATOMIC_ACQUIRE) == 0) {
        (void)tee_register(registrar->hostile->tee, &name, app_rogue.image, QUIRE_PAGE_SIZE);
        (void)tee_register(registrar->hostile->tee, &name, app_echo.image, (uint64_t)(app_echo.image_end - app_echo.image));
    }
}

/* Opens a session and closes it; false if not. Adds how often that had to wait. */
static bool open_and_close(struct hostile *hostile, uint32_t *waited)
{
    struct tee_message message = tee_message_open(&app_echo.name);
    struct tee_call call;
    bool opened;

    if (!tee_call_begin(&call, hostile->tee, &message)) {
        return false;
    }
    while (!step_and_see(&call)) {
        cpu_yield();
    }
    tee_call_end(&call);
    *waited += call.waited;
    opened = call.message.result == TEE_RESULT_OK;
    return opened && tee_close(hostile->tee, call.message.session) == TEE_RESULT_OK;
}

static void calls_wait_for_each_other(struct hostile *hostile)
{
    struct registrar registrar = {hostile, 0};
    uint32_t waited = 0;
    unsigned tries = 0;
    bool opened = true;

    cpu_run(1, keep_registering, &registrar);
    while (opened && waited == 0 && tries++ < OPENS_MAX) {
        opened = open_and_close(hostile, &waited);
    }
    __atomic_store_n(&registrar.stop, 1, __ATOMIC_RELEASE);
    cpu_wait(1);
    check(opened && waited != 0,
          "a session that is opened while another processor registers files waits, and opens (at try %u)", tries);
}

/* ---- The lies ---- */

/* Another processor's work: changes the message whenever there is one to be changed. */
struct flipper {
    struct hostile *hostile;
    uint32_t stop;
};

static void flip(void *arg)
{
    struct flipper *flipper = (struct flipper *)arg;
    uint64_t random = 7;

    while (__atomic_load_n(&flipper->stop, __ATOMIC_ACQUIRE) == 0) {
        if (__atomic_load_n(&flipper->hostile->flipping, __ATOMIC_ACQUIRE) != 0) {
            hostile_change_word(flipper->hostile, &random);
        }
        cpu_yield();
    }
}

static void lie(struct hostile *hostile, const struct script *script)
{
    struct flipper flipper = {hostile, 0};
    uint64_t ticks = cpu_ticks();

    if (script->cpus > 1) {
        cpu_run(1, flip, &flipper);
    }
    while (hostile->calls < script->calls) {
        hostile_call(hostile);
    }
    if (script->cpus > 1) {
        __atomic_store_n(&flipper.stop, 1, __ATOMIC_RELEASE);
        cpu_wait(1);
    }
    print("# %lu calls took %lu ms\n", hostile->calls, (cpu_ticks() - ticks) * 1000u / cpu_ticks_per_second());
}

static void judge(const struct hostile *hostile, const struct script *script)
{
    check(hostile->decoded * 100u >= hostile->calls * DECODED_PERCENT, "%lu calls, and %lu of them got past decoding",
          hostile->calls, hostile->decoded);
    check(hostile->strange_registers == 0, "no register came back with anything but its answer or what was in it (%lu)",
          hostile->strange_registers);
    check(script->cpus == 1 || hostile->changed != 0, "%lu messages were changed while they were looked at", hostile->changed);
    check(hostile->leaks == 0, "the secret was in no register and in no buffer (%lu)", hostile->leaks);
    check(secret_count(&hostile->secret, SHARED_BASE, SHARED_BYTES) == 0, "it is nowhere in shared memory");
    check(secret_count(&hostile->secret, CLIENT_DONATION, CLIENT_DONATION_BYTES) == 0,
          "it is nowhere in what the kernel keeps outside");
    check(secret_count(&hostile->secret, HOSTILE_SCRATCH, 0x01000000) == 0,
          "it is nowhere in memory that was offered for anything");
}

/* ---- Before and after ---- */

static bool begin(struct hostile *hostile, const struct test_run *run)
{
    struct tee_stats stats;

    hostile->tee = run->tee;
    hostile->random = run->script->seed;
    if (tee_get_stats(run->tee, 0, &stats) != TEE_RESULT_OK ||
        quire_shm_alloc(&run->tee->shm, QUIRE_PAGE_SIZE, &hostile->page) != QUIRE_OK ||
        quire_shm_alloc(&run->tee->shm, HOSTILE_DATA_BYTES, &hostile->data) != QUIRE_OK) {
        return false;
    }
    hostile->pool_pages = stats.pool_pages;
    if (!secret_plant(&hostile->secret, run->tee, run->script->seed ^ cpu_ticks())) {
        return false;
    }
    hostile->next_session = hostile->secret.session + 1u;
    return true;
}

/* Closes what the lies have opened, and makes the applications known under their own names again. */
static bool clean_up(struct hostile *hostile, uint64_t pool_pages)
{
    struct tee_name name = {HOSTILE_NAME, 0};
    uint64_t now = 0;

    hostile_close_all(hostile);
    for (name.b = 0; name.b < HOSTILE_NAMES; name.b++) {
        (void)tee_unregister(hostile->tee, &name);
    }
    return tee_resize(hostile->tee, pool_pages, &now) == TEE_RESULT_OK && now == pool_pages;
}

static void others_still_work(const struct test_run *run)
{
    static const struct app *const apps[] = {&app_echo, &app_sorter, &app_interpreter, &app_sharer};
    static struct crew crew;

    if (check(crew_begin(&crew, run->tee, (unsigned)run->script->cpus, apps, sizeof apps / sizeof apps[0], run->script->seed,
                         run->script->heap),
              "four applications open")) {
        crew_run_requests(&crew, 2);
        check(crew_is_right(&crew), "all their answers are right: %lu", crew_total(&crew).right);
        check(crew_end(&crew), "all of them close");
    }
}

void test_hostile(struct test_run *run)
{
    static struct hostile hostile;
    struct tee_stats stats = {0};

    if (!check(tee_get_stats(run->tee, 0, &stats) == TEE_RESULT_OK && begin(&hostile, run), "an application has a secret")) {
        return;
    }
    others_still_work(run); /* which drives the secret out of secure memory, sealed */
    secure_memory_cannot_be_read();
    outputs_stay_in_shared_memory(&hostile);
    threads_run_out(&hostile);
    sessions_run_out(&hostile);
    a_session_has_one_call(&hostile);
    an_altered_stack_is_corrupt(&hostile);
    if (run->script->cpus > 1) {
        calls_wait_for_each_other(&hostile);
    }
    lie(&hostile, run->script);
    judge(&hostile, run->script);
    hostile_check_answers(run->script->cpus);
    check(secret_is_kept(&hostile.secret), "the application still knows its secret");
    check(secret_end(&hostile.secret), "it closes");
    check(clean_up(&hostile, stats.pool_pages), "what the lies have left is put away");
    quire_shm_put(hostile.page);
    quire_shm_put(hostile.data);
    check(apps_unregister(run->tee) && apps_register(run->tee), "the applications are known under their own names");
    others_still_work(run);
    check(tee_check(run->tee) == TEE_RESULT_OK, "all invariants hold");
}
