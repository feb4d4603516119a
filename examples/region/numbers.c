/* numbers.c - addresses and sizes as people write them. SPDX-License-Identifier: BSD-2-Clause */
#include "numbers.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool number_hex(const char **text, uint64_t *out)
{
    const char *at = *text;
    uint64_t value = 0;

    for (; isxdigit((unsigned char)*at); at++) {
        unsigned digit = (unsigned)(isdigit((unsigned char)*at) ? *at - '0' : tolower((unsigned char)*at) - 'a' + 10);

        if (value >> 60 != 0) {
            return false;
        }
        value = value << 4 | digit;
    }
    *out = value;
    if (at == *text) {
        return false;
    }
    *text = at;
    return true;
}

bool number_address(const char *text, uint64_t *out)
{
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X')) {
        text += 2;
    }
    return number_hex(&text, out) && *text == '\0';
}

bool number_size(const char *text, uint64_t *out)
{
    static const char suffixes[] = "KMGTP";
    const char *suffix;
    char *end;
    unsigned shift = 0;
    uint64_t value;

    if (!isdigit((unsigned char)text[0])) {
        return false; /* strtoull would take signs and blanks */
    }
    errno = 0;
    value = strtoull(text, &end, text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
    if (errno != 0) {
        return false;
    }
    suffix = *end != '\0' ? strchr(suffixes, toupper((unsigned char)*end)) : NULL;
    if (suffix != NULL) {
        shift = 10u * (unsigned)(suffix - suffixes + 1);
        end++;
    }
    *out = value << shift;
    return *end == '\0' && *out >> shift == value;
}

const char *number_print(char text[NUMBER_TEXT], uint64_t first, uint64_t last)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double size = (double)(last - first) + 1.0;
    unsigned unit = 0;

    while (size >= 1024.0 && unit < 6) {
        size /= 1024.0;
        unit++;
    }
    snprintf(text, NUMBER_TEXT, size < 99.95 && size != (double)(unsigned)size ? "%.1f %s" : "%.0f %s", size,
             first != last ? units[unit] : "byte");
    return text;
}
