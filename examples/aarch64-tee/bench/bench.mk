# The walks of client/test_measure.c without a kernel, for qemu-user: $(BUILD)/bench/walk. Not part of `all`: it wants a C library.
$(eval $(call image,bench,kernel/quire.c lib/memory.c,$$(KERNEL_FLAGS)))

# What is counted lies together, in the section `library`.
$(BUILD)/bench/library.o: $(bench_objects)
	echo 'SECTIONS { library : { *(.text .text.*) } }' >$(BUILD)/bench/library.ld
	$(LD) -r -T $(BUILD)/bench/library.ld -o $@ $(bench_objects)

$(BUILD)/bench/walk: $(HERE)bench/walk.c $(HERE)ta/walker/phases.h $(HERE)ta/walker/functions.h $(BUILD)/bench/library.o
	$(CC) -std=c99 -O2 -g -static -fno-pie -no-pie -Wall -Wextra -Werror -Wno-unused-value \
	    -DQUIRE_CONFIG_H='"kernel/quire_config.h"' -I$(ROOT)/include -I$(HERE) -o $@ $< $(BUILD)/bench/library.o
