/* script.h - what the client is told to do. SPDX-License-Identifier: BSD-2-Clause */
#ifndef CLIENT_SCRIPT_H
#define CLIENT_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Text at CLIENT_SCRIPT: words "name=value" separated by blanks, ended by a zero byte. Numbers are decimal. No text is an error.
 *
 *     test=NAME    (must) smoke share pressure resize shortage rogue tamper hostile speed measure locked all none (none: the report only;
 *                  locked: ends with EXIT_KERNEL_FAULT_LOCKED, and is not one of all)
 *     cpus=N       processors to use, 1 to 4; 1 unless told
 *     seed=N       of everything random; 1 unless told
 *     faults=N     pressure: how many page faults the kernel is to have at least; 20000 unless told
 *     heap=PAGES   pressure, resize, speed: pages that each application works on, 16 to 4096; 1024 unless told
 *     calls=N      hostile: how many calls; 100000 unless told
 *     resize=N     measure: pages that the pool is to have; 0: all
 *     count=1      measure: applications may read the counter (measure= of the kernel), and are to
 *     report=1     prints the kernel's report at the end ...
 *     json=1       ... the same as JSON, between -----BEGIN json----- and -----END json-----
 *     dot=1        ... and what shows which page, as a graph, between -----BEGIN dot----- and -----END dot-----
 */
#define SCRIPT_MAX 1024u /* bytes, with the zero byte */

struct script {
    char test[16];
    uint64_t cpus;
    uint64_t seed;
    uint64_t faults;
    uint64_t heap;
    uint64_t calls;
    uint64_t resize;
    uint64_t count;
    uint64_t report;
    uint64_t json;
    uint64_t dot;
};

/* Fills `script` from `text`; false after a message that names the word that is wrong. */
bool script_parse(const char *text, struct script *script);

#endif
