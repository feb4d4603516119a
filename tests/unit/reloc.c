/* reloc.h: what a table may say, and single words; whole files are in fobj_ro_reloc.c. */
#include <stdint.h> /* first: Criterion's own headers lack it */

#include <criterion/criterion.h>
#include <string.h>

#include "quire/reloc.h"

#define PAGE QUIRE_PAGE_SIZE
#define LEN (3u * PAGE)

static uint32_t carries[1];

static bool valid(const uint32_t *offsets, size_t count, unsigned word, uint64_t len)
{
    struct quire_relocs relocs = {.offsets = offsets, .count = count, .word = word, .carries = carries};

    return quire_relocs_valid(&relocs, len);
}

Test(reloc, reloc_table_is_sorted_and_its_words_do_not_overlap)
{
    unsigned word;

    for (word = 4; word <= 8u; word += 4u) {
        uint32_t table[3] = {0, word, 2u * word};

        cr_expect(valid(table, 3, word, LEN));
        table[1] = word - 1u;
        cr_expect_not(valid(table, 3, word, LEN), "overlaps the one before");
        table[1] = 2u * word;
        cr_expect_not(valid(table, 3, word, LEN), "twice the same");
        table[2] = word;
        cr_expect_not(valid(table, 3, word, LEN), "not sorted");
    }
}

Test(reloc, reloc_table_lies_inside_of_the_file)
{
    unsigned word;

    for (word = 4; word <= 8u; word += 4u) {
        uint32_t at = (uint32_t)LEN - word;

        cr_expect(valid(&at, 1, word, LEN));
        cr_expect_not(valid(&at, 1, word, LEN - 1u));
        at++;
        cr_expect_not(valid(&at, 1, word, LEN));
        at = UINT32_MAX;
        cr_expect_not(valid(&at, 1, word, LEN));
        cr_expect_not(valid(&at, 1, word, (uint64_t)UINT32_MAX + word - 1u));
        cr_expect(valid(&at, 1, word, (uint64_t)UINT32_MAX + word), "the last one that 32 bits name");
        at = 0;
        cr_expect_not(valid(&at, 1, word, word - 1u));
        cr_expect(valid(&at, 1, word, word));
    }
}

Test(reloc, reloc_words_have_4_or_8_bytes)
{
    uint32_t at = 0;
    unsigned word;

    for (word = 0; word <= 17u; word++) {
        cr_expect_eq(valid(&at, 1, word, LEN), word == 4u || word == 8u);
    }
    cr_expect_not(valid(NULL, 1, 8, LEN));
    cr_expect(valid(NULL, 0, 0, LEN), "nothing to relocate");
}

Test(reloc, reloc_that_straddles_asks_for_carries)
{
    unsigned word;
    uint32_t i;

    for (word = 4; word <= 8u; word += 4u) {
        for (i = 0; i <= word; i++) {
            uint32_t at = (uint32_t)PAGE - i;
            struct quire_relocs relocs = {.offsets = &at, .count = 1, .word = word};

            cr_expect_eq(quire_relocs_valid(&relocs, LEN), i == 0 || i == word, "%u bytes before the end", i);
            relocs.carries = carries;
            cr_expect(quire_relocs_valid(&relocs, LEN));
        }
    }
}

static bool unknown(const struct quire_relocs *relocs, uint32_t pgidx)
{
    return quire_relocs_unknown(relocs, pgidx, quire_relocs_find(relocs, pgidx));
}

static void apply(const struct quire_relocs *relocs, uint32_t pgidx, unsigned char *page)
{
    quire_relocs_apply(relocs, pgidx, quire_relocs_find(relocs, pgidx), page);
}

Test(reloc, reloc_finds_the_first_entry_of_a_page_in_tables_of_any_size)
{
    static uint32_t offsets[70];
    struct quire_relocs relocs = {.offsets = offsets, .word = 8, .carries = carries};
    size_t count;
    uint32_t pgidx;
    uint32_t step;

    for (step = 8; step < 3u * (uint32_t)PAGE; step = step * 2u + 4u) {
        for (count = 0; count <= 70u; count++) {
            for (pgidx = 0; pgidx < 5u; pgidx++) {
                size_t i;

                for (i = 0; i < count; i++) {
                    offsets[i] = 5u + (uint32_t)i * step;
                }
                for (i = 0; i < count && offsets[i] + 8u <= pgidx * (uint64_t)PAGE; i++) {
                }
                relocs.count = count;
                cr_expect_eq(quire_relocs_find(&relocs, pgidx), i, "%zu entries, page %u", count, pgidx);
            }
        }
    }
}

