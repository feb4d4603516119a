# What several images are made of; each compiles it for itself.
LIB_SOURCES := lib/memory.c lib/format.c lib/pl011.c
