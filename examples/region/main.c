/* main.c - allocates from an address space described by a file. SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "numbers.h"
#include "print.h"

/* 0: every line was a command. 1: some were not. 2: it could not begin. */
#define EXIT_LINES 1
#define EXIT_BAD 2

static const char usage[] =
    "usage: run [option ...] FILE      (without arguments: a demonstration on its own address space)\n"
    "Reads which ranges there are, and which of them are taken, from FILE; then obeys commands from standard input.\n"
    "\n"
    "FILE is /proc/iomem, whose addresses only root sees: what is System RAM is available, what is in it is taken;\n"
    "or /proc/self/maps, or that of any process: mappings are taken, what is between them is available;\n"
    "or text, a range a line, hexadecimal, as in    add 40000000-7fffffff ddr    reserve 40000000 +2M firmware\n"
    "\n"
    "  --unit SIZE        what everything is a multiple of, a power of two (default 4K; 1 for text)\n"
    "  --limit ADDRESS    the last address of a process (default: a power of two above its highest mapping)\n"
    "  --nodes N          at most so much bookkeeping: a node for each region and each hole (default: no limit)\n"
    "  --seed N           makes random placement the same every time\n"
    "\n";

struct args {
    const char *path;
    uint64_t unit;  /* 0: by the format */
    uint64_t limit; /* 0: a guess */
    uint64_t nodes; /* 0: no limit */
    uint64_t seed;  /* 0: the kernel's entropy */
};

/* Sets option `name` to `value`. Returns null, or what was expected. */
static const char *set_option(struct args *args, const char *name, const char *value)
{
    if (strcmp(name, "--unit") == 0) {
        return number_size(value, &args->unit) && quire_bits_one(args->unit) ? NULL : "a power of two such as 4K";
    }
    if (strcmp(name, "--limit") == 0) {
        return number_address(value, &args->limit) && args->limit != 0 ? NULL : "an address, hexadecimal";
    }
    if (strcmp(name, "--nodes") == 0) {
        return number_size(value, &args->nodes) && args->nodes != 0 && args->nodes <= UINT32_MAX ? NULL : "a number of nodes";
    }
    if (strcmp(name, "--seed") == 0) {
        return number_size(value, &args->seed) && args->seed != 0 ? NULL : "a number above 0";
    }
    return "an option that exists: see --help";
}

/* Returns -1 to go on, or the status to exit with. */
static int parse(int argc, char **argv, struct args *args)
{
    int i;

    memset(args, 0, sizeof *args);
    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        const char *expected;

        if (strcmp(argv[i], "--help") == 0) {
            printf("%sCommands:\n%s", usage, command_help);
            return 0;
        }
        expected = set_option(args, argv[i], i + 1 < argc ? argv[i + 1] : "");
        if (expected != NULL) {
            fprintf(stderr, "region: %s: expected %s\n", argv[i], expected);
            return EXIT_BAD;
        }
    }
    if (i + 1 != argc) {
        fputs("region: expected one file: see --help\n", stderr);
        return EXIT_BAD;
    }
    args->path = argv[i];
    return -1;
}

/* Obeys standard input to its end. Returns the status to exit with. */
static int converse(struct dialogue *dialogue)
{
    bool prompt = isatty(STDIN_FILENO) != 0;
    char *line = NULL;
    size_t room = 0;
    int result = 0;
    ssize_t len;

    while (!dialogue->ended) {
        if (prompt) {
            fputs("> ", stdout);
            fflush(stdout);
        }
        len = getline(&line, &room, stdin);
        if (len <= 0) {
            break;
        }
        dialogue->line++;
        if (strlen(line) != (size_t)len) {
            fflush(stdout);
            fprintf(stderr, "line %u: a zero byte: this is no text\n", dialogue->line);
            result = EXIT_LINES;
        } else if (!command_obey(dialogue, line)) {
            result = EXIT_LINES;
        }
    }
    free(line);
    return result;
}

int main(int argc, char **argv)
{
    static struct space space;
    struct dialogue dialogue = {&space, NULL, 0, 0, false};
    struct ranges ranges;
    struct args args;
    enum quire_status status;
    int result = parse(argc, argv, &args);

    if (result >= 0) {
        return result;
    }
    if (!ranges_read(&ranges, args.path, args.limit)) {
        ranges_free(&ranges);
        return EXIT_BAD;
    }
    if (args.unit == 0) {
        args.unit = ranges.format == RANGES_TEXT ? 1 : 4096;
    }
    status = space_init(&space, args.unit, (uint32_t)args.nodes);
    if (status != QUIRE_OK) {
        fprintf(stderr, "region: cannot begin: %s\n", quire_status_name(status));
        result = EXIT_BAD;
    } else {
        if (space_fill(&space, &ranges, args.path)) {
            dialogue.title = args.path;
            dialogue.seed = args.seed;
            print_stats(&space);
            result = converse(&dialogue);
        } else {
            result = EXIT_BAD;
        }
        space_end(&space);
    }
    ranges_free(&ranges);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "region: standard output: %s\n", strerror(errno));
        return EXIT_BAD;
    }
    return result;
}
