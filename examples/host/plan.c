/* plan.c - which files are loaded. SPDX-License-Identifier: BSD-2-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host.h"

/* Of the programs that are chosen: enough to be far above the pool, and verified within seconds. */
#define CHOSEN_FILES 4
#define CHOSEN_BYTES ((uint64_t)8 << 20)
#define CHOSEN_FROM "/usr/bin"

bool plan_read(const struct host_file *file, uint64_t offset, void *to, size_t len)
{
    unsigned char *p = to;

    while (len > 0) {
        ssize_t n = pread(file->file, p, len, (off_t)offset);

        if (n <= 0) {
            return false;
        }
        p += n;
        offset += (uint64_t)n;
        len -= (size_t)n;
    }
    return true;
}

static bool source_read(void *ctx, uint64_t offset, void *to, size_t len)
{
    return plan_read(ctx, offset, to, len);
}

struct elf_source plan_source(const struct host_file *file)
{
    struct elf_source source;

    source.read = source_read;
    source.ctx = (void *)(uintptr_t)file; /* only read */
    source.size = file->size;
    return source;
}

/* Opens and parses `path` as the next file. Returns null, or what is wrong with it. */
static const char *add_file(struct host *host, const char *path)
{
    struct host_file *file = &host->files[host->num_files];
    struct elf_source source;
    const char *wrong;
    struct stat status;

    memset(file, 0, sizeof *file);
    file->file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file->file < 0) {
        return strerror(errno);
    }
    if (fstat(file->file, &status) != 0 || !S_ISREG(status.st_mode)) {
        close(file->file);
        return "not a regular file";
    }
    file->size = (uint64_t)status.st_size;
    source = plan_source(file);
    wrong = elf_parse(&source, &file->image);
    file->path = wrong == NULL ? strdup(path) : NULL;
    if (file->path == NULL) {
        close(file->file);
        return wrong != NULL ? wrong : "no memory";
    }
    host->num_files++;
    return NULL;
}

/* ---- Choosing ---- */

struct candidate {
    char path[PATH_MAX];
    uint64_t size;
    ino_t inode;
};

static int find_c_library(struct dl_phdr_info *info, size_t size, void *out)
{
    const char *base = strrchr(info->dlpi_name, '/');

    (void)size;
    if (base == NULL ||
        (strncmp(base, "/libc.", 6) != 0 && strncmp(base, "/libc-", 6) != 0 && strncmp(base, "/ld-musl", 8) != 0)) {
        return 0;
    }
    snprintf(out, PATH_MAX, "%s", info->dlpi_name);
    return 1;
}

/* Keeps the largest candidates, in descending order. */
static void consider(struct candidate *best, int *n, const struct candidate *candidate)
{
    int at = *n;
    int i;

    for (i = 0; i < *n; i++) {
        if (best[i].inode == candidate->inode) {
            return; /* another name of the same file */
        }
    }
    while (at > 0 && best[at - 1].size < candidate->size) {
        at--;
    }
    if (at == CHOSEN_FILES) {
        return;
    }
    *n += *n < CHOSEN_FILES;
    memmove(&best[at + 1], &best[at], (size_t)(*n - at - 1) * sizeof *best);
    best[at] = *candidate;
}

static bool is_loadable(const char *path, uint64_t *size, ino_t *inode)
{
    struct host_file probe;
    struct elf_source source;
    struct stat status;
    bool good;

    memset(&probe, 0, sizeof probe);
    if (stat(path, &status) != 0 || !S_ISREG(status.st_mode) || (uint64_t)status.st_size > CHOSEN_BYTES) {
        return false;
    }
    probe.file = open(path, O_RDONLY | O_CLOEXEC);
    if (probe.file < 0) {
        return false;
    }
    probe.size = (uint64_t)status.st_size;
    source = plan_source(&probe);
    good = elf_parse(&source, &probe.image) == NULL;
    close(probe.file);
    *size = probe.size;
    *inode = status.st_ino;
    return good;
}

static void choose_programs(struct host *host)
{
    struct candidate *best = calloc(CHOSEN_FILES + 1, sizeof *best);
    struct candidate *one = best != NULL ? &best[CHOSEN_FILES] : NULL;
    DIR *directory = opendir(CHOSEN_FROM);
    const struct dirent *entry;
    int n = 0;
    int i;

    while (best != NULL && directory != NULL && (entry = readdir(directory)) != NULL) {
        snprintf(one->path, sizeof one->path, "%s/%s", CHOSEN_FROM, entry->d_name);
        if (is_loadable(one->path, &one->size, &one->inode)) {
            consider(best, &n, one);
        }
    }
    for (i = 0; i < n; i++) {
        (void)add_file(host, best[i].path); /* it may be gone by now: then there is one less */
    }
    if (directory != NULL) {
        closedir(directory);
    }
    free(best);
}

static bool choose_files(struct host *host)
{
    char path[PATH_MAX] = "";
    const char *wrong = add_file(host, "/proc/self/exe");

    if (wrong != NULL) {
        fprintf(stderr, "host: this program: %s\n", wrong);
        return false;
    }
    if (dl_iterate_phdr(find_c_library, path) != 0) {
        (void)add_file(host, path); /* it is in use, so it can be read; a static program has none */
    }
    choose_programs(host);
    return true;
}

/* ---- The plan ---- */

static bool add_payload(struct host *host)
{
    char path[PATH_MAX + 16];
    const char *wrong;
    ssize_t len;

    if (host->args.payload != NULL) {
        snprintf(path, sizeof path, "%s", host->args.payload);
    } else {
        len = readlink("/proc/self/exe", path, PATH_MAX);
        while (len > 0 && path[len - 1] != '/') {
            len--;
        }
        snprintf(path + (len > 0 ? len : 0), 16, "payload.so");
    }
    wrong = add_file(host, path);
    if (wrong == NULL) {
        const struct host_file *file = &host->files[0];
        const struct elf_segment *entry = elf_segment_at(&file->image, file->image.entry, 1, true);

        wrong = entry != NULL && (entry->prot & QUIRE_PROT_EXEC) != 0 ? NULL : "its entry point is not in its code";
        host->files[0].payload = true;
    }
    if (wrong != NULL) {
        fprintf(stderr, "host: %s: %s\n", path, wrong);
    }
    return wrong == NULL;
}

bool plan_make(struct host *host)
{
    int i;

    host->files = calloc((size_t)host->args.num_files + CHOSEN_FILES + 3, sizeof *host->files);
    if (host->files == NULL) {
        fputs("host: no memory\n", stderr);
        return false;
    }
    if (!add_payload(host)) {
        return false;
    }
    for (i = 0; i < host->args.num_files; i++) {
        const char *wrong = add_file(host, host->args.files[i]);

        if (wrong != NULL) {
            fprintf(stderr, "host: %s: %s\n", host->args.files[i], wrong);
            return false;
        }
    }
    return host->args.num_files > 0 || choose_files(host);
}

void plan_free(struct host *host)
{
    int i;

    for (i = 0; i < host->num_files; i++) {
        close(host->files[i].file);
        free(host->files[i].path);
    }
    free(host->files);
}
