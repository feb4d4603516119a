/* The lives of what is sealed, and of copies on write. */
#define LIFETIMES lifetimes_sealed
#include "lifetimes_test.h"

LIFE(sealed_object, SEALED)
LIFE(object_with_paged_metadata, META_PAGED)
LIFE(object_with_metadata_paged_twice, META_CHAIN)
LIFE(copy_on_write, COPY)
LIFE(copy_of_a_copy, COPY_COPY)
LIFE(sealed_object_of_a_late_store, LATE_SEALED)
