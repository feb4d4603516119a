/* hostile_answers.c - every answer there is, and how often it was seen. SPDX-License-Identifier: BSD-2-Clause */
#include "client/check.h"
#include "client/hostile.h"

struct answer {
    uint32_t code;
    const char *name;
    uint64_t seen;
};

static struct answer smc_answers[] = {
    {TEE_OK, "OK", 0},
    {TEE_UNKNOWN_FUNCTION, "UNKNOWN_FUNCTION", 0},
    {TEE_NO_THREAD, "NO_THREAD", 0},
    {TEE_BAD_RESUME, "BAD_RESUME", 0},
    {TEE_BAD_ADDRESS, "BAD_ADDRESS", 0},
    {TEE_BAD_COMMAND, "BAD_COMMAND", 0},
    {TEE_INTERRUPTED, "INTERRUPTED", 0},
};

/* Calls wait for each other only where two processors are at it. */
static struct answer waiting[] = {{TEE_WAITING, "WAITING", 0}};

static struct answer results[] = {
    {TEE_RESULT_OK, "OK", 0},
    {TEE_RESULT_ACCESS_DENIED, "ACCESS_DENIED", 0},
    {TEE_RESULT_ACCESS_CONFLICT, "ACCESS_CONFLICT", 0},
    {TEE_RESULT_BAD_FORMAT, "BAD_FORMAT", 0},
    {TEE_RESULT_BAD_PARAMETERS, "BAD_PARAMETERS", 0},
    {TEE_RESULT_ITEM_NOT_FOUND, "ITEM_NOT_FOUND", 0},
    {TEE_RESULT_NOT_SUPPORTED, "NOT_SUPPORTED", 0},
    {TEE_RESULT_OUT_OF_MEMORY, "OUT_OF_MEMORY", 0},
    {TEE_RESULT_BUSY, "BUSY", 0},
    {TEE_RESULT_SHORT_BUFFER, "SHORT_BUFFER", 0},
    {TEE_RESULT_CORRUPT, "CORRUPT", 0},
    {TEE_RESULT_TARGET_DEAD, "TARGET_DEAD", 0},
};

/* What the kernel would say where it has no word for it, which is a mistake of its own. */
static struct answer never[] = {{TEE_RESULT_GENERIC, "GENERIC", 0}};

static uint64_t other_answers; /* none of smc.h */

static bool count(struct answer *answers, size_t n, uint32_t code)
{
    size_t i;

    for (i = 0; i < n; i++) {
        if (answers[i].code == code) {
            answers[i].seen++;
            return true;
        }
    }
    return false;
}

void hostile_saw_smc(uint32_t answer)
{
    other_answers += !count(smc_answers, sizeof smc_answers / sizeof smc_answers[0], answer) && !count(waiting, 1, answer);
}

/* Results of applications may be any number. */
void hostile_saw_result(uint32_t result)
{
    (void)(count(results, sizeof results / sizeof results[0], result) || count(never, 1, result));
}

static void check_seen(const char *kind, const struct answer *answers, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++) {
        check(answers[i].seen != 0, "%s %s came %lu times", kind, answers[i].name, answers[i].seen);
    }
}

void hostile_check_answers(uint64_t cpus)
{
    check(other_answers == 0, "no answer came that is not one of the interface's (%lu)", other_answers);
    if (cpus > 1) {
        check_seen("answer", waiting, 1);
    }
    check_seen("answer", smc_answers, sizeof smc_answers / sizeof smc_answers[0]);
    check(never[0].seen == 0, "result GENERIC never came (%lu)", never[0].seen);
    check_seen("result", results, sizeof results / sizeof results[0]);
}
