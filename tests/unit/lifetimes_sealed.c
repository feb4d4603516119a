/* The lives of what is sealed. */
#define LIFETIMES lifetimes_sealed
#include "lifetimes_test.h"

LIFE(sealed_object, SEALED)
LIFE(object_with_paged_metadata, META_PAGED)
LIFE(object_with_metadata_paged_twice, META_CHAIN)
LIFE(sealed_object_of_a_late_store, LATE_SEALED)
