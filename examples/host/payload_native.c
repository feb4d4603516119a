/* payload_native.c - the payload's computation as part of the host, to compare with. SPDX-License-Identifier: BSD-2-Clause */
#define PAYLOAD_NATIVE
#include "payload.c"
