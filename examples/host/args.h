/* args.h - the command line. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_ARGS_H
#define HOST_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#define ARGS_CONTEXTS_MAX 64u

enum planted { PLANTED_NONE, PLANTED_VERIFY, PLANTED_WIPE, PLANTED_SHARE, PLANTED_FLUSH, PLANTED_SEAL, PLANTED_KEY };

struct args {
    uint32_t contexts;
    uint32_t pool; /* pages; 0: choose */
    const char *policy;
    uint64_t seed;
    double seconds;
    enum planted planted;
    const char *store;   /* the file that private pages are kept in; null: memory of the kernel's */
    bool sealed;         /* ... sealed */
    bool resume;         /* does not run: tries what an earlier run left in `store` */
    uint32_t stops;      /* during the run, for somebody to change `store` */
    const char *dot;     /* null: none */
    const char *json;    /* null: none */
    const char *record;  /* null: none */
    const char *payload; /* null: payload.so beside the program */
    char **files;
    int num_files; /* 0: choose */
};

enum args_result { ARGS_RUN, ARGS_HELP, ARGS_BAD };

/* Reads the command line; says what is wrong with it. */
enum args_result args_parse(int argc, char **argv, struct args *out);

/* The name of a planted fault; "none". */
const char *args_planted_name(enum planted planted);

#endif
