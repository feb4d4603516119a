/* The crypto engine of the guide's machine, and its flash, which anybody can read and write. */
#ifndef ENGINE_H
#define ENGINE_H

#include <quire/quire.h>

#define FLASH_PAGES 16u
#define ENGINE_KEYS 2u

extern unsigned char flash[FLASH_PAGES][QUIRE_PAGE_SIZE];

bool engine_random(void *bytes, size_t len);
/* Keys lie in places 0 and 1 of the engine. */
void engine_set_key(unsigned place, const uint8_t *seed);
void engine_clear_key(unsigned place);
/* One page. */
void engine_seal(unsigned place, const struct quire_seal_label *label, const void *plain, void *sealed, uint8_t *tag);
bool engine_open(unsigned place, const struct quire_seal_label *label, void *page, const uint8_t *tag);
/* 32 bytes. */
void engine_hash(const void *page, uint8_t *out);

#endif
