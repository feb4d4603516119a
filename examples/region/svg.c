/* svg.c - draws the map of a space. SPDX-License-Identifier: BSD-2-Clause */
#include "svg.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "numbers.h"
#include "segments.h"

/*
 *     title, figures
 *     overview: what is managed, in true proportion
 *     legend
 *     addr [ name   size ]    addr [ ...            columns, by address; a box is as tall as the logarithm of its size,
 *     addr [ ...         ]    addr [ ...            so that a page and a terabyte fit on one sheet
 *        - gap of n GiB -
 */

/* All lengths are in pixels. */
#define MARGIN 24.0
#define COLUMN 392.0  /* from one column to the next */
#define ADDRESS 118.0 /* of it, in front of the boxes */
#define BOX 246.0
#define NAME_MAX_ 24u /* characters of a name that fit beside a size */
#define ROW 17.0      /* the least height, for one line of text */
#define DOUBLING 1.7  /* more for each doubling of the size */
#define OVERVIEW_Y 74.0
#define OVERVIEW 26.0
#define LEGEND_Y 140.0
#define BODY_Y 172.0
#define LEAST_WIDTH 820.0

static const char *const classes[] = {"free", "taken", "here", "guard", "out"};

static const char style[] =
    "<style>text{font:11px 'DejaVu Sans',Verdana,sans-serif;fill:#1b2733}.title{font-size:18px;font-weight:bold}"
    ".sub{font-size:12px;fill:#51606e}.addr{font:10.5px 'DejaVu Sans "
    "Mono',Menlo,Consolas,monospace;fill:#51606e;text-anchor:end}"
    ".size,.end{text-anchor:end}.gap{fill:#7a8794;text-anchor:middle;font-style:italic}rect{stroke-width:1}"
    ".free{fill:#e4f3e3;stroke:#9ccb98}.taken{fill:#bfd0e6;stroke:#7f9cc0}.here{fill:#ffc46b;stroke:#d98a12}"
    ".guard{fill:url(#hatch);stroke:#c77}.out{fill:#f1f1f1;stroke:#b5b5b5;stroke-dasharray:4 3}"
    ".thin rect{stroke:none}.thin .taken{fill:#5f83b3}.thin .here{fill:#e08600}.thin "
    ".guard{fill:#d66}.frame{fill:none;stroke:#51606e}"
    ".break{fill:none;stroke:#fff;stroke-width:3}.break2{fill:none;stroke:#8aa;stroke-width:1}</style>\n"
    "<defs><pattern id=\"hatch\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">"
    "<rect width=\"6\" height=\"6\" fill=\"#fff\"/><path d=\"M0 0V6\" stroke=\"#f3d3d3\" "
    "stroke-width=\"3\"/></pattern></defs>\n";

/* Text of anybody's making as XML. Names of files are bytes of no known encoding: what is not ASCII shows as "?". */
static void put_text(FILE *file, const char *text, size_t most)
{
    size_t len = strlen(text);
    size_t i;

    for (i = 0; i < len && (len <= most || i < most - 1); i++) {
        switch (text[i]) {
        case '&':
            fputs("&amp;", file);
            break;
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        default:
            fputc(text[i] >= ' ' && text[i] <= '~' ? text[i] : '?', file);
        }
    }
    if (i < len) {
        fputs("&#8230;", file);
    }
}

/* ---- The head ---- */

static void draw_title(FILE *file, const struct space *space, const char *title)
{
    struct quire_region_stats stats;
    char text[2][NUMBER_TEXT];

    quire_region_get_stats(&space->allocator, &stats);
    fprintf(file, "<text class=\"title\" x=\"%g\" y=\"38\">Map of ", MARGIN);
    put_text(file, title, 60);
    fprintf(file, "</text>\n<text class=\"sub\" x=\"%g\" y=\"58\">%" PRIu32 " regions allocated; ", MARGIN, stats.allocated);
    if (stats.available != 0) {
        fprintf(file, "%s available in %" PRIu32 " holes, the largest %s; fragmentation %" PRIu32 ".%" PRIu32 " %%",
                number_print(text[0], 0, stats.available - 1), stats.holes, number_print(text[1], 0, stats.largest - 1),
                stats.fragmentation / 10, stats.fragmentation % 10);
    } else {
        fputs("nothing available", file);
    }
    fputs("</text>\n", file);
}

