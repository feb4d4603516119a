# The test of lib/ runs on the machine that builds, with sanitizers, beside a C library to compare with.
HOST_CC ?= cc
LIB_TEST_CFLAGS := -std=c99 -O2 -g $(WARNINGS) -fno-builtin -fsanitize=address,undefined -fno-sanitize-recover -I$(HERE)
LIB_TEST_NAMES := $(foreach name,memcpy memmove memset memcmp,-D$(name)=lib_$(name))

$(BUILD)/test_lib: $(addprefix $(HERE)lib/,test.mk test/test_lib.c test/lib_memory.h memory.c memory.h format.c format.h)
	@mkdir -p $(@D)
	$(HOST_CC) $(LIB_TEST_CFLAGS) $(LIB_TEST_NAMES) -c -o $@_memory.o $(HERE)lib/memory.c
	$(HOST_CC) $(LIB_TEST_CFLAGS) -o $@ $(HERE)lib/test/test_lib.c $(HERE)lib/format.c $@_memory.o

lib-test: $(BUILD)/test_lib
	$(BUILD)/test_lib

.PHONY: lib-test
