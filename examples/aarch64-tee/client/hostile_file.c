/* hostile_file.c - ELF files that lie. SPDX-License-Identifier: BSD-2-Clause */
#include "client/apps.h"
#include "client/hostile.h"
#include "client/random.h"
#include "lib/memory.h"

/* A number in a header. */
struct field {
    uint8_t offset;
    uint8_t bytes;
};

static const struct field file_fields[] = {
    {0, 4},  {4, 1},  {5, 1},  {6, 1},  {7, 1},  {16, 2}, {18, 2}, {20, 4}, {24, 8},
    {32, 8}, {40, 8}, {48, 4}, {52, 2}, {54, 2}, {56, 2}, {58, 2}, {60, 2}, {62, 2},
};

static const struct field segment_fields[] = {{0, 4}, {4, 4}, {8, 8}, {16, 8}, {24, 8}, {32, 8}, {40, 8}, {48, 8}};

#define SEGMENTS_AT 32u /* e_phoff */
#define SEGMENTS 56u    /* e_phnum */
#define SEGMENT_BYTES 56u

static uint64_t load(const unsigned char *at, size_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, at, bytes);
    return value;
}

/* Near what was there, or anything. */
static uint64_t other_value(struct hostile *hostile, uint64_t value, uint64_t file_bytes)
{
    switch (random_below(&hostile->random, 8)) {
    case 0:
        return value + 1u;
    case 1:
        return value - 1u;
    case 2:
        return value + 0x1000u;
    case 3:
        return value - 0x1000u;
    case 4:
        return file_bytes - random_below(&hostile->random, 64);
    case 5:
        return value ^ 1u << random_below(&hostile->random, 31);
    default:
        return hostile_number(hostile);
    }
}

static void change_field(struct hostile *hostile, unsigned char *header, const struct field *field, uint64_t file_bytes)
{
    uint64_t value = other_value(hostile, load(header + field->offset, field->bytes), file_bytes);

    memcpy(header + field->offset, &value, field->bytes);
}

/* A field of the file's header, of a segment's, or a word anywhere: relocations, symbols, code. */
static void change_something(struct hostile *hostile, unsigned char *file, uint64_t bytes)
{
    static const struct field word = {0, 8};
    uint64_t choice = random_below(&hostile->random, 8);
    uint64_t segments_at = load(file + SEGMENTS_AT, 8);
    uint64_t segments = load(file + SEGMENTS, 2);

    if (choice < 3) {
        change_field(hostile, file, &file_fields[random_below(&hostile->random, sizeof file_fields / sizeof file_fields[0])],
                     bytes);
    } else if (choice < 7 && segments != 0 && segments_at < bytes && segments <= (bytes - segments_at) / SEGMENT_BYTES) {
        change_field(hostile, file + segments_at + random_below(&hostile->random, segments) * SEGMENT_BYTES,
                     &segment_fields[random_below(&hostile->random, sizeof segment_fields / sizeof segment_fields[0])], bytes);
    } else {
        change_field(hostile, file + 8u * random_below(&hostile->random, bytes / 8u), &word, bytes);
    }
}

struct hostile_file hostile_file(struct hostile *hostile)
{
    struct hostile_file made;
    uint64_t changes = random_below(&hostile->random, 4);
    unsigned char *file;

    made.pa = HOSTILE_FILES + (uint64_t)(hostile->files++ % HOSTILE_FILES_MAX) * HOSTILE_FILE_BYTES;
    made.bytes = (uint64_t)(app_echo.image_end - app_echo.image);
    file = (unsigned char *)(uintptr_t)made.pa;
    memcpy(file, app_echo.image, made.bytes);
    while (changes-- > 0) {
        change_something(hostile, file, made.bytes);
    }
    return made;
}
