/* view.h: a bounded window on memory that another world can write. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "ledger.h"
#include "property.h"
#include "quire/view.h"

#define PHYS ((uint64_t)5 << 33) /* beyond what 32 bits hold */
#define SIZE 96u
#define MARGIN 16u /* of what is not the window, before and behind it */

/* What both worlds share, in the middle of what they do not. Aligned, so that offsets decide the alignment. */
static union {
    uint64_t align;
    unsigned char bytes[MARGIN + SIZE + MARGIN];
} shared;

static unsigned char *window_bytes(void)
{
    return shared.bytes + MARGIN;
}

/* Content in which every byte differs from its neighbours. */
static unsigned char content(size_t i)
{
    return (unsigned char)(0x80u + 3u * i);
}

static struct quire_view make_view(uintptr_t va, uint64_t pa, size_t size)
{
    struct quire_view view;

    cr_assert_eq(quire_view_make(va, quire_pa_make(pa), size, &view), QUIRE_OK);
    return view;
}

static struct quire_view make_window(void)
{
    size_t i;

    for (i = 0; i < sizeof shared.bytes; i++) {
        shared.bytes[i] = content(i);
    }
    return make_view((uintptr_t)window_bytes(), PHYS, SIZE);
}

static void expect_view(const struct quire_view *view, uintptr_t va, uint64_t pa, size_t size)
{
    cr_expect_eq(view->va, va);
    cr_expect_eq(view->pa.addr, pa);
    cr_expect_eq(view->size, size);
}

/* Every byte outside [first, first + len) of the window is what make_window() left. */
static void expect_untouched_but(size_t first, size_t len)
{
    size_t i;

    for (i = 0; i < sizeof shared.bytes; i++) {
        if (i < MARGIN + first || i >= MARGIN + first + len) {
            cr_expect_eq(shared.bytes[i], content(i), "byte %zu of the window was written", i - MARGIN);
        }
    }
}

/* ---- Windows ---- */

Test(view, view_is_made_from_virtual_start_physical_start_and_size)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x2000);

    expect_view(&view, 0x1000, PHYS, 0x2000);
}

static void expect_not_made(uintptr_t va, uint64_t pa, size_t size)
{
    struct quire_view view;
    struct quire_view before;

    memset(&view, 0x5a, sizeof view);
    memset(&before, 0x5a, sizeof before);
    cr_expect_eq(quire_view_make(va, quire_pa_make(pa), size, &view), QUIRE_INVALID);
    cr_expect_eq(memcmp(&view, &before, sizeof view), 0, "a refused make changed the view");
}

Test(view, view_of_nothing_is_refused)
{
    expect_not_made(0x1000, PHYS, 0);
    expect_not_made(0, 0, 0);
    cr_expect_eq(quire_view_make(0x1000, quire_pa_make(PHYS), 1, NULL), QUIRE_INVALID);
}

Test(view, view_may_end_with_the_last_byte_of_either_address_space)
{
    struct quire_view view = make_view(UINTPTR_MAX - 15u, PHYS, 16);

    expect_view(&view, UINTPTR_MAX - 15u, PHYS, 16);
    view = make_view(0x1000, UINT64_MAX - 15u, 16);
    expect_view(&view, 0x1000, UINT64_MAX - 15u, 16);
    view = make_view(UINTPTR_MAX, UINT64_MAX, 1);
    expect_view(&view, UINTPTR_MAX, UINT64_MAX, 1);
    view = make_view(1, 1, SIZE_MAX);
    expect_view(&view, 1, 1, SIZE_MAX);
    view = make_view(0, 0, SIZE_MAX);
    expect_view(&view, 0, 0, SIZE_MAX);
}

Test(view, view_that_wraps_in_either_address_space_is_refused)
{
    expect_not_made(UINTPTR_MAX - 15u, PHYS, 17);
    expect_not_made(0x1000, UINT64_MAX - 15u, 17);
    expect_not_made(UINTPTR_MAX, PHYS, 2);
    expect_not_made(0x1000, UINT64_MAX, 2);
    expect_not_made(2, 0, SIZE_MAX);
    expect_not_made(UINTPTR_MAX, PHYS, SIZE_MAX);
#if SIZE_MAX == UINT64_MAX
    expect_not_made(0, 2, SIZE_MAX);
#endif
}

/* What a 32-bit machine with 40-bit physical addresses would see: nothing is cut to 32 bits on the way. */
Test(view, view_keeps_physical_addresses_beyond_32_bits_apart)
{
    struct quire_view view = make_view((uintptr_t)0xfffff000u, (uint64_t)0xff << 32, 0x1000);
    uintptr_t va = 0;
    unsigned bit;

    cr_expect(quire_view_contains_pa(&view, quire_pa_make((uint64_t)0xff << 32), 0x1000));
    cr_assert_eq(quire_view_pa_to_va(&view, quire_pa_make(((uint64_t)0xff << 32) + 0xfff), &va), QUIRE_OK);
    cr_expect_eq(va, (uintptr_t)0xffffffffu);
    for (bit = 12; bit < 64; bit++) {
        uint64_t pa = ((uint64_t)0xff << 32) ^ ((uint64_t)1 << bit);

        cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(pa), 1), "bit %u of the address was lost", bit);
        cr_expect_eq(quire_view_pa_to_va(&view, quire_pa_make(pa), &va), QUIRE_INVALID);
    }
    for (bit = 13; bit < 64; bit++) {
        struct quire_view slice;
        uint64_t len = (uint64_t)1 << bit;

        cr_expect_not(quire_view_contains_pa(&view, view.pa, len), "bit %u of the length was lost", bit);
        cr_expect_eq(quire_view_slice_pa(&view, view.pa, len | 1u, &slice), QUIRE_INVALID);
    }
}

