/* string.c - planted in the resident kernel: uses a string that lies with the pageable constants. SPDX-License-Identifier: BSD-2-Clause */
extern const char planted_text[];

const char *planted_string(void);

const char *planted_string(void)
{
    return planted_text;
}