/* A word of `word` bytes, `low` of them at the end of page 0, holding `value`: relocated page by page, in both orders. */
static void expect_word(unsigned word, unsigned low, uint64_t value, uint64_t bias, bool upper_first)
{
    static unsigned char pages[2u * QUIRE_PAGE_SIZE]; /* one behind the other */
    static unsigned char file[2u * QUIRE_PAGE_SIZE];
    uint32_t at = (uint32_t)PAGE - low;
    struct quire_relocs relocs = {.offsets = &at, .count = 1, .word = word, .bias = bias, .carries = carries};
    uint64_t sum = 0;
    unsigned i;

    memset(file, 0xa5, sizeof file);
    for (i = 0; i < word; i++) {
        file[at + i] = (unsigned char)(value >> (8u * i));
    }
    memcpy(pages, file, sizeof pages);
    carries[0] = 0;
    cr_assert_not(unknown(&relocs, 0));
    if (upper_first) {
        cr_assert_eq(unknown(&relocs, 1), low > 0 && low < word);
        quire_relocs_learn(&relocs, 0, pages);
        cr_assert_not(unknown(&relocs, 1));
        apply(&relocs, 1, pages + PAGE);
        apply(&relocs, 0, pages);
    } else {
        apply(&relocs, 0, pages);
        cr_assert_not(unknown(&relocs, 1));
        apply(&relocs, 1, pages + PAGE);
    }
    for (i = 0; i < word; i++) {
        sum |= (uint64_t)pages[at + i] << (8u * i);
        file[at + i] = pages[at + i];
    }
    value += bias;
    if (word == 4u) {
        value &= 0xffffffffu;
    }
    cr_expect_eq(sum, value, "%u bytes, %u below: %jx, not %jx", word, low, (uintmax_t)sum, (uintmax_t)value);
    cr_expect_eq(memcmp(pages, file, sizeof pages), 0, "bytes beside the word changed");
}

Test(reloc, reloc_adds_across_the_end_of_a_page)
{
    static const uint64_t values[] = {
        0, 1, 0xff, 0xffff, 0x12345678, 0xffffffff, 0x123456789abcdef0, 0xfffffffffffffffe, UINT64_MAX, 0x00ff00ff00ff00ff};
    static const uint64_t biases[] = {
        0, 1, 0x1000, 0xff, 0x100, 0x01010101, 0xdeadbeefcafef00d, UINT64_MAX, (uint64_t)-0x1000, 0xff00ff00ff00ff01};
    size_t v;
    size_t b;
    unsigned word;
    unsigned low;

    for (word = 4; word <= 8u; word += 4u) {
        for (low = 0; low <= word; low++) {
            for (v = 0; v < sizeof values / sizeof values[0]; v++) {
                for (b = 0; b < sizeof biases / sizeof biases[0]; b++) {
                    expect_word(word, low, values[v], biases[b], false);
                    expect_word(word, low, values[v], biases[b], true);
                }
            }
        }
    }
}

Test(reloc, reloc_remembers_carries_page_by_page)
{
    static unsigned char page[QUIRE_PAGE_SIZE];
    uint32_t offsets[40];
    uint32_t bits[QUIRE_RELOCS_CARRY_BYTES(41) / sizeof(uint32_t)] = {0};
    struct quire_relocs relocs = {.offsets = offsets, .count = 40, .word = 8, .bias = 1, .carries = bits};
    uint32_t i;
    uint32_t j;

    cr_assert_eq(sizeof bits, 12);
    for (i = 0; i < 40u; i++) {
        offsets[i] = (i + 1u) * (uint32_t)PAGE - 1u; /* one byte below: carries if that is 255 */
    }
    cr_assert(quire_relocs_valid(&relocs, 41u * PAGE));
    for (i = 0; i < 40u; i++) {
        cr_expect(unknown(&relocs, i + 1u));
        page[PAGE - 1u] = i % 3u == 0 ? 0xff : 0xfe;
        quire_relocs_learn(&relocs, i, page);
        quire_relocs_learn(&relocs, i, page); /* again changes nothing */
        for (j = 0; j < 40u; j++) {
            cr_expect_eq(unknown(&relocs, j + 1u), j > i);
        }
    }
    for (i = 0; i < 40u; i++) {
        memset(page, 0, sizeof page);
        apply(&relocs, i + 1u, page);
        cr_expect_eq(page[0], i % 3u == 0, "page %u", i + 1u);
    }
    cr_expect_not(unknown(&relocs, 0));
}
