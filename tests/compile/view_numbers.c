/* view.h on whatever machine this runs: byte order, alignment, words of 32 and 64 bits, addresses of two widths. Says what is
 * wrong, if anything. (tests/unit/view.c tests the rest, on one machine.) */
static unsigned fetches;

#define QUIRE_VIEW_FETCH(va, len) ((void)(va), (void)(len), fetches++)
#define QUIRE_STATIC
#include <quire/view.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SIZE 64u

static union {
    uint64_t align;
    unsigned char bytes[SIZE];
} shared;
static struct quire_view view;
static int wrong;

static void expect(bool holds, const char *what, size_t at)
{
    if (!holds) {
        printf("wrong: %s, at %u\n", what, (unsigned)at);
        wrong = 1;
    }
}

static void refill(void)
{
    size_t i;

    for (i = 0; i < SIZE; i++) {
        shared.bytes[i] = (unsigned char)(0x81u + 5u * i);
    }
}

static uint64_t number(const unsigned char *bytes, unsigned width)
{
    uint64_t sum = 0;

    while (width-- != 0) {
        sum = (sum << 8) | bytes[width];
    }
    return sum;
}

static unsigned single(size_t at, unsigned width)
{
    unsigned word = (unsigned)sizeof(uintptr_t);

    return at % width != 0 ? width : width <= word ? 1u : width / word;
}

static void check_loads(size_t at)
{
    const unsigned char *bytes = shared.bytes + at;
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;

    fetches = 0;
    expect(quire_view_load8(&view, at, &u8) == QUIRE_OK && u8 == number(bytes, 1) && fetches == 1u, "load8", at);
    fetches = 0;
    expect(quire_view_load16(&view, at, &u16) == QUIRE_OK && u16 == number(bytes, 2) && fetches == single(at, 2), "load16", at);
    fetches = 0;
    expect(quire_view_load32(&view, at, &u32) == QUIRE_OK && u32 == number(bytes, 4) && fetches == single(at, 4), "load32", at);
    fetches = 0;
    expect(quire_view_load64(&view, at, &u64) == QUIRE_OK && u64 == number(bytes, 8) && fetches == single(at, 8), "load64", at);
}

static void check_stores(size_t at)
{
    const uint64_t value = 0x8192a3b4c5d6e7f8u;
    unsigned char model[SIZE];
    unsigned width;
    unsigned i;

    for (width = 1; width <= 8u; width *= 2u) {
        enum quire_status status = QUIRE_INVALID;

        refill();
        memcpy(model, shared.bytes, SIZE);
        for (i = 0; i < width; i++) {
            model[at + i] = (unsigned char)(value >> (8u * i));
        }
        switch (width) {
        case 1:
            status = quire_view_store8(&view, at, (uint8_t)value);
            break;
        case 2:
            status = quire_view_store16(&view, at, (uint16_t)value);
            break;
        case 4:
            status = quire_view_store32(&view, at, (uint32_t)value);
            break;
        default:
            status = quire_view_store64(&view, at, value);
            break;
        }
        expect(status == QUIRE_OK && memcmp(model, shared.bytes, SIZE) == 0, "store", at);
    }
    refill();
}

static void check_copies(size_t at, size_t len)
{
    unsigned char model[SIZE];
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = {buffer, 0};
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;

    refill();
    expect(quire_view_snapshot(&view, at, buffer, len, &snap) == QUIRE_OK && memcmp(buffer, shared.bytes + at, len) == 0,
           "snapshot", at);
    expect(quire_snapshot_u8(&snap, 0, &u8) == QUIRE_OK && u8 == number(buffer, 1), "u8", at);
    expect(len < 2u || (quire_snapshot_u16(&snap, 0, &u16) == QUIRE_OK && u16 == number(buffer, 2)), "u16", at);
    expect(len < 4u || (quire_snapshot_u32(&snap, 0, &u32) == QUIRE_OK && u32 == number(buffer, 4)), "u32", at);
    expect(len < 8u || (quire_snapshot_u64(&snap, 0, &u64) == QUIRE_OK && u64 == number(buffer, 8)), "u64", at);

    memset(buffer, 0x3c, sizeof buffer);
    memcpy(model, shared.bytes, SIZE);
    memcpy(model + at, buffer, len);
    expect(quire_view_write(&view, at, buffer, len) == QUIRE_OK && memcmp(model, shared.bytes, SIZE) == 0, "write", at);
    memset(model + at, 0xa5, len);
    expect(quire_view_fill(&view, at, 0xa5, len) == QUIRE_OK && memcmp(model, shared.bytes, SIZE) == 0, "fill", at);
    refill();
}

