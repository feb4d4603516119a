/* What tests/compile/view.sh inspects: requests of another world, served in shared memory at `va`. */
#ifndef QUIRE_TESTS_VIEW_REQUEST_H
#define QUIRE_TESTS_VIEW_REQUEST_H

#include <stdint.h>

#define WINDOW 128u       /* bytes of shared memory */
#define MESSAGE_AT 3u     /* offset of the message in it */
#define MESSAGE_BYTES 60u /* kind, count, then up to 52 bytes */
#define PAYLOAD_BYTES (MESSAGE_BYTES - 8u)
#define TEXT_AT 35u /* what view_request_answer() writes, and wipes */
#define TEXT_BYTES 29u
#define WIPE_AT 70u
#define WIPE_BYTES 25u

uint32_t view_request_message(uintptr_t va, unsigned char *out);
uint32_t view_request_words(uintptr_t va, unsigned char *out);
uint32_t view_request_unaligned(uintptr_t va, unsigned char *out);
uint32_t view_request_answer(uintptr_t va, unsigned char *out);

#endif
