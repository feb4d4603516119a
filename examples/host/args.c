/* args.c - the command line. SPDX-License-Identifier: BSD-2-Clause */
#include "args.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: run [option ...] [file ...]\n"
    "Pages ELF files through real page faults into a small pool, for several contexts at once.\n"
    "\n"
    "  --contexts N       contexts, each a thread (default 3, at most 64)\n"
    "  --pool PAGES       physical pages (default 256, or what the contexts need at least)\n"
    "  --policy NAME      which page gives way: refault (default), clock, s3fifo, 2q or fifo\n"
    "  --seed N           what the contexts do, and in which order (default 1)\n"
    "  --seconds N        how long (default 4); every byte is verified once in any case\n"
    "  --store FILE       keeps private pages (data, heaps, the shared buffer) in this file\n"
    "  --sealed           ... sealed with AES-256-GCM: see examples/host/tamper\n"
    "  --stops N          stops so often (SIGUSR1: once more) until it reads a line, for you to change FILE; needs --store\n"
    "  --resume           instead of running: a new key, and every page that a run with --stops left in FILE;\n"
    "                     needs --store and --sealed\n"
    "  --break=FAULT      plants a fault, which must make it fail:\n"
    "                     verify  pages of files are changed, and not compared with their hashes; needs nothing else\n"
    "                     wipe    new pages are not cleared; needs nothing else\n"
    "                     share   contexts do not share the shared buffer; needs nothing else\n"
    "                     flush   pages that are gone are still seen; needs nothing else\n"
    "                     seal    no tag is compared; needs --sealed, and FILE to be changed at a stop, or --resume\n"
    "                     key     all runs have one key; needs --sealed, in the run that is killed and with its --resume\n"
    "  --dot FILE         draws what shares what, for Graphviz\n"
    "  --json FILE        writes the figures\n"
    "  --record FILE      records every fault and eviction, for examples/trace/run\n"
    "  --payload FILE     the shared object to execute (default: payload.so beside the program)\n"
    "  file ...           ELF files (default: this program, the C library, the largest programs of /usr/bin)\n";

static const char *const planted_names[] = {"none", "verify", "wipe", "share", "flush", "seal", "key"};

const char *args_planted_name(enum planted planted)
{
    return planted_names[planted];
}

static bool number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value < min || value > max) {
        return false;
    }
    *out = value;
    return true;
}

static bool number32(const char *text, uint32_t min, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    bool good = number(text, min, max, &value);

    *out = (uint32_t)value;
    return good;
}

static bool seconds_of(const char *text, double *out)
{
    char *end;

    *out = strtod(text, &end);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && *out >= 0 && *out <= 1000000;
}

static bool planted_of(const char *text, enum planted *out)
{
    int i;

    for (i = PLANTED_VERIFY; i <= PLANTED_KEY; i++) {
        if (strcmp(text, planted_names[i]) == 0) {
            *out = (enum planted)i;
            return true;
        }
    }
    return false;
}

