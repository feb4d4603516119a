/* format.c - text with numbers in it, into a buffer of known size. SPDX-License-Identifier: BSD-2-Clause */
#include "lib/format.h"

#include <stdbool.h>
#include <stdint.h>

struct out {
    char *to;
    size_t size;
    size_t length; /* of the whole text, whether it fits or not */
};

struct spec {
    bool left;
    bool zeros;
    size_t width;
    size_t precision; /* of strings; SIZE_MAX: none was given */
};

#define DIGITS_MAX 20u /* of a uint64_t, in decimal */

static void put(struct out *out, char c)
{
    if (out->length + 1u < out->size) {
        out->to[out->length] = c;
    }
    out->length++;
}

static void put_times(struct out *out, char c, size_t times)
{
    while (times-- > 0) {
        put(out, c);
    }
}

/* `sign` (or "0x") stays in front of zeros, but behind blanks. */
static void put_field(struct out *out, const struct spec *spec, const char *sign, const char *text, size_t length)
{
    size_t sign_length = 0;
    size_t fill;

    while (sign[sign_length] != '\0') {
        sign_length++;
    }
    fill = spec->width > length + sign_length ? spec->width - length - sign_length : 0;
    if (!spec->left && !spec->zeros) {
        put_times(out, ' ', fill);
    }
    while (*sign != '\0') {
        put(out, *sign++);
    }
    if (!spec->left && spec->zeros) {
        put_times(out, '0', fill);
    }
    while (length-- > 0) {
        put(out, *text++);
    }
    if (spec->left) {
        put_times(out, ' ', fill);
    }
}

static void put_string(struct out *out, struct spec *spec, const char *text)
{
    size_t length = 0;

    while (length < spec->precision && text[length] != '\0') {
        length++;
    }
    spec->zeros = false;
    put_field(out, spec, "", text, length);
}

static void put_number(struct out *out, const struct spec *spec, const char *sign, uint64_t value, unsigned base)
{
    char digits[DIGITS_MAX];
    size_t first = DIGITS_MAX;

    do {
        digits[--first] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    put_field(out, spec, sign, digits + first, DIGITS_MAX - first);
}

static size_t read_number(const char **fmt)
{
    size_t value = 0;

    while (**fmt >= '0' && **fmt <= '9') {
        value = value * 10u + (size_t)(*(*fmt)++ - '0');
    }
    return value;
}

/*
 * Only `int` and 64-bit arguments exist here: l, ll and z all say the latter. A va_list that is a parameter cannot be handed on by
 * reference everywhere, so all arguments are taken in this one function.
 */
size_t vformat(char *to, size_t size, const char *fmt, va_list args)
{
    struct out out = {to, size, 0};

    while (*fmt != '\0') {
        struct spec spec = {false, false, 0, SIZE_MAX};
        bool wide = false;
        char c;

        if (*fmt != '%') {
            put(&out, *fmt++);
            continue;
        }
        for (fmt++; *fmt == '-' || *fmt == '0'; fmt++) {
            spec.left = spec.left || *fmt == '-';
            spec.zeros = spec.zeros || *fmt == '0';
        }
        spec.width = read_number(&fmt);
        if (*fmt == '.') {
            fmt++;
            if (*fmt == '*') {
                fmt++;
                spec.precision = (size_t)va_arg(args, int);
            } else {
                spec.precision = read_number(&fmt);
            }
        }
        for (; *fmt == 'l' || *fmt == 'z'; fmt++) {
            wide = true;
        }
        switch (*fmt) {
        case 's':
            put_string(&out, &spec, va_arg(args, const char *));
            break;
        case 'c':
            c = (char)va_arg(args, int);
            spec.zeros = false;
            put_field(&out, &spec, "", &c, 1);
            break;
        case 'd': {
            int64_t value = wide ? va_arg(args, int64_t) : va_arg(args, int);

            put_number(&out, &spec, value < 0 ? "-" : "", value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
            break;
        }
        case 'u':
        case 'x':
            put_number(&out, &spec, "", wide ? va_arg(args, uint64_t) : va_arg(args, unsigned), *fmt == 'x' ? 16 : 10);
            break;
        case 'p':
            put_number(&out, &spec, "0x", (uintptr_t)va_arg(args, void *), 16);
            break;
        case '\0': /* the text ends within a conversion */
            continue;
        default: /* %%, and what is none */
            put(&out, *fmt);
            break;
        }
        fmt++;
    }
    if (size > 0) {
        to[out.length < size ? out.length : size - 1u] = '\0';
    }
    return out.length;
}

size_t format(char *to, size_t size, const char *fmt, ...)
{
    va_list args;
    size_t length;

    va_start(args, fmt);
    length = vformat(to, size, fmt, args);
    va_end(args);
    return length;
}