Test(view, view_contains_what_lies_between_its_first_and_last_byte)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);

    cr_expect(quire_view_contains_va(&view, 0x1000, 0x100));
    cr_expect(quire_view_contains_va(&view, 0x10ff, 1));
    cr_expect_not(quire_view_contains_va(&view, 0x10ff, 2));
    cr_expect_not(quire_view_contains_va(&view, 0xfff, 1));
    cr_expect_not(quire_view_contains_va(&view, 0xfff, 2));
    cr_expect_not(quire_view_contains_va(&view, 0x1100, 1));
    cr_expect_not(quire_view_contains_va(&view, 0x1000, 0x101));
    cr_expect_not(quire_view_contains_va(&view, 0x1000, SIZE_MAX));
    cr_expect_not(quire_view_contains_va(&view, 0x1001, SIZE_MAX), "start and length wrap to before the start");
    cr_expect_not(quire_view_contains_va(&view, 0, SIZE_MAX));
    cr_expect_not(quire_view_contains_va(&view, UINTPTR_MAX, 1));

    cr_expect(quire_view_contains_pa(&view, quire_pa_make(PHYS), 0x100));
    cr_expect(quire_view_contains_pa(&view, quire_pa_make(PHYS + 0xff), 1));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS + 0xff), 2));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS - 1), 1));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS + 0x100), 1));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS), 0x101));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS + 1), UINT64_MAX));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(0), UINT64_MAX));
}

Test(view, view_at_the_top_contains_the_last_byte_and_not_the_first)
{
    struct quire_view view = make_view(UINTPTR_MAX - 15u, UINT64_MAX - 15u, 16);

    cr_expect(quire_view_contains_va(&view, UINTPTR_MAX, 1));
    cr_expect_not(quire_view_contains_va(&view, UINTPTR_MAX, 2));
    cr_expect_not(quire_view_contains_va(&view, 0, 1));
    cr_expect(quire_view_contains_pa(&view, quire_pa_make(UINT64_MAX), 1));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(UINT64_MAX), 2));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(0), 1));
}

Test(view, view_contains_no_empty_range)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);

    cr_expect_not(quire_view_contains_va(&view, 0x1000, 0));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(PHYS), 0));
    cr_expect_not(quire_view_contains_va(NULL, 0x1000, 1));
    cr_expect_not(quire_view_contains_pa(NULL, quire_pa_make(PHYS), 1));
}

Test(view, slice_lies_where_it_was_cut)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);
    struct quire_view slice;

    cr_assert_eq(quire_view_slice(&view, 0x10, 0x20, &slice), QUIRE_OK);
    expect_view(&slice, 0x1010, PHYS + 0x10, 0x20);
    cr_assert_eq(quire_view_slice_va(&view, 0x10f0, 0x10, &slice), QUIRE_OK);
    expect_view(&slice, 0x10f0, PHYS + 0xf0, 0x10);
    cr_assert_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS + 0x80), 1, &slice), QUIRE_OK);
    expect_view(&slice, 0x1080, PHYS + 0x80, 1);
    cr_assert_eq(quire_view_slice(&view, 0, 0x100, &slice), QUIRE_OK);
    expect_view(&slice, 0x1000, PHYS, 0x100);
}

Test(view, slice_may_replace_its_view)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);

    cr_assert_eq(quire_view_slice(&view, 0x10, 0x80, &view), QUIRE_OK);
    expect_view(&view, 0x1010, PHYS + 0x10, 0x80);
    cr_assert_eq(quire_view_slice_va(&view, 0x1020, 0x40, &view), QUIRE_OK);
    expect_view(&view, 0x1020, PHYS + 0x20, 0x40);
    cr_assert_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS + 0x30), 0x8, &view), QUIRE_OK);
    expect_view(&view, 0x1030, PHYS + 0x30, 0x8);
}

