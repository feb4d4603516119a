/* verify.c - a second opinion. SPDX-License-Identifier: BSD-2-Clause */
#include "verify.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Standard input, so that the name of the file is no option of anything. */
static void run_sha256sum(const char *path, int out)
{
    int in = open(path, O_RDONLY);

    if (in >= 0 && dup2(in, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0) {
        execlp("sha256sum", "sha256sum", (char *)NULL);
    }
    _exit(127);
}

bool verify_sha256sum(const char *path, char hex[VERIFY_HEX])
{
    int ends[2];
    size_t have = 0;
    ssize_t len;
    int status;
    pid_t child;

    if (pipe(ends) != 0) {
        perror("shm: pipe");
        return false;
    }
    child = fork();
    if (child == 0) {
        run_sha256sum(path, ends[1]);
    }
    close(ends[1]);
    while (have < VERIFY_HEX - 1 && (len = read(ends[0], hex + have, VERIFY_HEX - 1 - have)) > 0) {
        have += (size_t)len;
    }
    close(ends[0]);
    hex[have] = '\0';
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0 || have != VERIFY_HEX - 1) {
        fputs("shm: sha256sum does not answer\n", stderr);
        return false;
    }
    return true;
}