static bool policy_of(const char *text, const char **out)
{
    static const char *const names[] = {"refault", "clock", "s3fifo", "2q", "fifo"};
    size_t i;

    *out = text;
    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strcmp(text, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool path_of(const char *text, const char **out)
{
    *out = text;
    return text[0] != '\0';
}

/* Sets option `name` to `value`. Returns null, or what is wrong. */
static const char *set_option(struct args *args, const char *name, const char *value)
{
    if (strcmp(name, "contexts") == 0) {
        return number32(value, 1, ARGS_CONTEXTS_MAX, &args->contexts) ? NULL : "a number from 1 to 64";
    }
    if (strcmp(name, "pool") == 0) {
        return number32(value, 1, 1u << 24, &args->pool) ? NULL : "a number of pages";
    }
    if (strcmp(name, "policy") == 0) {
        return policy_of(value, &args->policy) ? NULL : "refault, clock, s3fifo, 2q or fifo";
    }
    if (strcmp(name, "seed") == 0) {
        return number(value, 0, UINT64_MAX, &args->seed) ? NULL : "a number";
    }
    if (strcmp(name, "seconds") == 0) {
        return seconds_of(value, &args->seconds) ? NULL : "a number of seconds";
    }
    if (strcmp(name, "break") == 0) {
        return planted_of(value, &args->planted) ? NULL : "verify, wipe, share, flush, seal or key";
    }
    if (strcmp(name, "store") == 0) {
        return path_of(value, &args->store) ? NULL : "a file";
    }
    if (strcmp(name, "stops") == 0) {
        return number32(value, 0, 1000, &args->stops) ? NULL : "a number up to 1000";
    }
    if (strcmp(name, "dot") == 0) {
        return path_of(value, &args->dot) ? NULL : "a file";
    }
    if (strcmp(name, "json") == 0) {
        return path_of(value, &args->json) ? NULL : "a file";
    }
    if (strcmp(name, "record") == 0) {
        return path_of(value, &args->record) ? NULL : "a file";
    }
    if (strcmp(name, "payload") == 0) {
        return path_of(value, &args->payload) ? NULL : "a file";
    }
    return "an option that exists: see --help";
}

/* Reads the option at argv[i], as "--name=value" or "--name value"; returns how many words it took, 0 if it is wrong. */
static int take_option(struct args *args, int argc, char **argv, int i)
{
    const char *equals = strchr(argv[i], '=');
    size_t len = equals != NULL ? (size_t)(equals - argv[i]) : strlen(argv[i]);
    const char *value = equals != NULL ? equals + 1 : i + 1 < argc ? argv[i + 1] : NULL;
    char name[16] = "";
    const char *expected;

    if (len - 2u < sizeof name) {
        memcpy(name, argv[i] + 2, len - 2u);
    }
    expected = set_option(args, name, value != NULL ? value : "");
    if (expected != NULL) {
        fprintf(stderr, "host: %.*s: expected %s\n", (int)len, argv[i], expected);
        return 0;
    }
    return equals != NULL ? 1 : 2;
}

/* Options that are only words. */
static bool take_flag(struct args *args, const char *word)
{
    if (strcmp(word, "--sealed") == 0) {
        args->sealed = true;
        return true;
    }
    if (strcmp(word, "--resume") == 0) {
        args->resume = true;
        return true;
    }
    return false;
}

/* Do the options fit together? */
static bool make_sense(const struct args *args)
{
    const char *what = NULL;

    if (args->store == NULL && (args->stops > 0 || args->resume)) {
        what = args->resume ? "--resume: expected --store FILE with it" : "--stops: expected --store FILE with it";
    } else if (!args->sealed && args->resume) {
        what = "--resume: expected --sealed with it";
    } else if (!args->sealed && (args->planted == PLANTED_SEAL || args->planted == PLANTED_KEY)) {
        what = "--break: expected --sealed with this fault";
    }
    if (what != NULL) {
        fprintf(stderr, "host: %s\n", what);
    }
    return what == NULL;
}

enum args_result args_parse(int argc, char **argv, struct args *out)
{
    int i = 1;

    memset(out, 0, sizeof *out);
    out->contexts = 3;
    out->policy = "refault";
    out->seed = 1;
    out->seconds = 4;
    while (i < argc && strncmp(argv[i], "--", 2) == 0) {
        int taken;

        if (strcmp(argv[i], "--help") == 0) {
            fputs(usage, stdout);
            return ARGS_HELP;
        }
        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }
        taken = take_flag(out, argv[i]) ? 1 : take_option(out, argc, argv, i);
        if (taken == 0) {
            return ARGS_BAD;
        }
        i += taken;
    }
    out->files = argv + i;
    out->num_files = argc - i;
    return make_sense(out) ? ARGS_RUN : ARGS_BAD;
}
