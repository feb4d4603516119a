/* args.c - the command line. SPDX-License-Identifier: BSD-2-Clause */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: run [option ...] [FILE]\n"
    "Two processes share memory. One plays the secure world; the other allocates from that memory with Quire, places FILE in\n"
    "it and has it hashed (SHA-256). Without FILE: this program.\n"
    "\n"
    "  --hostile          then it lies: lengths and addresses change while the secure world reads them\n"
    "  --seconds N        for how long (default 2)\n"
    "  --requests N       or for how many calls, if that is sooner\n"
    "  --seed N           of what it does (default 1)\n"
    "  --size KIB         of shared memory (default 1024)\n"
    "  --start ADDRESS    where it is said to lie, physically; hexadecimal (default 880000000). Some places are refused\n"
    "  --break=BUG        plants a bug in the secure world, which must make it fail; hostile, too:\n"
    "                     length (checks it, then fetches it again), bounds (believes addresses),\n"
    "                     overlap (hashes a buffer in which the message lies)\n";

const char *args_planted_name(enum planted planted)
{
    static const char *const names[] = {"nothing", "length", "bounds", "overlap"};

    return names[planted];
}

static bool number(const char *text, int base, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, base);
    return isxdigit((unsigned char)text[0]) && *end == '\0' && errno == 0 && *out >= min && *out <= max;
}

static bool planted_of(const char *text, enum planted *out)
{
    int i;

    for (i = PLANTED_LENGTH; i <= PLANTED_OVERLAP; i++) {
        if (strcmp(text, args_planted_name((enum planted)i)) == 0) {
            *out = (enum planted)i;
            return true;
        }
    }
    return false;
}

/* Sets the option if `value` is good. Returns null, or what was expected. */
static const char *set_option(struct args *args, const char *name, const char *value)
{
    uint64_t n = 0;

    if (strcmp(name, "--seconds") == 0) {
        bool good = number(value, 10, 0, 1000000, &n);

        args->seconds = (uint32_t)n;
        return good ? NULL : "a number of seconds";
    }
    if (strcmp(name, "--requests") == 0) {
        return number(value, 10, 1, UINT64_MAX, &args->requests) ? NULL : "a number above 0";
    }
    if (strcmp(name, "--seed") == 0) {
        return number(value, 10, 0, UINT64_MAX, &args->seed) ? NULL : "a number";
    }
    if (strcmp(name, "--size") == 0) {
        bool good = number(value, 10, 64, 1u << 20, &n) && n % 64 == 0;

        args->kib = (uint32_t)n;
        return good ? NULL : "a multiple of 64, at most 1048576";
    }
    if (strcmp(name, "--start") == 0) {
        return number(value, 16, 0, UINT64_MAX, &args->start) ? NULL : "an address, hexadecimal";
    }
    if (strcmp(name, "--break") == 0) {
        args->hostile = true;
        return planted_of(value, &args->planted) ? NULL : "length, bounds or overlap";
    }
    return "an option that exists: see --help";
}

int args_parse(int argc, char **argv, struct args *args)
{
    int i = 1;

    memset(args, 0, sizeof *args);
    args->path = "/proc/self/exe";
    args->seconds = 2;
    args->seed = 1;
    args->kib = 1024;
    args->start = 0x880000000;
    while (i < argc && strncmp(argv[i], "--", 2) == 0) {
        char *equals = strchr(argv[i], '=');
        const char *name = argv[i++];
        const char *expected;

        if (strcmp(name, "--help") == 0) {
            fputs(usage, stdout);
            return 0;
        }
        if (strcmp(name, "--hostile") == 0) {
            args->hostile = true;
            continue;
        }
        if (equals != NULL) {
            *equals = '\0';
        }
        expected = set_option(args, name, equals != NULL ? equals + 1 : i < argc ? argv[i++] : "");
        if (expected != NULL) {
            fprintf(stderr, "shm: %s: expected %s\n", name, expected);
            return 2;
        }
    }
    if (i + 1 < argc) {
        fputs("shm: expected at most one file: see --help\n", stderr);
        return 2;
    }
    if (i < argc) {
        args->path = argv[i];
    }
    if (access(args->path, R_OK) != 0) {
        fprintf(stderr, "shm: %s: %s\n", args->path, strerror(errno));
        return 2;
    }
    return -1;
}
