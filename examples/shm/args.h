/* args.h - the command line. SPDX-License-Identifier: BSD-2-Clause */
#ifndef SHM_ARGS_H
#define SHM_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "secure.h"

struct args {
    const char *path; /* the file to hash */
    bool hostile;
    uint32_t seconds;  /* hostile: how long, unless ... */
    uint64_t requests; /* ... this many are enough; 0: no such limit */
    uint64_t seed;
    uint32_t kib;   /* of shared memory */
    uint64_t start; /* its physical address */
    enum planted planted;
};

/* Reads the command line. Returns -1 to go on, or the status to exit with. */
int args_parse(int argc, char **argv, struct args *args);

/* The name of a planted bug. */
const char *args_planted_name(enum planted planted);

#endif