/* What the allocator manages, in true proportion. What would be thinner than a pixel is a pixel wide. */
static void draw_overview(FILE *file, const struct segments *all, double width)
{
    static const enum segment_kind order[] = {SEGMENT_AVAILABLE, SEGMENT_TAKEN, SEGMENT_GUARD, SEGMENT_REQUESTED};
    uint64_t first = UINT64_MAX;
    uint64_t last = 0;
    size_t pass;
    size_t i;

    for (i = 0; i < all->count; i++) {
        if (all->segment[i].kind != SEGMENT_OUTSIDE) {
            first = all->segment[i].first < first ? all->segment[i].first : first;
            last = all->segment[i].last > last ? all->segment[i].last : last;
        }
    }
    if (first > last) {
        return;
    }
    fputs("<g class=\"thin\">\n", file);
    for (pass = 0; pass < sizeof order / sizeof order[0]; pass++) {
        for (i = 0; i < all->count; i++) {
            const struct segment *segment = &all->segment[i];
            double scale = width / ((double)(last - first) + 1.0);
            double x = (double)(segment->first - first) * scale;
            double w = fmax(((double)(segment->last - segment->first) + 1.0) * scale, 1.0);

            if (segment->kind == order[pass]) {
                fprintf(file, "<rect class=\"%s\" x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%g\"/>\n", classes[segment->kind],
                        MARGIN + fmin(x, width - 1.0), OVERVIEW_Y, w, OVERVIEW);
            }
        }
    }
    fprintf(file, "</g>\n<rect class=\"frame\" x=\"%g\" y=\"%g\" width=\"%g\" height=\"%g\"/>\n", MARGIN, OVERVIEW_Y, width,
            OVERVIEW);
    fprintf(file, "<text class=\"sub\" x=\"%g\" y=\"%g\">%" PRIx64 "</text>", MARGIN, OVERVIEW_Y + OVERVIEW + 15.0, first);
    fprintf(file, "<text class=\"sub\" x=\"%g\" y=\"%g\" text-anchor=\"middle\">in true proportion</text>",
            MARGIN + width / 2.0, OVERVIEW_Y + OVERVIEW + 15.0);
    fprintf(file, "<text class=\"sub end\" x=\"%g\" y=\"%g\">%" PRIx64 "</text>\n", MARGIN + width,
            OVERVIEW_Y + OVERVIEW + 15.0, last);
}

static void draw_legend(FILE *file)
{
    static const char *const names[] = {"available", "taken before", "handed out here", "guard", "outside"};
    double x = MARGIN;
    size_t i;

    for (i = 0; i < sizeof names / sizeof names[0]; i++) {
        fprintf(file, "<rect class=\"%s\" x=\"%g\" y=\"%g\" width=\"18\" height=\"12\"/><text x=\"%g\" y=\"%g\">%s</text>\n",
                classes[i], x, LEGEND_Y - 10.0, x + 24.0, LEGEND_Y, names[i]);
        x += 48.0 + 7.0 * (double)strlen(names[i]);
    }
    fprintf(file, "<text class=\"sub\" x=\"%g\" y=\"%g\">heights: logarithm of the size</text>\n", x, LEGEND_Y);
}

/* ---- The columns ---- */

struct row {
    double height;
    uint64_t gap; /* bytes that nothing describes, in front of it; 0: none */
};

/* How tall each row is; returns their sum. The smallest segment is one row high. */
static double measure(const struct segments *all, struct row *rows)
{
    double least = 64.0;
    double sum = 0.0;
    uint64_t end = 0; /* 0 also behind one that ends at 2^64, which is the last */
    size_t i;

    for (i = 0; i < all->count; i++) {
        least = fmin(least, log2((double)(all->segment[i].last - all->segment[i].first) + 1.0));
    }
    for (i = 0; i < all->count; i++) {
        const struct segment *segment = &all->segment[i];

        rows[i].height = ROW + DOUBLING * (log2((double)(segment->last - segment->first) + 1.0) - least);
        rows[i].gap = i != 0 && segment->first > end ? segment->first - end : 0;
        sum += rows[i].height + (rows[i].gap != 0 ? ROW : 0.0);
        end = segment->last + 1 > end || segment->last == UINT64_MAX ? segment->last + 1 : end;
    }
    return sum;
}

/* A break across the box: here the picture is far smaller than the thing. */
static void draw_break(FILE *file, double x, double y)
{
    static const char *const strokes[] = {"break", "break2"};
    size_t i;

    for (i = 0; i < 2; i++) {
        fprintf(file, "<path class=\"%s\" d=\"M%g %.1f", strokes[i], x, y);
        fputs("l9-6 12 12 12-12 12 12 12-12 12 12 12-12 12 12 12-12 12 12 12-12 12 12 12-12 12 12 12-12 12 12 12-12 12 12 "
              "12-12 12 12 "
              "9-6\"/>",
              file);
    }
}

