/* The library where a compiler can do most with it: everything static, inlined into its callers. What is decided on is used
 * more than once, with stores in between that might go anywhere. PLANTED is what the inspection must find. */
#define QUIRE_STATIC
#include "view_request.h"

#include <quire/view.h>

#ifndef PLANTED_CHECK

/* Serves a decoded message: checks the length, copies, and uses it again. */
static uint32_t serve(uint32_t kind, uint32_t count, const unsigned char *payload, unsigned char *out)
{
    uint32_t sum = kind;
    uint32_t i;

    if (count > PAYLOAD_BYTES) {
        return 0;
    }
    for (i = 0; i < count; i++) {
        out[i] = payload[i];
        sum += payload[i];
    }
    return sum + count;
}

#endif

#if defined(PLANTED_CHECK) || defined(PLANTED_COPY)

struct message {
    uint32_t kind;
    uint32_t count;
    unsigned char payload[PAYLOAD_BYTES];
} __attribute__((packed));

#endif

#if defined(PLANTED_CHECK) /* A length is checked, and fetched again when it is used. */

__attribute__((flatten)) uint32_t view_request_message(uintptr_t va, unsigned char *out)
{
    const struct message *message = (const struct message *)(va + MESSAGE_AT);
    uint32_t i;

    if (message->count > PAYLOAD_BYTES) {
        return 0;
    }
    for (i = 0; i < message->count; i++) {
        out[i] = message->payload[i];
    }
    return message->kind + message->count;
}

#elif defined(PLANTED_COPY) /* Copied first: one fetch in the source, but a compiler may read members from the original. */

__attribute__((flatten)) uint32_t view_request_message(uintptr_t va, unsigned char *out)
{
    struct message copy = *(const struct message *)(va + MESSAGE_AT);

    return serve(copy.kind, copy.count, copy.payload, out);
}

#else

__attribute__((flatten)) uint32_t view_request_message(uintptr_t va, unsigned char *out)
{
    unsigned char buffer[MESSAGE_BYTES];
    const unsigned char *payload;
    struct quire_snapshot message;
    struct quire_view view;
    uint32_t count;
    uint32_t kind;

    if (quire_view_make(va, quire_pa_make(0x40000000u), WINDOW, &view) != QUIRE_OK ||
        quire_view_snapshot(&view, MESSAGE_AT, buffer, sizeof buffer, &message) != QUIRE_OK ||
        quire_snapshot_u32(&message, 0, &kind) != QUIRE_OK || quire_snapshot_u32(&message, 4, &count) != QUIRE_OK ||
        quire_snapshot_bytes(&message, 8, PAYLOAD_BYTES, &payload) != QUIRE_OK) {
        return 0;
    }
    return serve(kind, count, payload, out);
}

#endif

#if defined(PLANTED_CHECK) || defined(PLANTED_COPY)

__attribute__((flatten)) uint32_t view_request_words(uintptr_t va, unsigned char *out)
{
    const uint32_t *status = (const uint32_t *)((va & ~(uintptr_t)7) + 8u);

    out[0] = (unsigned char)*status;
    out[1] = (unsigned char)(*status >> 8);
    out[2] = (unsigned char)(*status >> 16);
    return *status + *(const uint8_t *)(va + 1u) + *(const uint16_t *)(va + 2u) + (uint32_t) * (const uint64_t *)(va + 16u);
}

#else

/* Four loads, known to be aligned: four instructions that load anything but what is on the stack. */
__attribute__((flatten)) uint32_t view_request_words(uintptr_t va, unsigned char *out)
{
    struct quire_view view;
    uint32_t status;
    uint64_t cookie;
    uint16_t flags;
    uint8_t kind;

    if (quire_view_make(va & ~(uintptr_t)7, quire_pa_make(0x40000000u), WINDOW, &view) != QUIRE_OK ||
        quire_view_load32(&view, 8, &status) != QUIRE_OK || quire_view_load16(&view, 2, &flags) != QUIRE_OK ||
        quire_view_load8(&view, 1, &kind) != QUIRE_OK || quire_view_load64(&view, 16, &cookie) != QUIRE_OK) {
        return 0;
    }
    out[0] = (unsigned char)status;
    out[1] = (unsigned char)(status >> 8);
    if (kind > 7 || status > 4096u) {
        return status + kind;
    }
    out[flags & 7u] = kind;
    out[status & 7u] = (unsigned char)cookie;
    out[kind] = (unsigned char)(cookie >> (kind & 31u));
    return status + flags + kind + (uint32_t)cookie + (uint32_t)(cookie >> 32);
}

#endif

__attribute__((flatten)) uint32_t view_request_unaligned(uintptr_t va, unsigned char *out)
{
    struct quire_view view;
    uint32_t status;
    uint64_t cookie;
    uint16_t flags;

    if (quire_view_make(va, quire_pa_make(0x40000000u), WINDOW, &view) != QUIRE_OK ||
        quire_view_load64(&view, 25, &cookie) != QUIRE_OK || quire_view_load32(&view, 37, &status) != QUIRE_OK ||
        quire_view_load16(&view, 43, &flags) != QUIRE_OK) {
        return 0;
    }
    out[0] = (unsigned char)cookie;
    out[1] = (unsigned char)(cookie >> 8);
    return status > 4096u ? flags : status + flags + (uint32_t)cookie;
}

__attribute__((flatten)) uint32_t view_request_answer(uintptr_t va, unsigned char *out)
{
    struct quire_view view;

    if (quire_view_make(va, quire_pa_make(0x40000000u), WINDOW, &view) != QUIRE_OK ||
        quire_view_store8(&view, 1, out[0]) != QUIRE_OK || quire_view_store16(&view, 2, 0x1234) != QUIRE_OK ||
        quire_view_store32(&view, 8, 0x12345678u) != QUIRE_OK ||
        quire_view_store64(&view, 16, 0x123456789abcdef0u) != QUIRE_OK ||
        quire_view_write(&view, TEXT_AT, out, TEXT_BYTES) != QUIRE_OK ||
        quire_view_fill(&view, WIPE_AT, 0, WIPE_BYTES) != QUIRE_OK) {
        return 0;
    }
    return 1;
}
