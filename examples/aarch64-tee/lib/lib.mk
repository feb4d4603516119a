# What several images are made of; each compiles it for itself. Included once more by those that come before it in the alphabet.
LIB_SOURCES := lib/memory.c lib/format.c lib/pl011.c
