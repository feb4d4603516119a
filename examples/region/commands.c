/* commands.c - the line language. SPDX-License-Identifier: BSD-2-Clause */
#include "commands.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <quire/region_check.h>

#include "explain.h"
#include "numbers.h"
#include "print.h"
#include "svg.h"

const char command_help[] =
    "  get SIZE [align SIZE] [best|lowest|highest|random] [min ADDRESS] [max ADDRESS] [guard SIZE] [name NAME]\n"
    "  at FIRST LAST [name NAME]   exactly this range\n"
    "  put NAME                    returns a region\n"
    "  grow NAME SIZE              makes it SIZE long, in place; shorter, too\n"
    "  find ADDRESS                who has it?\n"
    "  list | holes | map          what is allocated, what is available, everything\n"
    "  stats                       how much, in how many pieces\n"
    "  explain SIZE [...]          what would stand in the way of such a get\n"
    "  svg FILE                    draws the map\n"
    "  check                       are all invariants of the allocator true?\n"
    "  help | quit\n"
    "Sizes are decimal (0x: hexadecimal) with K, M, G, T or P behind them; addresses are hexadecimal. \"Quote\" names with "
    "blanks;\n"
    "# begins a comment. In lists + is a region handed out here, # one of the description, . a hole, | a guard.\n";

#define WORDS_MAX 24u

struct words {
    char *word[WORDS_MAX];
    unsigned count;
    unsigned at; /* the next one */
};

/* ---- Words ---- */

__attribute__((format(printf, 2, 3))) static bool bad(const struct dialogue *dialogue, const char *format, ...)
{
    va_list args;

    fflush(stdout); /* so that the message comes behind the answers before it */
    fprintf(stderr, "line %u: ", dialogue->line);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    return false;
}

static bool split(const struct dialogue *dialogue, char *line, struct words *words)
{
    memset(words, 0, sizeof *words);
    for (;;) {
        char *end;

        line += strspn(line, " \t\r\n");
        if (*line == '\0' || *line == '#') {
            return true;
        }
        if (words->count == WORDS_MAX) {
            return bad(dialogue, "more than %u words", WORDS_MAX);
        }
        if (*line == '"') {
            line++;
            end = strchr(line, '"');
            if (end == NULL) {
                return bad(dialogue, "a quote has no end");
            }
        } else {
            end = line + strcspn(line, " \t\r\n");
        }
        words->word[words->count++] = line;
        line = *end != '\0' ? end + 1 : end;
        *end = '\0';
    }
}

/* The next word, "" if there is none. */
static const char *next(struct words *words)
{
    return words->at < words->count ? words->word[words->at++] : "";
}

static bool take_size(const struct dialogue *dialogue, struct words *words, uint64_t *out)
{
    const char *word = next(words);

    return number_size(word, out) || bad(dialogue, "\"%s\" is not a size such as 4096, 64K or 2M", word);
}

static bool take_address(const struct dialogue *dialogue, struct words *words, uint64_t *out)
{
    const char *word = next(words);

    return number_address(word, out) || bad(dialogue, "\"%s\" is not an address in hexadecimal digits", word);
}

static bool take_name(const struct dialogue *dialogue, struct words *words, const char **out)
{
    *out = next(words);
    if ((*out)[0] == '\0' || strlen(*out) >= SPACE_NAME) {
        return bad(dialogue, "expected a name of 1 to %u characters", SPACE_NAME - 1u);
    }
    return true;
}

static bool take_entry(const struct dialogue *dialogue, struct words *words, struct space_entry **out)
{
    const char *name;

    if (!take_name(dialogue, words, &name)) {
        return false;
    }
    *out = space_named(dialogue->space, name);
    return *out != NULL || bad(dialogue, "there is no region \"%s\"", name);
}

static bool take_end(const struct dialogue *dialogue, struct words *words)
{
    return words->at == words->count || bad(dialogue, "\"%s\" is not expected here", words->word[words->at]);
}

/* ---- Requests ---- */