Test(view, slice_reaches_the_last_byte_there_is)
{
    struct quire_view view = make_view(UINTPTR_MAX - 15u, UINT64_MAX - 15u, 16);
    struct quire_view slice;

    cr_assert_eq(quire_view_slice(&view, 15, 1, &slice), QUIRE_OK);
    expect_view(&slice, UINTPTR_MAX, UINT64_MAX, 1);
    cr_assert_eq(quire_view_slice_va(&view, UINTPTR_MAX - 1u, 2, &slice), QUIRE_OK);
    expect_view(&slice, UINTPTR_MAX - 1u, UINT64_MAX - 1u, 2);
    cr_assert_eq(quire_view_slice_pa(&view, quire_pa_make(UINT64_MAX - 2u), 3, &slice), QUIRE_OK);
    expect_view(&slice, UINTPTR_MAX - 2u, UINT64_MAX - 2u, 3);
    cr_expect_eq(quire_view_slice(&view, 15, 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(&view, UINTPTR_MAX, 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(&view, quire_pa_make(UINT64_MAX), 2, &slice), QUIRE_INVALID);
}

Test(view, slice_beyond_its_view_is_refused_and_changes_nothing)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);
    struct quire_view slice = make_view(7, 8, 9);

    cr_expect_eq(quire_view_slice(&view, 0, 0, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, 0, 0x101, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, 0x100, 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, 0x100, 0, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, 1, SIZE_MAX, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, SIZE_MAX, 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(&view, 0xfff, 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(&view, 0x10ff, 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(&view, 0x1000, 0, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS - 1), 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS + 0xff), 2, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS), 0, &slice), QUIRE_INVALID);
    expect_view(&slice, 7, 8, 9);
}