/* A window at the top of the virtual space, far above it physically: nothing is cut to the width of a pointer. */
static void check_addresses(void)
{
    const uint64_t pa = (uint64_t)0xab << 32;
    struct quire_view slice;
    struct quire_view top;
    uintptr_t va = 0;
    unsigned bit;

    expect(quire_view_make(UINTPTR_MAX - 0xfffu, quire_pa_make(pa), 0x1000, &top) == QUIRE_OK, "a view at the top", 0);
    expect(quire_view_make(UINTPTR_MAX - 0xfffu, quire_pa_make(pa), 0x1001, &slice) == QUIRE_INVALID, "a view that wraps", 0);
    expect(quire_view_make(0, quire_pa_make(UINT64_MAX), 2, &slice) == QUIRE_INVALID, "a view that wraps physically", 0);
    expect(quire_view_pa_to_va(&top, quire_pa_make(pa + 0xfffu), &va) == QUIRE_OK && va == UINTPTR_MAX, "the last byte", 0);
    expect(quire_view_slice_pa(&top, quire_pa_make(pa + 0xff8u), 8, &slice) == QUIRE_OK && slice.va == UINTPTR_MAX - 7u,
           "slice", 0);
    for (bit = 12; bit < 64u; bit++) {
        uint64_t far = pa ^ ((uint64_t)1 << bit);

        expect(!quire_view_contains_pa(&top, quire_pa_make(far), 1), "a bit of an address counts", bit);
        expect(quire_view_pa_to_va(&top, quire_pa_make(far), &va) == QUIRE_INVALID, "a bit of an address counts", bit);
        expect(quire_view_slice_pa(&top, quire_pa_make(pa), ((uint64_t)1 << bit) + 1u, &slice) == QUIRE_INVALID,
               "a bit of a length counts", bit);
    }
}

/* Memory written as another type, whose stores must not move behind the loads nor vanish. */
static void check_types(void)
{
    float *memory = (float *)malloc(sizeof *memory);
    struct quire_view window;
    uint32_t first = 0;
    uint32_t then = 0;
    float one = 1.0f;
    float two = 2.0f;

    if (memory == NULL || quire_view_make((uintptr_t)memory, quire_pa_make(0), sizeof *memory, &window) != QUIRE_OK) {
        expect(false, "memory", 0);
        return;
    }
    *memory = one;
    expect(quire_view_load32(&window, 0, &first) == QUIRE_OK && first == number((const unsigned char *)&one, 4), "a float", 0);
    *memory = two;
    expect(quire_view_load32(&window, 0, &then) == QUIRE_OK && then == number((const unsigned char *)&two, 4), "a float", 1);
    expect(quire_view_store32(&window, 0, first) == QUIRE_OK, "store32", 0);
    two = *memory;
    expect(memcmp(&one, &two, sizeof one) == 0, "a float that was stored", 0);
    free(memory);
}

int main(void)
{
    size_t len;
    size_t at;

    refill();
    expect(quire_view_make((uintptr_t)shared.bytes, quire_pa_make(0), SIZE, &view) == QUIRE_OK, "make", 0);
    for (at = 0; at + 8u <= SIZE; at++) {
        check_loads(at);
        check_stores(at);
    }
    for (at = 0; at < 12u; at++) {
        for (len = 1; at + len <= SIZE; len++) {
            check_copies(at, len);
        }
    }
    check_addresses();
    check_types();
    printf("%u-bit, %s-endian: %s\n", (unsigned)(8u * sizeof(uintptr_t)), quire_view_big_endian_() ? "big" : "little",
           wrong ? "wrong" : "right");
    return wrong;
}
