/* script.c - what the client is told to do. SPDX-License-Identifier: BSD-2-Clause */
#include "client/script.h"

#include <stddef.h>

#include "abi/board.h"
#include "client/console.h"
#include "client/task.h"
#include "lib/memory.h"

/* A number that a script can set. */
struct number {
    const char *name;
    size_t offset; /* in struct script */
    uint64_t least;
    uint64_t most;
};

static const struct number numbers[] = {
    {"cpus", offsetof(struct script, cpus), 1, BOARD_CPUS_MAX},
    {"seed", offsetof(struct script, seed), 0, UINT64_MAX},
    {"faults", offsetof(struct script, faults), 1, UINT64_MAX},
    {"heap", offsetof(struct script, heap), 16, TASK_PAGES_MAX},
    {"calls", offsetof(struct script, calls), 1, UINT64_MAX},
    {"resize", offsetof(struct script, resize), 0, UINT64_MAX},
    {"count", offsetof(struct script, count), 0, 1},
    {"report", offsetof(struct script, report), 0, 1},
    {"json", offsetof(struct script, json), 0, 1},
    {"dot", offsetof(struct script, dot), 0, 1},
};

/* A word, or a part of one, in the script's text. */
struct word {
    const char *text;
    size_t length;
};

static bool word_is(struct word word, const char *name)
{
    size_t i;

    for (i = 0; i < word.length; i++) {
        if (name[i] != word.text[i]) {
            return false; /* at the latest where `name` ends */
        }
    }
    return name[i] == '\0';
}

static bool parse_number(struct word word, uint64_t *number)
{
    size_t i;

    *number = 0;
    for (i = 0; i < word.length; i++) {
        uint64_t digit = (uint64_t)(unsigned char)word.text[i] - '0';

        if (digit > 9u || *number > (UINT64_MAX - digit) / 10u) {
            return false;
        }
        *number = *number * 10u + digit;
    }
    return word.length != 0;
}

static bool set_number(struct script *script, struct word name, struct word value)
{
    uint64_t number;
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (word_is(name, numbers[i].name)) {
            if (!parse_number(value, &number) || number < numbers[i].least || number > numbers[i].most) {
                return false;
            }
            memcpy((unsigned char *)script + numbers[i].offset, &number, sizeof number);
            return true;
        }
    }
    return false;
}

/* Whether there is such a test is for the caller to say. */
static bool set_test(struct script *script, struct word value)
{
    if (value.length == 0 || value.length >= sizeof script->test) {
        return false;
    }
    memcpy(script->test, value.text, value.length);
    script->test[value.length] = '\0';
    return true;
}

static bool set(struct script *script, struct word word)
{
    struct word name = word;
    struct word value;

    for (name.length = 0; name.length < word.length && word.text[name.length] != '='; name.length++) {
    }
    if (name.length == word.length) {
        return false;
    }
    value.text = word.text + name.length + 1u;
    value.length = word.length - name.length - 1u;
    return word_is(name, "test") ? set_test(script, value) : set_number(script, name, value);
}

bool script_parse(const char *text, struct script *script)
{
    struct word word = {text, 0};

    memset(script, 0, sizeof *script);
    script->cpus = 1;
    script->seed = 1;
    script->faults = 20000;
    script->heap = 1024;
    script->calls = 100000;
    while (*word.text != '\0') {
        for (word.length = 0; word.text[word.length] > ' '; word.length++) {
        }
        if (word.length != 0 && !set(script, word)) {
            print("client: the script's word \"%.*s\" is not known, or its value is not possible\n", (int)word.length,
                  word.text);
            return false;
        }
        word.text += word.length;
        while (*word.text != '\0' && *word.text <= ' ') {
            word.text++;
        }
    }
    if (script->test[0] == '\0') {
        print("client: the script names no test\n");
        return false;
    }
    return true;
}