Test(view, slice_refuses_null)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);
    struct quire_view slice;

    cr_expect_eq(quire_view_slice(NULL, 0, 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(NULL, 0x1000, 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(NULL, quire_pa_make(PHYS), 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice(&view, 0, 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_va(&view, 0x1000, 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_slice_pa(&view, quire_pa_make(PHYS), 1, NULL), QUIRE_INVALID);
}

Test(view, translation_goes_both_ways_within_bounds)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);
    struct quire_pa pa = quire_pa_make(0);
    uintptr_t va = 0;

    cr_assert_eq(quire_view_va_to_pa(&view, 0x1000, &pa), QUIRE_OK);
    cr_expect_eq(pa.addr, PHYS);
    cr_assert_eq(quire_view_va_to_pa(&view, 0x10ff, &pa), QUIRE_OK);
    cr_expect_eq(pa.addr, PHYS + 0xff);
    cr_assert_eq(quire_view_pa_to_va(&view, quire_pa_make(PHYS), &va), QUIRE_OK);
    cr_expect_eq(va, 0x1000);
    cr_assert_eq(quire_view_pa_to_va(&view, quire_pa_make(PHYS + 0xff), &va), QUIRE_OK);
    cr_expect_eq(va, 0x10ff);
}

Test(view, translation_of_what_is_outside_is_refused_and_changes_nothing)
{
    struct quire_view view = make_view(0x1000, PHYS, 0x100);
    struct quire_pa pa = quire_pa_make(7);
    uintptr_t va = 7;

    cr_expect_eq(quire_view_va_to_pa(&view, 0xfff, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_view_va_to_pa(&view, 0x1100, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_view_va_to_pa(NULL, 0x1000, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_view_va_to_pa(&view, 0x1000, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_pa_to_va(&view, quire_pa_make(PHYS - 1), &va), QUIRE_INVALID);
    cr_expect_eq(quire_view_pa_to_va(&view, quire_pa_make(PHYS + 0x100), &va), QUIRE_INVALID);
    cr_expect_eq(quire_view_pa_to_va(NULL, quire_pa_make(PHYS), &va), QUIRE_INVALID);
    cr_expect_eq(quire_view_pa_to_va(&view, quire_pa_make(PHYS), NULL), QUIRE_INVALID);
    cr_expect_eq(pa.addr, 7);
    cr_expect_eq(va, 7);
}

Test(view, zeroed_view_refuses_everything)
{
    struct quire_view view;
    struct quire_view slice;
    struct quire_snapshot snap;
    unsigned char byte = 0;
    struct quire_pa pa;
    uintptr_t va;

    memset(&view, 0, sizeof view);
    cr_expect_not(quire_view_contains_va(&view, 0, 1));
    cr_expect_not(quire_view_contains_pa(&view, quire_pa_make(0), 1));
    cr_expect_eq(quire_view_slice(&view, 0, 1, &slice), QUIRE_INVALID);
    cr_expect_eq(quire_view_va_to_pa(&view, 0, &pa), QUIRE_INVALID);
    cr_expect_eq(quire_view_pa_to_va(&view, quire_pa_make(0), &va), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, &byte, 1, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, &byte, 1), QUIRE_INVALID);
    cr_expect_eq(quire_view_fill(&view, 0, 0, 1), QUIRE_INVALID);
    cr_expect_eq(quire_view_load8(&view, 0, &byte), QUIRE_INVALID);
    cr_expect_eq(quire_view_store8(&view, 0, 0), QUIRE_INVALID);
}

Test(view, property_slices_of_slices_agree_with_offset_and_length)
{
    struct property p = property_begin("view_slices", 20000);
    uint64_t round;

    for (round = 0; round < p.rounds; round++) {
        /* A window anywhere, one in four at the top of a space; the model is (offset, len) in it. */
        size_t size = 1u + property_below(&p, 5000);
        uintptr_t va = (uintptr_t)property_bits(&p) & ~(uintptr_t)0xffff;
        uint64_t pa = property_bits(&p) & ~(uint64_t)0xffff;
        struct quire_view view;
        size_t offset = 0;
        size_t len = size;
        unsigned cut;

        va = property_below(&p, 4) == 0 ? UINTPTR_MAX - (size - 1u) : va;
        pa = property_below(&p, 4) == 0 ? UINT64_MAX - (size - 1u) : pa;
        view = make_view(va, pa, size);
        for (cut = 0; cut < 6; cut++) {
            size_t at = property_below(&p, (uint32_t)len + 3u);
            size_t n = property_below(&p, (uint32_t)len + 3u);
            bool fits = n != 0 && at < len && n <= len - at;
            enum quire_status status;
            struct quire_pa back;
            uintptr_t there;

            cr_assert_eq(quire_view_contains_va(&view, va + offset + at, n), fits);
            cr_assert_eq(quire_view_contains_pa(&view, quire_pa_make(pa + offset + at), n), fits);
            switch (property_below(&p, 3)) {
            case 0:
                status = quire_view_slice(&view, at, n, &view);
                break;
            case 1:
                status = quire_view_slice_va(&view, va + offset + at, n, &view);
                break;
            default:
                status = quire_view_slice_pa(&view, quire_pa_make(pa + offset + at), n, &view);
                break;
            }
            cr_assert_eq(status, fits ? QUIRE_OK : QUIRE_INVALID);
            offset += fits ? at : 0;
            len = fits ? n : len;
            cr_assert(view.va == va + offset && view.pa.addr == pa + offset && view.size == len);
            at = property_below(&p, (uint32_t)len);
            cr_assert_eq(quire_view_va_to_pa(&view, view.va + at, &back), QUIRE_OK);
            cr_assert_eq(back.addr, pa + offset + at);
            cr_assert_eq(quire_view_pa_to_va(&view, back, &there), QUIRE_OK);
            cr_assert_eq(there, view.va + at);
        }
    }
}

/* ---- Messages ---- */

Test(view, snapshot_holds_every_byte_fetched_once_at_every_offset_and_length)
{
    struct quire_view view = make_window();
    size_t offset;
    size_t len;

    for (offset = 0; offset < 20; offset++) {
        for (len = 1; offset + len <= SIZE; len++) {
            unsigned char buffer[SIZE + 2];
            struct quire_snapshot snap;
            struct ledger_sum sum;
            size_t i;

            memset(buffer, 0x11, sizeof buffer);
            ledger_begin("snapshot");
            cr_assert_eq(quire_view_snapshot(&view, offset, buffer + 1, len, &snap), QUIRE_OK);
            cr_assert(ledger_end(&sum));
            cr_assert_eq(sum.bytes, len, "%zu bytes were fetched for %zu", sum.bytes, len);
            cr_assert_eq(sum.split, 0, "%zu accesses were not aligned", sum.split);
            cr_assert_eq(snap.bytes, buffer + 1);
            cr_assert_eq(snap.len, len);
            for (i = 0; i < len; i++) {
                cr_assert_eq(buffer[1 + i], content(MARGIN + offset + i));
            }
            cr_assert(buffer[0] == 0x11 && buffer[1 + len] == 0x11, "written beside the buffer");
        }
    }
    expect_untouched_but(0, 0);
}

Test(view, snapshot_takes_whole_words_where_they_are_aligned)
{
    struct quire_view view = make_window();
    unsigned char buffer[SIZE];
    struct quire_snapshot snap;
    struct ledger_sum sum;

    ledger_begin("aligned");
    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, SIZE, &snap), QUIRE_OK);
    cr_assert(ledger_end(&sum));
    cr_expect_eq(sum.fetches, SIZE / sizeof(uintptr_t));

    ledger_begin("seven bytes, words, one byte");
    cr_assert_eq(quire_view_snapshot(&view, 1, buffer, SIZE - 8u, &snap), QUIRE_OK);
    cr_assert(ledger_end(&sum));
    cr_expect_eq(sum.fetches, sizeof(uintptr_t) - 1u + (SIZE - 8u) / sizeof(uintptr_t) - 1u + 1u);
}

Test(view, snapshot_stands_still_while_the_other_world_writes)
{
    struct quire_view view = make_window();
    unsigned char buffer[8];
    struct quire_snapshot snap;
    uint32_t before = 0;
    uint32_t after = 0;

    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, 8, &snap), QUIRE_OK);
    cr_assert_eq(quire_snapshot_u32(&snap, 4, &before), QUIRE_OK);
    memset(window_bytes(), 0xff, SIZE);
    cr_assert_eq(quire_snapshot_u32(&snap, 4, &after), QUIRE_OK);
    cr_expect_eq(before, after);
}

Test(view, snapshot_beyond_its_view_is_refused_and_reads_nothing)
{
    static const struct {
        size_t offset;
        size_t len;
    } wrong[] = {{0, 0}, {0, SIZE + 1u}, {SIZE, 1}, {SIZE, 0}, {SIZE - 1u, 2}, {1, SIZE_MAX}, {SIZE_MAX, 2}, {SIZE_MAX, 1}};
    struct quire_view view = make_window();
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = {NULL, 7};
    struct ledger_sum sum;
    size_t i;

    memset(buffer, 0x11, sizeof buffer);
    ledger_begin("refused");
    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(quire_view_snapshot(&view, wrong[i].offset, buffer, wrong[i].len, &snap), QUIRE_INVALID);
        cr_expect_eq(quire_view_write(&view, wrong[i].offset, buffer, wrong[i].len), QUIRE_INVALID);
        cr_expect_eq(quire_view_fill(&view, wrong[i].offset, 0, wrong[i].len), QUIRE_INVALID);
    }
    cr_expect_eq(quire_view_snapshot(NULL, 0, buffer, 1, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, NULL, 1, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, buffer, 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(NULL, 0, buffer, 1), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, NULL, 1), QUIRE_INVALID);
    cr_expect_eq(quire_view_fill(NULL, 0, 0, 1), QUIRE_INVALID);
    cr_assert(ledger_end(&sum));
    cr_expect_eq(sum.fetches, 0);
    cr_expect(snap.bytes == NULL && snap.len == 7, "a refused snapshot changed the snapshot");
    for (i = 0; i < sizeof buffer; i++) {
        cr_expect_eq(buffer[i], 0x11);
    }
    expect_untouched_but(0, 0);
}

