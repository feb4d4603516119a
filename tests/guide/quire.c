#define QUIRE_IMPLEMENTATION
#include <quire/quire.h>
