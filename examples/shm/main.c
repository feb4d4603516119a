/* main.c - two processes play two worlds. SPDX-License-Identifier: BSD-2-Clause */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "client.h"
#include "hasher.h"
#include "hostile.h"
#include "secure.h"
#include "verify.h"

/* 0: all was as it should be. 1: a rule was broken, or too little happened to prove anything. 2: it could not begin. */
#define EXIT_WRONG 1
#define EXIT_BAD 2

/* ---- The two worlds ---- */

static int play_secure_world(int socket, const struct args *args, struct account *account)
{
    struct secure_config config;

    config.socket = socket;
    config.start = args->start; /* any address will do: there is no such memory */
    config.size = (size_t)args->kib << 10;
    config.planted = args->planted;
    config.account = account;
    return secure_main(&config);
}

/* Has the file hashed in the secure world, and by sha256sum(1). */
static bool hash_honestly(struct client *client, const char *path)
{
    char ours[VERIFY_HEX];
    char theirs[VERIFY_HEX];

    if (!hasher_run(client, path, ours) || !verify_sha256sum(path, theirs)) {
        return false;
    }
    printf("%s  %s\n", ours, path);
    if (strcmp(ours, theirs) != 0) {
        printf("%s  is what sha256sum says\n", theirs);
        return false;
    }
    return true;
}

/* Returns null, or what was wrong. */
static const char *play_normal_world(struct client *client, const struct args *args, struct hostile_result *hostile)
{
    const char *wrong = NULL;

    if (!hash_honestly(client, args->path)) {
        wrong = "the file was not hashed, or not well";
    } else if (args->hostile && !hostile_run(client, args, hostile)) {
        wrong = "a call had no answer";
    } else if (args->hostile && !hash_honestly(client, args->path)) {
        wrong = "after the lies the file was not hashed, or not well";
    }
    return client_end(client) || wrong != NULL ? wrong : "some of the shared memory was not returned";
}

/* ---- What came of it ---- */

static void print_account(const struct account *account, const struct hostile_result *hostile)
{
    uint64_t calls = 0;
    uint32_t i;

    for (i = 0; i < ANSWERS; i++) {
        calls += account->answers[i];
    }
    printf("\n%12llu calls were answered:\n", (unsigned long long)calls);
    for (i = 1; i < ANSWERS; i++) {
        printf("%12llu   %s\n", (unsigned long long)account->answers[i], answer_name(i));
    }
    if (hostile->calls != 0) {
        printf("%12llu lies were told; %llu messages were others at the end of their call than at its beginning\n",
               (unsigned long long)hostile->lies, (unsigned long long)hostile->changed);
    }
    printf("%12llu bytes of shared memory were read: %llu twice in one call, %llu outside\n\n",
           (unsigned long long)account->ledger.bytes, (unsigned long long)account->ledger.twice,
           (unsigned long long)account->ledger.outside);
}

/* Returns null, or the worst that was wrong. */
static const char *judge(const struct account *account, const struct client *client, const struct args *args,
                         const struct hostile_result *hostile, int status, const char *wrong)
{
    if (account->ledger.outside != 0) {
        return "the secure world read outside of the shared memory";
    }
    if (account->ledger.twice != 0) {
        return "the secure world read something twice";
    }
    if (status != 0) {
        return "the secure world crashed";
    }
    if (wrong != NULL) {
        return wrong;
    }
    if (memcmp(account->answers, client->answers, sizeof account->answers) != 0) {
        return "what was answered is not what was received";
    }
    if (args->hostile && (account->answers[ANSWER_BAD_MESSAGE] == 0 || account->answers[ANSWER_BAD_BUFFER] == 0 ||
                          account->answers[ANSWER_OVERLAP] == 0 || hostile->changed == 0)) {
        return "too little happened to prove anything";
    }
    return NULL;
}

int main(int argc, char **argv)
{
    static struct client client;
    static struct hostile_result hostile;
    struct account *account;
    struct args args;
    const char *wrong;
    int ends[2];
    int status = 0;
    pid_t secure;
    int result = args_parse(argc, argv, &args);

    if (result >= 0) {
        return result;
    }
    account = (struct account *)mmap(NULL, sizeof *account, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (account == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0 || (secure = fork()) < 0) {
        perror("shm: cannot begin");
        return EXIT_BAD;
    }
    if (secure == 0) {
        close(ends[0]);
        _exit(play_secure_world(ends[1], &args, account));
    }
    close(ends[1]);
    if (!client_begin(&client, ends[0])) {
        return EXIT_BAD; /* the secure world sees the socket close, and ends too */
    }
    wrong = play_normal_world(&client, &args, &hostile);
    close(ends[0]);
    if (waitpid(secure, &status, 0) != secure) {
        status = -1;
    }
    print_account(account, &hostile);
    wrong = judge(account, &client, &args, &hostile, status, wrong);
    if (wrong != NULL) {
        printf("FAILED (planted: %s): %s\n", args_planted_name(args.planted), wrong);
        return EXIT_WRONG;
    }
    printf("OK: nothing was read outside, nothing twice, and no call had no answer.\n");
    return 0;
}
