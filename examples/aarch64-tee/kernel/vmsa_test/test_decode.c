/* test_decode.c - the fault decoder, for every class and every status. SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/fault_decode.h"
#include "kernel/vmsa_test/test.h"
#include "lib/memory.h"

#define ADDRESS UINT64_C(0x123456789)
#define CLASS(class) ((uint64_t)(class) << 26)
#define WRITE (UINT64_C(1) << 6)
#define OF_STAGE_2 (UINT64_C(1) << 7)
#define MAINTENANCE (UINT64_C(1) << 8)
#define EXTERNAL (UINT64_C(1) << 9)
#define NO_ADDRESS (UINT64_C(1) << 10)

static bool decode(uint64_t esr, bool from_el0, struct quire_fault *out)
{
    memset(out, 0xa5, sizeof *out);
    return fault_decode(esr, ADDRESS, from_el0, out);
}

static bool is_untouched(const struct quire_fault *fault)
{
    struct quire_fault fresh;

    memset(&fresh, 0xa5, sizeof fresh);
    return memcmp(fault, &fresh, sizeof fresh) == 0;
}

/* Written down from the architecture, one by one: what paging can serve. */
static bool can_serve(unsigned status)
{
    static const unsigned char served[] = {4, 5, 6, 7, 9, 10, 11, 13, 14, 15};
    unsigned i;

    for (i = 0; i < sizeof served; i++) {
        if (served[i] == status) {
            return true;
        }
    }
    return false;
}

static void decodes_each(void)
{
    unsigned class;
    unsigned status;
    unsigned from;
    unsigned bits;

    for (class = 0; class < 64; class ++) {
        for (status = 0; status < 64; status++) {
            for (from = 0; from < 2; from++) {
                for (bits = 0; bits < 2; bits++) {
                    uint64_t esr = CLASS(class) | UINT64_C(1) << 25 | status | (bits != 0 ? WRITE : 0);
                    bool fetch = class == 0x20 || class == 0x21;
                    bool data = class == 0x24 || class == 0x25;
                    bool el0 = class == 0x20 || class == 0x24;
                    bool expected = (fetch || data) && el0 == (from == 1) && can_serve(status);
                    unsigned access = fetch ? QUIRE_PROT_EXEC : bits != 0 ? QUIRE_PROT_WRITE : QUIRE_PROT_READ;
                    struct quire_fault fault;

                    CHECK(decode(esr, from == 1, &fault) == expected);
                    if (expected) {
                        CHECK(fault.va == ADDRESS && fault.access == access && fault.privileged == !el0);
                    } else {
                        CHECK(is_untouched(&fault));
                    }
                }
            }
        }
    }
}

static void takes_maintenance_for_a_read(void)
{
    struct quire_fault fault;

    CHECK(decode(CLASS(0x24) | MAINTENANCE | WRITE | 7u, true, &fault) && fault.access == QUIRE_PROT_READ);
    CHECK(decode(CLASS(0x25) | MAINTENANCE | WRITE | 15u, false, &fault) && fault.access == QUIRE_PROT_READ);
    CHECK(decode(CLASS(0x24) | WRITE | 7u, true, &fault) && fault.access == QUIRE_PROT_WRITE);
}

static void refuses_what_has_no_address(void)
{
    struct quire_fault fault;

    CHECK(!decode(CLASS(0x24) | NO_ADDRESS | 7u, true, &fault));
    CHECK(!decode(CLASS(0x20) | NO_ADDRESS | 7u, true, &fault));
    CHECK(!decode(CLASS(0x24) | OF_STAGE_2 | 7u, true, &fault));
    CHECK(!decode(CLASS(0x21) | OF_STAGE_2 | 15u, false, &fault));
    CHECK(!decode(CLASS(0x24) | EXTERNAL | 16u, true, &fault));
}

static void describes_each(void)
{
    unsigned class;
    unsigned status;

    for (class = 0; class < 64; class ++) {
        for (status = 0; status < 64; status++) {
            const char *text = fault_describe(CLASS(class) | status);
            unsigned length = 0;

            while (length < 64 && text[length] >= ' ' && text[length] <= '~') {
                length++;
            }
            CHECK(length >= 3 && length < 64 && text[length] == '\0');
        }
    }
    CHECK(memcmp(fault_describe(CLASS(0x24) | 7u), "no translation, level 3", 24) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x20) | 13u), "no permission, level 1", 23) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x25) | 0x21u), "alignment", 10) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x24) | OF_STAGE_2 | 7u), "a table", 7) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x24) | 63u), "reserved", 9) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x00)), "undefined instruction", 22) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x3f)), "reserved", 9) == 0);
    CHECK(memcmp(fault_describe(CLASS(0x3c)), "BRK", 4) == 0);
}

static bool decodes_this_fault(unsigned access)
{
    struct quire_fault fault;

    return fault_decode(machine_this_cpu()->esr, machine_this_cpu()->far, false, &fault) && fault.access == access &&
           fault.privileged && fault.va == 0x1234567008;
}

static void decodes_real_faults(void)
{
    struct test_app app;
    uint64_t value;

    test_app_begin(&app);
    test_use(&app);
    CHECK(!machine_read(0x1234567008, &value) && decodes_this_fault(QUIRE_PROT_READ));
    CHECK(!machine_write(0x1234567008, 1) && decodes_this_fault(QUIRE_PROT_WRITE));
    CHECK(test_map(&app, 0x1234567000, 0, 1, TEST_READ) == QUIRE_OK);
    CHECK(!machine_write(0x1234567008, 1) && machine_status() == 15 && decodes_this_fault(QUIRE_PROT_WRITE));
    CHECK(!machine_kernel_execute(0x1234567008) && machine_status() == 15 && decodes_this_fault(QUIRE_PROT_EXEC));
    test_drop(&app, 0x1234567000);
    test_use(NULL);
    test_app_end(&app);
}

const struct test tests_decode[] = {
    {"the decoder serves missing entries, permissions and accessed flags, and nothing else of 64 classes and 64 statuses",
     decodes_each, TEST_ALWAYS},
    {"cache maintenance that faults asks for reading", takes_maintenance_for_a_read, TEST_ALWAYS},
    {"a fault whose address is not known, or is of a second stage, is not served", refuses_what_has_no_address, TEST_ALWAYS},
    {"every syndrome has a text", describes_each, TEST_ALWAYS},
    {"the decoder finds address and access of faults that really happen", decodes_real_faults, TEST_ALWAYS},
    {NULL, NULL, TEST_ALWAYS},
};
