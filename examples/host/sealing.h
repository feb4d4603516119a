/* sealing.h - the cipher that private pages leave under, if there is one. SPDX-License-Identifier: BSD-2-Clause */
#ifndef HOST_SEALING_H
#define HOST_SEALING_H

#include <quire/quire.h>

struct crypto;

/*
 * examples/crypto/ between Quire and mbedTLS; this counts, and plants faults. Without mbedTLS the program builds all the same, and
 * sealing_begin() says what to install.
 */
struct sealing {
    struct quire_sealer sealer;
    struct crypto *crypto;
    uint64_t seals;   /* calls of the hooks; atomic */
    uint64_t opens;   /* ... answered OK */
    uint64_t refused; /* ... answered INTEGRITY */
    bool skip_tag;    /* planted fault: a page is opened, and nobody compares its tag */
    bool fixed_key;   /* planted fault: every run has the same key */
    bool begun;
};

/* Makes a key for so many threads; the planted faults are set. Returns null, or what failed. */
const char *sealing_begin(struct sealing *sealing, uint32_t threads);

/* Wipes the key; false: an object holds it still. */
bool sealing_end(struct sealing *sealing);

#endif