Test(view, snapshot_and_write_refuse_memory_of_the_view_for_private)
{
    struct quire_view window = make_window();
    unsigned char *start = window_bytes();
    struct quire_snapshot snap;
    struct quire_view view;
    struct ledger_sum sum;

    cr_assert_eq(quire_view_slice(&window, 32, 32, &view), QUIRE_OK);
    ledger_begin("overlap");
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 32, 8, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 48, 8, &snap), QUIRE_INVALID,
                 "it overlaps the view, not the bytes fetched");
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 63, 1, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 25, 8, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 20, 32, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, start + 32, 8), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, start + 63, 1), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, start + 25, 8), QUIRE_INVALID);
    cr_assert(ledger_end(&sum));
    cr_expect_eq(sum.fetches, 0);
    expect_untouched_but(0, 0);
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 24, 8, &snap), QUIRE_OK, "it ends right before the view");
    cr_expect_eq(quire_view_snapshot(&view, 0, start + 64, 8, &snap), QUIRE_OK, "it begins right behind the view");
}

Test(view, snapshot_refuses_a_private_buffer_that_wraps)
{
    struct quire_view view = make_window();
    void *top = (void *)(UINTPTR_MAX - 3u);
    struct quire_snapshot snap;

    cr_expect_eq(quire_view_snapshot(&view, 0, top, 8, &snap), QUIRE_INVALID);
    cr_expect_eq(quire_view_write(&view, 0, top, 8), QUIRE_INVALID);
}

Test(view, write_copies_out_every_byte_at_every_offset_and_length)
{
    unsigned char from[SIZE + 1];
    size_t offset;
    size_t len;
    size_t i;

    for (i = 0; i < sizeof from; i++) {
        from[i] = (unsigned char)i;
    }
    for (offset = 0; offset < 20; offset++) {
        for (len = 1; offset + len <= SIZE; len += 1u + len / 9u) {
            struct quire_view view = make_window();

            cr_assert_eq(quire_view_write(&view, offset, from + 1, len), QUIRE_OK);
            cr_assert_eq(memcmp(window_bytes() + offset, from + 1, len), 0);
            expect_untouched_but(offset, len);
        }
    }
}

Test(view, fill_sets_every_byte_at_every_offset_and_length)
{
    size_t offset;
    size_t len;
    size_t i;

    for (offset = 0; offset < 20; offset++) {
        for (len = 1; offset + len <= SIZE; len += 1u + len / 9u) {
            struct quire_view view = make_window();

            cr_assert_eq(quire_view_fill(&view, offset, 0xc3, len), QUIRE_OK);
            for (i = 0; i < len; i++) {
                cr_assert_eq(window_bytes()[offset + i], 0xc3);
            }
            expect_untouched_but(offset, len);
        }
    }
}

static struct quire_snapshot snapshot_of_window(unsigned char *buffer)
{
    struct quire_view view = make_window();
    struct quire_snapshot snap;

    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, SIZE, &snap), QUIRE_OK);
    return snap;
}

/* The number that `width` bytes of the window's content stand for. */
static uint64_t number_at(size_t offset, unsigned width)
{
    uint64_t number = 0;
    unsigned i;

    for (i = 0; i < width; i++) {
        number |= (uint64_t)content(MARGIN + offset + i) << (8u * i);
    }
    return number;
}

Test(view, decoders_read_little_endian_numbers_at_any_alignment)
{
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = snapshot_of_window(buffer);
    size_t at;

    for (at = 0; at + 8u <= SIZE; at++) {
        uint8_t u8;
        uint16_t u16;
        uint32_t u32;
        uint64_t u64;

        cr_assert_eq(quire_snapshot_u8(&snap, at, &u8), QUIRE_OK);
        cr_assert_eq(quire_snapshot_u16(&snap, at, &u16), QUIRE_OK);
        cr_assert_eq(quire_snapshot_u32(&snap, at, &u32), QUIRE_OK);
        cr_assert_eq(quire_snapshot_u64(&snap, at, &u64), QUIRE_OK);
        cr_expect_eq(u8, number_at(at, 1));
        cr_expect_eq(u16, number_at(at, 2));
        cr_expect_eq(u32, number_at(at, 4));
        cr_expect_eq(u64, number_at(at, 8));
    }
}