static void draw_segment(FILE *file, const struct segment *segment, double x, double y, double height)
{
    char size[NUMBER_TEXT];

    number_print(size, segment->first, segment->last);
    fprintf(file, "<text class=\"addr\" x=\"%g\" y=\"%.1f\">%" PRIx64 "</text><g><title>", x + ADDRESS - 8.0, y + 12.0,
            segment->first);
    put_text(file, segment->name, SIZE_MAX);
    fprintf(file, "\n%" PRIx64 " - %" PRIx64 "\n%s\n", segment->first, segment->last, size);
    put_text(file, segment->detail, SIZE_MAX);
    fprintf(file, "</title><rect class=\"%s\" x=\"%g\" y=\"%.1f\" width=\"%g\" height=\"%.1f\"/>", classes[segment->kind],
            x + ADDRESS, y, BOX, height);
    if (height >= 3.0 * ROW) {
        draw_break(file, x + ADDRESS, y + height / 2.0 + 6.0);
    }
    fprintf(file, "<text x=\"%g\" y=\"%.1f\">", x + ADDRESS + 7.0, y + 12.5);
    put_text(file, segment->name, NAME_MAX_);
    fprintf(file, "</text><text class=\"size\" x=\"%g\" y=\"%.1f\">%s</text></g>\n", x + ADDRESS + BOX - 7.0, y + 12.5, size);
}

static void draw_gap(FILE *file, uint64_t gap, double x, double y)
{
    char size[NUMBER_TEXT];

    fprintf(file, "<text class=\"gap\" x=\"%g\" y=\"%.1f\">gap of %s</text>\n", x + ADDRESS + BOX / 2.0, y + 12.5,
            number_print(size, 0, gap - 1));
}

/* Draws all rows in columns about `tallest` high, or only measures: returns the height of the tallest. */
static double draw_columns(FILE *file, const struct segments *all, const struct row *rows, double tallest, size_t *columns)
{
    double reached = 0.0;
    double x = MARGIN;
    double y = 0.0;
    size_t i;

    *columns = 1;
    for (i = 0; i < all->count; i++) {
        if (y != 0.0 && y + rows[i].height > tallest) {
            ++*columns;
            x += COLUMN;
            y = 0.0;
        }
        if (rows[i].gap != 0) {
            if (file != NULL) {
                draw_gap(file, rows[i].gap, x, BODY_Y + y);
            }
            y += ROW;
        }
        if (file != NULL) {
            draw_segment(file, &all->segment[i], x, BODY_Y + y, rows[i].height);
        }
        y += rows[i].height;
        reached = fmax(reached, y);
    }
    return reached;
}

/* About three high to four wide. */
static void draw_all(FILE *file, const struct space *space, const char *title, const struct segments *all, struct row *rows)
{
    double sum = measure(all, rows);
    double wanted = ceil(sqrt(sum / (0.75 * COLUMN)));
    double tallest = fmax(sum / fmax(wanted, 1.0) + 2.0 * ROW, 400.0);
    size_t columns;
    double height = BODY_Y + draw_columns(NULL, all, rows, tallest, &columns) + MARGIN;
    double width = fmax(2.0 * MARGIN + COLUMN * (double)columns - (COLUMN - ADDRESS - BOX), LEAST_WIDTH);

    fprintf(file,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\">\n%s"
            "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
            width, height, width, height, style);
    draw_title(file, space, title);
    draw_overview(file, all, width - 2.0 * MARGIN);
    draw_legend(file);
    draw_columns(file, all, rows, tallest, &columns);
    fputs("</svg>\n", file);
}

const char *svg_draw(const struct space *space, const char *title, const char *path)
{
    struct segments all = segments_collect(space);
    struct row *rows = (struct row *)calloc(all.count + 1, sizeof *rows);
    const char *wrong = NULL;
    FILE *file;

    if (all.segment == NULL || rows == NULL) {
        free(all.segment);
        free(rows);
        return "no memory";
    }
    file = fopen(path, "w");
    if (file == NULL) {
        wrong = strerror(errno);
    } else {
        draw_all(file, space, title, &all, rows);
        wrong = ferror(file) != 0 ? "cannot be written" : NULL;
        wrong = fclose(file) != 0 ? "cannot be written" : wrong;
    }
    free(all.segment);
    free(rows);
    return wrong;
}
