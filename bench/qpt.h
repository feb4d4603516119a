/* bench/qpt.h - recorded traces of page references. SPDX-License-Identifier: BSD-2-Clause */
#ifndef QPT_H
#define QPT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A file, plain or packed with xz (NAME.xz):
 *
 *     QPT1 name= ctx=C pages=P shared= records=N refs= k=K tick=100000 instr=       one line of text
 *     P bytes       what page 0, 1, ... is used for, QPT_EXECUTED ...; indices follow the addresses, without the gaps
 *     N words       of 32 bits, little-endian: what happened, in order; see qpt_kind() and its siblings
 *
 * Those in bench/traces were recorded from sqlite (a join), openssl (ed25519), gzip, python, lua and bash; open_lua3 and
 * open_openssl3 have 3 contexts that share read-only pages. A reference that repeats one of the last K kept is not in the file.
 */

#define QPT_EXECUTED 1u
#define QPT_WRITTEN 2u
#define QPT_SHARED 4u /* the same page in all contexts; without it each context has a page of its own by that index */

enum qpt_kind { QPT_READ, QPT_WRITE, QPT_EXECUTE, QPT_MARK };

struct qpt {
    char name[64]; /* the file's, without directory and suffixes */
    uint32_t contexts;
    uint32_t pages;
    uint32_t records;
    uint8_t *use;     /* per page */
    uint32_t *record; /* every one is a mark, or of a context and a page that exist */
};

static inline enum qpt_kind qpt_kind(uint32_t record)
{
    return (enum qpt_kind)(record & 3u);
}

static inline uint32_t qpt_page(uint32_t record)
{
    return record >> 2 & 0x3fffffu;
}

static inline uint32_t qpt_context(uint32_t record)
{
    return record >> 24;
}

/* Which content is referenced? A number below contexts x pages. */
static inline uint32_t qpt_content(const struct qpt *qpt, uint32_t record)
{
    uint32_t page = qpt_page(record);

    return (qpt->use[page] & QPT_SHARED) != 0 ? page : qpt_context(record) * qpt->pages + page;
}

/* Reads a trace; null, or what is wrong with the file. To be freed with qpt_free() if it is null. */
const char *qpt_read(struct qpt *qpt, const char *path);

/* As if read: `pages` pages of one context, read in turn, as often as makes about QPT_LOOP_REFERENCES. Null, or what is wrong. */
#define QPT_LOOP_MAX 4096u
#define QPT_LOOP_REFERENCES 40000u
const char *qpt_loop(struct qpt *qpt, uint32_t pages);

void qpt_free(struct qpt *qpt);

#endif