Test(view, decoders_stop_at_the_end_of_the_message)
{
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = snapshot_of_window(buffer);
    uint8_t u8 = 7;
    uint16_t u16 = 7;
    uint32_t u32 = 7;
    uint64_t u64 = 7;

    snap.len = 16; /* what follows in the buffer is not the message */
    cr_expect_eq(quire_snapshot_u8(&snap, 16, &u8), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u16(&snap, 15, &u16), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u32(&snap, 13, &u32), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u64(&snap, 9, &u64), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u8(&snap, SIZE_MAX, &u8), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u16(&snap, SIZE_MAX, &u16), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u32(&snap, SIZE_MAX - 2u, &u32), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u64(&snap, SIZE_MAX - 6u, &u64), QUIRE_INVALID);
    cr_expect(u8 == 7 && u16 == 7 && u32 == 7 && u64 == 7, "a refused decoder stored something");
    cr_expect_eq(quire_snapshot_u8(&snap, 15, &u8), QUIRE_OK);
    cr_expect_eq(quire_snapshot_u16(&snap, 14, &u16), QUIRE_OK);
    cr_expect_eq(quire_snapshot_u32(&snap, 12, &u32), QUIRE_OK);
    cr_expect_eq(quire_snapshot_u64(&snap, 8, &u64), QUIRE_OK);
}