static uint64_t entropy(struct dialogue *dialogue)
{
    uint64_t value;

    if (dialogue->seed == 0 && getrandom(&value, sizeof value, 0) == (ssize_t)sizeof value) {
        return value;
    }
    dialogue->seed += 0x9e3779b97f4a7c15u; /* splitmix64 */
    value = (dialogue->seed ^ dialogue->seed >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

/* One word of a request and what belongs to it. */
static bool take_clause(struct dialogue *dialogue, struct words *words, struct quire_region_request *request, const char **name)
{
    static const char *const policies[] = {"best", "lowest", "highest", "random"};
    const char *word = next(words);
    unsigned i;

    for (i = 0; i < sizeof policies / sizeof policies[0]; i++) {
        if (strcmp(word, policies[i]) == 0) {
            request->policy = (enum quire_region_policy)i;
            return true;
        }
    }
    if (strcmp(word, "align") == 0) {
        return take_size(dialogue, words, &request->align);
    }
    if (strcmp(word, "min") == 0) {
        return take_address(dialogue, words, &request->min);
    }
    if (strcmp(word, "max") == 0) {
        return take_address(dialogue, words, &request->max);
    }
    if (strcmp(word, "guard") == 0) {
        return take_size(dialogue, words, &request->guard_before);
    }
    if (strcmp(word, "name") == 0) {
        return take_name(dialogue, words, name);
    }
    return bad(dialogue, "\"%s\" is not expected here", word);
}

static bool take_request(struct dialogue *dialogue, struct words *words, struct quire_region_request *request,
                         const char **name)
{
    memset(request, 0, sizeof *request);
    *name = "region";
    if (!take_size(dialogue, words, &request->size)) {
        return false;
    }
    while (words->at < words->count) {
        if (!take_clause(dialogue, words, request, name)) {
            return false;
        }
    }
    request->guard_after = request->guard_before;
    if (request->policy == QUIRE_REGION_RANDOM) {
        request->entropy = entropy(dialogue);
    }
    return true;
}

static bool obey_get(struct dialogue *dialogue, struct words *words)
{
    struct quire_region_request request;
    struct space_entry *entry;
    const char *name;
    enum quire_status status;

    if (!take_request(dialogue, words, &request, &name)) {
        return false;
    }
    status = space_get(dialogue->space, &request, name, &entry);
    if (status == QUIRE_OK) {
        print_entry(entry);
        return true;
    }
    printf("get: ");
    explain_request(dialogue->space, &request);
    return true;
}

static bool obey_explain(struct dialogue *dialogue, struct words *words)
{
    struct quire_region_request request;
    const char *name;

    if (!take_request(dialogue, words, &request, &name)) {
        return false;
    }
    explain_request(dialogue->space, &request);
    return true;
}

static bool obey_at(struct dialogue *dialogue, struct words *words)
{
    struct space_entry *entry;
    const char *name = "region";
    uint64_t first;
    uint64_t last;
    enum quire_status status;

    if (!take_address(dialogue, words, &first) || !take_address(dialogue, words, &last)) {
        return false;
    }
    if (words->at < words->count &&
        (strcmp(next(words), "name") != 0 || !take_name(dialogue, words, &name) || !take_end(dialogue, words))) {
        return bad(dialogue, "expected: at FIRST LAST [name NAME]");
    }
    status = space_get_at(dialogue->space, first, last, name, &entry);
    if (status == QUIRE_OK) {
        print_entry(entry);
    } else {
        printf("at: %s\n", status == QUIRE_EXISTS      ? "EXISTS: some of it is allocated"
                           : status == QUIRE_NOT_FOUND ? "NOT_FOUND: some of it is not there to be had"
                           : status == QUIRE_INVALID   ? "INVALID: it ends before it begins, or not at whole units"
                                                       : quire_status_name(status));
    }
    return true;
}

static bool obey_put(struct dialogue *dialogue, struct words *words)
{
    struct space_entry *entry;
    enum quire_status status;

    if (!take_entry(dialogue, words, &entry) || !take_end(dialogue, words)) {
        return false;
    }
    status = space_put(dialogue->space, entry);
    printf("put: %s\n", quire_status_name(status));
    return true;
}

static bool obey_grow(struct dialogue *dialogue, struct words *words)
{
    struct space_entry *entry;
    uint64_t size;
    enum quire_status status;

    if (!take_entry(dialogue, words, &entry) || !take_size(dialogue, words, &size) || !take_end(dialogue, words)) {
        return false;
    }
    status = space_resize(dialogue->space, entry, size);
    if (status == QUIRE_OK) {
        print_entry(entry);
    } else {
        printf("grow: %s\n",
               status == QUIRE_NO_SPACE ? "NO_SPACE: what follows it is not available that far" : quire_status_name(status));
    }
    return true;
}

static bool obey_find(struct dialogue *dialogue, struct words *words)
{
    struct space_entry *entry;
    uint64_t addr;
    enum quire_status status;

    if (!take_address(dialogue, words, &addr) || !take_end(dialogue, words)) {
        return false;
    }
    status = space_find(dialogue->space, addr, &entry);
    if (status == QUIRE_DENIED) {
        printf("in a guard of:\n");
    }
    if (status == QUIRE_OK || status == QUIRE_DENIED) {
        print_entry(entry);
    } else if (quire_region_contains(&dialogue->space->allocator, QUIRE_REGION_SET_AVAILABLE,
                                     addr & ~(dialogue->space->unit - 1), addr | (dialogue->space->unit - 1))) {
        printf("find: available\n");
    } else {
        printf("find: %s, and not available\n", quire_status_name(status));
    }
    return true;
}

/* ---- All the others ---- */

static bool obey_print(struct dialogue *dialogue, struct words *words)
{
    const char *word = words->word[0];

    if (!take_end(dialogue, words)) {
        return false;
    }
    if (strcmp(word, "stats") == 0) {
        print_stats(dialogue->space);
    } else if (strcmp(word, "help") == 0) {
        fputs(command_help, stdout);
    } else if (strcmp(word, "quit") == 0) {
        dialogue->ended = true;
    } else {
        print_segments(dialogue->space, strcmp(word, "holes") == 0  ? 1u << SEGMENT_AVAILABLE
                                        : strcmp(word, "list") == 0 ? 1u << SEGMENT_TAKEN | 1u << SEGMENT_REQUESTED
                                                                    : ~0u);
    }
    return true;
}

static bool obey_svg(struct dialogue *dialogue, struct words *words)
{
    const char *path = next(words);
    const char *wrong;

    if (path[0] == '\0') {
        return bad(dialogue, "expected a file");
    }
    if (!take_end(dialogue, words)) {
        return false;
    }
    wrong = svg_draw(dialogue->space, dialogue->title, path);
    if (wrong != NULL) {
        return bad(dialogue, "%s: %s", path, wrong);
    }
    printf("svg: %s\n", path);
    return true;
}

static bool obey_check(struct dialogue *dialogue, struct words *words)
{
    const char *what;

    if (!take_end(dialogue, words)) {
        return false;
    }
    if (quire_region_check(&dialogue->space->allocator, &what) != QUIRE_OK ||
        quire_region_book_check(&dialogue->space->book, &what) != QUIRE_OK) {
        return bad(dialogue, "%s", what);
    }
    printf("check: all invariants are true\n");
    return true;
}

bool command_obey(struct dialogue *dialogue, char *line)
{
    static const struct {
        const char *word;
        bool (*obey)(struct dialogue *dialogue, struct words *words);
    } commands[] = {
        {"get", obey_get},         {"at", obey_at},       {"put", obey_put},     {"grow", obey_grow},   {"find", obey_find},
        {"list", obey_print},      {"holes", obey_print}, {"map", obey_print},   {"stats", obey_print}, {"help", obey_print},
        {"explain", obey_explain}, {"svg", obey_svg},     {"check", obey_check}, {"quit", obey_print},
    };
    struct words words;
    const char *word;
    size_t i;

    if (!split(dialogue, line, &words)) {
        return false;
    }
    if (words.count == 0) {
        return true;
    }
    word = next(&words);
    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(word, commands[i].word) == 0) {
            return commands[i].obey(dialogue, &words);
        }
    }
    return bad(dialogue, "\"%s\" is no command: see help", word);
}
