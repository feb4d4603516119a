/*
 * A second `main` for Criterion tests. Criterion runs each test in a sandbox of its own making, in which ThreadSanitizer
 * cannot work and Valgrind starts anew for every test. This one walks the same list of tests and forks once per test; the
 * tests themselves are the same sources. What the tests call of Criterion's runner stands here, and so is found before
 * Criterion's own; everything else (messages, comparisons) comes from libcriterion.
 *
 * Usage: program [SUITE/]TEST... runs those tests; without arguments, all. Ends with the line Criterion ends with.
 */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <criterion/event.h>
#include <criterion/internal/assert/types.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* The linker gathers every Test() and TestSuite() in these two sections. */
extern struct criterion_test *const __start_cr_tst[] __attribute__((weak));
extern struct criterion_test *const __stop_cr_tst[] __attribute__((weak));
extern struct criterion_suite *const __start_cr_sts[] __attribute__((weak));
extern struct criterion_suite *const __stop_cr_sts[] __attribute__((weak));

/* What the child tells the parent, besides its exit status, when the status alone cannot. */
#define EXIT_FAILED 125
#define EXIT_SKIPPED 124

static const struct criterion_test *running;
static const struct criterion_test_extra_data *running_suite;
static sigjmp_buf out_of_test;
static int failed;
static int skipped;

static void complain(const char *file, size_t line, const char *message)
{
    fprintf(stderr, "[----] %s:%zu: %s\n", file, line, message);
}

/* ---- What tests call ---- */

void criterion_send_assert(struct criterion_assert_stats *stats)
{
    if (!stats->passed) {
        failed = 1;
        complain(stats->file, stats->line, stats->message);
    }
}

static void complain_tree(const char *file, size_t line, const struct cri_assert_node *node)
{
    uint32_t i;

    if (!node->pass && (node->repr != NULL || node->message != NULL)) {
        complain(file, line, node->message != NULL ? node->message : node->repr);
    }
    for (i = 0; i < node->nchild; i++) {
        complain_tree(file, line, &node->children[i]);
    }
}

void cri_assert_node_send(const char *file, size_t line, struct cri_assert_node *tree)
{
    if (!tree->pass) {
        failed = 1;
        complain_tree(file, line, tree);
    }
}

void criterion_abort_test(void)
{
    siglongjmp(out_of_test, 1);
}

void criterion_continue_test(void)
{
}

void criterion_skip_test(const char *format, ...)
{
    (void)format;
    skipped = 1;
    siglongjmp(out_of_test, 1);
}

void criterion_test_die(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(EXIT_FAILED);
}

void criterion_internal_test_setup(void)
{
    if (running_suite != NULL && running_suite->init != NULL) {
        running_suite->init();
    }
    if (running->data->init != NULL) {
        running->data->init();
    }
}

void criterion_internal_test_main(void (*test)(void))
{
    if (sigsetjmp(out_of_test, 1) == 0) {
        test();
    }
}

void criterion_internal_test_teardown(void)
{
    if (running->data->fini != NULL) {
        running->data->fini();
    }
    if (running_suite != NULL && running_suite->fini != NULL) {
        running_suite->fini();
    }
}

/* ---- The run ---- */

enum outcome { PASSED, FAILED, CRASHED, SKIPPED };

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test)
{
    struct criterion_suite *const *suite;

    for (suite = __start_cr_sts; suite != __stop_cr_sts; suite++) {
        if (*suite != NULL && strcmp((*suite)->name, test->category) == 0) {
            return (*suite)->data;
        }
    }
    return NULL;
}

static unsigned time_limit(const struct criterion_test *test)
{
    const char *scale = getenv("QUIRE_TIMEOUT_SCALE");
    double limit = test->data->timeout;

    if (limit <= 0 && running_suite != NULL) {
        limit = running_suite->timeout;
    }
    return limit <= 0 ? 0 : 1u + (unsigned)(limit * (scale != NULL ? atof(scale) : 1.0));
}

static void run_in_child(const struct criterion_test *test)
{
    alarm(time_limit(test));
    test->test();
    /* exit, not _exit: sanitizers and Valgrind have the last word, through the exit status. */
    exit(failed ? EXIT_FAILED : skipped ? EXIT_SKIPPED : 0);
}

static enum outcome judge(const struct criterion_test *test, int status)
{
    int expected_signal = test->data->signal;
    int expected_exit = test->data->exit_code;

    if (running_suite != NULL) {
        expected_signal = expected_signal != 0 ? expected_signal : running_suite->signal;
        expected_exit = expected_exit != 0 ? expected_exit : running_suite->exit_code;
    }
    if (WIFSIGNALED(status)) {
        if (WTERMSIG(status) == expected_signal) {
            return PASSED;
        }
        fprintf(stderr, "[----] %s/%s: %s\n", test->category, test->name, strsignal(WTERMSIG(status)));
        return CRASHED;
    }
    if (WEXITSTATUS(status) == EXIT_SKIPPED) {
        return SKIPPED;
    }
    if (expected_signal != 0 || WEXITSTATUS(status) != expected_exit) {
        fprintf(stderr, "[----] %s/%s: exit status %d\n", test->category, test->name, WEXITSTATUS(status));
        return FAILED;
    }
    return PASSED;
}

static enum outcome run(const struct criterion_test *test)
{
    int status;
    pid_t child;

    running = test;
    running_suite = suite_of(test);
    if (test->data->disabled || (running_suite != NULL && running_suite->disabled)) {
        return SKIPPED;
    }
    if (test->data->kind_ != CR_TEST_NORMAL) {
        fprintf(stderr, "[----] %s/%s: only plain tests run here\n", test->category, test->name);
        return FAILED;
    }
    fflush(NULL);
    child = fork();
    if (child == 0) {
        run_in_child(test);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("fork");
        return CRASHED;
    }
    return judge(test, status);
}

static int wanted(const struct criterion_test *test, int argc, char **argv)
{
    char full[512];
    int i;

    snprintf(full, sizeof full, "%s/%s", test->category, test->name);
    for (i = 1; i < argc; i++) {
        if (strcmp(argv[i], full) == 0 || strcmp(argv[i], test->name) == 0) {
            return 1;
        }
    }
    return argc <= 1;
}

int main(int argc, char **argv)
{
    static const char *const word[] = {"PASS", "FAIL", "CRASH", "SKIP"};
    unsigned count[4] = {0, 0, 0, 0};
    struct criterion_test *const *test;

    for (test = __start_cr_tst; test != __stop_cr_tst; test++) {
        enum outcome outcome;

        if (*test == NULL || !wanted(*test, argc, argv)) {
            continue;
        }
        outcome = run(*test);
        count[outcome]++;
        if (outcome != PASSED) {
            printf("[%s] %s::%s\n", word[outcome], (*test)->category, (*test)->name);
        }
    }
    printf("[====] Synthesis: Tested: %u | Passing: %u | Failing: %u | Crashing: %u\n", count[0] + count[1] + count[2],
           count[PASSED], count[FAILED], count[CRASHED]);
    return count[FAILED] + count[CRASHED] > 0 || count[0] + count[3] == 0;
}
