/* main.c - makes of a recording what one wants to see. SPDX-License-Identifier: BSD-2-Clause */
#include "recording.h"

#include <stdio.h>
#include <string.h>

#define EXIT_BAD 2 /* a recording that is none, or a file that cannot be written */

static const char usage[] = "usage: run [FILE [PREFIX]]\n"
                            "Reads the recording FILE (examples/host/run --record FILE; without: makes one first) and writes\n"
                            "\n"
                            "  PREFIX.txt    what there is to know, the hottest pages, who evicted whom (also printed)\n"
                            "  PREFIX.pins   the pages that would have saved the most had they been pinned\n"
                            "  PREFIX.qpt    the references that faulted, for replay\n"
                            "  PREFIX.json   what the page shows, as data\n"
                            "  PREFIX.html   the page: open it in a browser; it needs no network\n"
                            "\n"
                            "PREFIX is FILE without its suffix unless told. Exits with 2 if FILE is no recording or something\n"
                            "cannot be written.\n";

static bool bad(const char *path, const char *why)
{
    fprintf(stderr, "trace: %s: %s\n", path, why);
    return false;
}

static const char *base_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash != NULL ? slash + 1 : path;
}

/* PREFIX.suffix, in a place that the next call uses too. */
static const char *output(const char *prefix, const char *suffix)
{
    static char path[4200];

    snprintf(path, sizeof path, "%s.%s", prefix, suffix);
    return path;
}

static bool write_all(struct recording *recording, const char *prefix, const char *template_path)
{
    struct analysis analysis;
    struct pins pins;
    const char *name = base_of(prefix);
    const char *path = "analysis";
    const char *wrong = analysis_make(recording, &analysis);
    char json[4200];

    if (wrong != NULL) {
        return bad(path, wrong);
    }
    wrong = pins_choose(recording, &pins);
    if (wrong == NULL) {
        path = output(prefix, "txt");
        wrong = text_write(recording, &analysis, &pins, path);
    }
    if (wrong == NULL) {
        wrong = text_write(recording, &analysis, &pins, NULL);
    }
    if (wrong == NULL) {
        path = output(prefix, "pins");
        wrong = pins_write(recording, &pins, path);
    }
    if (wrong == NULL) {
        snprintf(json, sizeof json, "%s", output(prefix, "json"));
        path = json;
        wrong = json_write(recording, &analysis, &pins, json, name);
    }
    if (wrong == NULL) {
        path = output(prefix, "html");
        wrong = page_write(json, template_path, path);
    }
    if (wrong == NULL) {
        path = output(prefix, "qpt");
        wrong = qpt_write(recording, path, name);
    }
    pins_free(&pins);
    analysis_free(&analysis);
    if (wrong != NULL) {
        return bad(path, wrong);
    }
    printf("\n-> %s.txt .pins .qpt .json .html\n", prefix);
    return true;
}

int main(int argc, char **argv)
{
    struct recording recording;
    char prefix[4096];
    char *dot;
    const char *wrong;
    bool good;

    if (argc < 3 || argc > 4 || strlen(argv[argc - 1]) >= sizeof prefix) {
        fputs(usage, argc == 2 && strcmp(argv[1], "--help") == 0 ? stdout : stderr);
        return argc == 2 && strcmp(argv[1], "--help") == 0 ? 0 : EXIT_BAD;
    }
    snprintf(prefix, sizeof prefix, "%s", argv[argc - 1]);
    dot = strrchr(prefix, '.');
    if (argc == 3 && dot != NULL && strchr(dot, '/') == NULL && dot != prefix) {
        *dot = '\0';
    }
    wrong = recording_read(&recording, argv[2]);
    if (wrong != NULL) {
        (void)bad(argv[2], wrong);
        return EXIT_BAD;
    }
    good = write_all(&recording, prefix, argv[1]);
    recording_free(&recording);
    return good ? 0 : EXIT_BAD;
}