Test(view, decoders_refuse_null_and_a_snapshot_that_was_never_made)
{
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = snapshot_of_window(buffer);
    struct quire_snapshot none = {NULL, 0};
    const unsigned char *bytes;
    uint8_t u8;
    uint16_t u16;
    uint32_t u32;
    uint64_t u64;

    cr_expect_eq(quire_snapshot_u8(NULL, 0, &u8), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u16(NULL, 0, &u16), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u32(NULL, 0, &u32), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u64(NULL, 0, &u64), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(NULL, 0, 1, &bytes), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u8(&snap, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u16(&snap, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u32(&snap, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u64(&snap, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(&snap, 0, 1, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_u8(&none, 0, &u8), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(&none, 0, 0, &bytes), QUIRE_INVALID);
}

Test(view, snapshot_gives_its_bytes_within_bounds_and_an_empty_field_at_the_very_end)
{
    unsigned char buffer[SIZE];
    struct quire_snapshot snap = snapshot_of_window(buffer);
    const unsigned char *bytes = NULL;

    cr_assert_eq(quire_snapshot_bytes(&snap, 5, 7, &bytes), QUIRE_OK);
    cr_expect_eq(bytes, buffer + 5);
    cr_assert_eq(quire_snapshot_bytes(&snap, 0, SIZE, &bytes), QUIRE_OK);
    cr_expect_eq(bytes, buffer);
    cr_assert_eq(quire_snapshot_bytes(&snap, SIZE, 0, &bytes), QUIRE_OK);
    cr_expect_eq(bytes, buffer + SIZE);
    cr_expect_eq(quire_snapshot_bytes(&snap, SIZE, 1, &bytes), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(&snap, SIZE + 1u, 0, &bytes), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(&snap, 1, SIZE, &bytes), QUIRE_INVALID);
    cr_expect_eq(quire_snapshot_bytes(&snap, 1, SIZE_MAX, &bytes), QUIRE_INVALID);
    cr_expect_eq(bytes, buffer + SIZE, "a refused call stored something");
}

/* ---- Doorbells, status words, answers ---- */

/* One access if aligned and no wider than a register, two of 32 bits for 64 on a 32-bit machine, else a byte each. */
static size_t fetches_of(size_t offset, unsigned width)
{
    if (offset % width != 0) {
        return width;
    }
    return width <= sizeof(uintptr_t) ? 1u : width / sizeof(uintptr_t);
}

static uint64_t load(const struct quire_view *view, size_t offset, unsigned width)
{
    enum quire_status status;
    uint64_t u64 = 0;
    uint32_t u32 = 0;
    uint16_t u16 = 0;
    uint8_t u8 = 0;

    switch (width) {
    case 1:
        status = quire_view_load8(view, offset, &u8);
        break;
    case 2:
        status = quire_view_load16(view, offset, &u16);
        break;
    case 4:
        status = quire_view_load32(view, offset, &u32);
        break;
    default:
        status = quire_view_load64(view, offset, &u64);
        break;
    }
    cr_assert_eq(status, QUIRE_OK);
    return u64 | u32 | u16 | u8;
}

static void store(const struct quire_view *view, size_t offset, unsigned width, uint64_t value)
{
    enum quire_status status;

    switch (width) {
    case 1:
        status = quire_view_store8(view, offset, (uint8_t)value);
        break;
    case 2:
        status = quire_view_store16(view, offset, (uint16_t)value);
        break;
    case 4:
        status = quire_view_store32(view, offset, (uint32_t)value);
        break;
    default:
        status = quire_view_store64(view, offset, value);
        break;
    }
    cr_assert_eq(status, QUIRE_OK);
}

Test(view, loads_are_little_endian_and_one_access_where_aligned)
{
    struct quire_view view = make_window();
    unsigned width;
    size_t at;

    for (width = 1; width <= 8; width *= 2) {
        for (at = 0; at + width <= SIZE; at++) {
            struct ledger_sum sum;
            uint64_t value;

            ledger_begin("load");
            value = load(&view, at, width);
            cr_assert(ledger_end(&sum));
            cr_expect_eq(value, number_at(at, width), "%u bytes at %zu", width, at);
            cr_expect_eq(sum.bytes, width);
            cr_expect_eq(sum.split, 0);
            cr_expect_eq(sum.fetches, fetches_of(at, width), "%u bytes at %zu in %zu accesses", width, at, sum.fetches);
        }
    }
}

Test(view, stores_are_little_endian_and_touch_nothing_else)
{
    const uint64_t value = 0x0123456789abcdefu;
    unsigned width;
    unsigned i;
    size_t at;

    for (width = 1; width <= 8; width *= 2) {
        for (at = 0; at + width <= SIZE; at += 1u + at / 20u) {
            struct quire_view view = make_window();
            size_t before = ledger_total();

            store(&view, at, width, value);
            cr_expect_eq(ledger_total(), before, "a store read shared memory");
            for (i = 0; i < width; i++) {
                cr_expect_eq(window_bytes()[at + i], (unsigned char)(value >> (8u * i)));
            }
            expect_untouched_but(at, width);
        }
    }
}

Test(view, loads_and_stores_beyond_the_view_are_refused_and_touch_nothing)
{
    static const size_t wrong[] = {SIZE, SIZE + 1u, SIZE_MAX, SIZE_MAX - 6u};
    struct quire_view view = make_window();
    size_t before = ledger_total();
    uint64_t u64 = 7;
    uint32_t u32 = 7;
    uint16_t u16 = 7;
    uint8_t u8 = 7;
    size_t i;

    for (i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_expect_eq(quire_view_load8(&view, wrong[i], &u8), QUIRE_INVALID);
        cr_expect_eq(quire_view_load16(&view, wrong[i], &u16), QUIRE_INVALID);
        cr_expect_eq(quire_view_load32(&view, wrong[i], &u32), QUIRE_INVALID);
        cr_expect_eq(quire_view_load64(&view, wrong[i], &u64), QUIRE_INVALID);
        cr_expect_eq(quire_view_store8(&view, wrong[i], 0), QUIRE_INVALID);
        cr_expect_eq(quire_view_store16(&view, wrong[i], 0), QUIRE_INVALID);
        cr_expect_eq(quire_view_store32(&view, wrong[i], 0), QUIRE_INVALID);
        cr_expect_eq(quire_view_store64(&view, wrong[i], 0), QUIRE_INVALID);
    }
    cr_expect_eq(quire_view_load16(&view, SIZE - 1u, &u16), QUIRE_INVALID);
    cr_expect_eq(quire_view_load32(&view, SIZE - 3u, &u32), QUIRE_INVALID);
    cr_expect_eq(quire_view_load64(&view, SIZE - 7u, &u64), QUIRE_INVALID);
    cr_expect_eq(quire_view_store16(&view, SIZE - 1u, 0), QUIRE_INVALID);
    cr_expect_eq(quire_view_store32(&view, SIZE - 3u, 0), QUIRE_INVALID);
    cr_expect_eq(quire_view_store64(&view, SIZE - 7u, 0), QUIRE_INVALID);
    cr_expect(u8 == 7 && u16 == 7 && u32 == 7 && u64 == 7, "a refused load stored something");
    cr_expect_eq(ledger_total(), before, "a refused load read something");
    expect_untouched_but(0, 0);
}

Test(view, loads_and_stores_refuse_null)
{
    struct quire_view view = make_window();
    size_t before = ledger_total();
    uint64_t u64;
    uint32_t u32;
    uint16_t u16;
    uint8_t u8;

    cr_expect_eq(quire_view_load8(NULL, 0, &u8), QUIRE_INVALID);
    cr_expect_eq(quire_view_load16(NULL, 0, &u16), QUIRE_INVALID);
    cr_expect_eq(quire_view_load32(NULL, 0, &u32), QUIRE_INVALID);
    cr_expect_eq(quire_view_load64(NULL, 0, &u64), QUIRE_INVALID);
    cr_expect_eq(quire_view_load8(&view, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_load16(&view, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_load32(&view, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_load64(&view, 0, NULL), QUIRE_INVALID);
    cr_expect_eq(quire_view_store8(NULL, 0, 0), QUIRE_INVALID);
    cr_expect_eq(quire_view_store16(NULL, 0, 0), QUIRE_INVALID);
    cr_expect_eq(quire_view_store32(NULL, 0, 0), QUIRE_INVALID);
    cr_expect_eq(quire_view_store64(NULL, 0, 0), QUIRE_INVALID);
    cr_expect_eq(ledger_total(), before, "a refused load read something");
}

/* The alignment of an access is that of its address, not that of its offset. */
Test(view, view_that_begins_unaligned_still_loads_single_words_where_addresses_are_aligned)
{
    struct quire_view window = make_window();
    struct quire_view view;
    size_t before;

    cr_assert_eq(quire_view_slice(&window, 3, SIZE - 3u, &view), QUIRE_OK);
    before = ledger_total();
    cr_expect_eq(load(&view, 1, 4), number_at(4, 4));
    cr_expect_eq(ledger_total(), before + 1u);
    cr_expect_eq(load(&view, 4, 4), number_at(7, 4));
    cr_expect_eq(ledger_total(), before + 5u);
}

/* ---- The ledger must be seen to fail ---- */

static struct ledger_sum expect_double(struct quire_view *view, size_t first)
{
    struct ledger_sum sum;

    cr_expect_not(ledger_end(&sum), "the ledger missed a double fetch");
    cr_expect_neq(sum.doubles, 0);
    cr_expect_eq(sum.first, view->va + first);
    return sum;
}

Test(view, the_ledger_fails_a_request_that_loads_a_word_twice)
{
    struct quire_view view = make_window();

    ledger_begin("planted: the same word");
    load(&view, 8, 4);
    load(&view, 0, 4);
    load(&view, 8, 4);
    expect_double(&view, 8);
}

Test(view, the_ledger_fails_a_request_that_reads_one_byte_of_a_word_again)
{
    struct quire_view view = make_window();

    ledger_begin("planted: the last byte of a word");
    load(&view, 8, 8);
    load(&view, 15, 1);
    expect_double(&view, 15);

    ledger_begin("planted: an unaligned number across the end of another");
    load(&view, 8, 4);
    load(&view, 11, 2);
    expect_double(&view, 11);

    ledger_begin("planted: a byte, then the word around it");
    load(&view, 13, 1);
    load(&view, 8, 8);
    expect_double(&view, 13);
}

Test(view, the_ledger_fails_a_request_that_checks_a_length_and_then_takes_the_message)
{
    struct quire_view view = make_window();
    unsigned char buffer[SIZE];
    struct quire_snapshot snap;
    struct ledger_sum sum;

    ledger_begin("planted: length first, message afterwards");
    load(&view, 4, 4);
    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, 64, &snap), QUIRE_OK);
    sum = expect_double(&view, 4);
    cr_expect_eq(sum.bytes, 68);
}

Test(view, the_ledger_fails_a_request_in_which_two_messages_overlap)
{
    struct quire_view view = make_window();
    unsigned char buffer[SIZE];
    struct quire_snapshot snap;

    ledger_begin("planted: overlapping messages");
    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, 33, &snap), QUIRE_OK);
    cr_assert_eq(quire_view_snapshot(&view, 32, buffer, 32, &snap), QUIRE_OK);
    expect_double(&view, 32);
}

Test(view, the_ledger_passes_neighbours_and_separate_requests)
{
    struct quire_view view = make_window();
    unsigned char buffer[SIZE];
    struct quire_snapshot snap;
    struct ledger_sum sum;

    ledger_begin("neighbours");
    cr_assert_eq(quire_view_snapshot(&view, 0, buffer, 33, &snap), QUIRE_OK);
    cr_assert_eq(quire_view_snapshot(&view, 33, buffer, 31, &snap), QUIRE_OK);
    load(&view, 64, 8);
    cr_expect(ledger_end(&sum));
    cr_expect_eq(sum.bytes, 72);
    cr_expect_eq(sum.doubles, 0);

    ledger_begin("the same word in another request");
    load(&view, 64, 8);
    LEDGER_END();
    load(&view, 64, 8);
    load(&view, 64, 8);
    ledger_begin("what was read outside does not count");
    load(&view, 64, 8);
    LEDGER_END();
}

Test(view, the_ledger_finds_a_double_fetch_of_the_last_byte_there_is)
{
    struct ledger_sum sum;

    ledger_begin("planted: at the top");
    ledger_fetch(UINTPTR_MAX - 7u, 8);
    ledger_fetch(0, 1);
    ledger_fetch(UINTPTR_MAX, 1);
    cr_expect_not(ledger_end(&sum));
    cr_expect_eq(sum.first, UINTPTR_MAX);
    cr_expect_eq(sum.doubles, 1);
}

Test(view, the_ledger_counts_accesses_that_are_not_aligned)
{
    struct ledger_sum sum;

    ledger_begin("planted: unaligned");
    ledger_fetch(0x1002, 4);
    ledger_fetch(0x1008, 8);
    ledger_fetch(0x1011, 2);
    cr_expect(ledger_end(&sum));
    cr_expect_eq(sum.split, 2);
}

Test(view, the_ledger_finds_one_double_fetch_among_many)
{
    struct ledger_sum sum;
    size_t i;

    ledger_begin("planted: one of 5000");
    for (i = 0; i < 5000; i++) {
        ledger_fetch(0x10000 + ((i * 1009u) % 5000u) * 8u, 8);
    }
    ledger_fetch(0x10000 + 1234u * 8u + 7u, 1);
    cr_expect_not(ledger_end(&sum));
    cr_expect_eq(sum.first, 0x10000 + 1234u * 8u + 7u);
    cr_expect_eq(sum.fetches, 5001);
    cr_expect_eq(sum.doubles, 1);
}
