# The kernel at secure EL1: $(BUILD)/kernel.elf, $(BUILD)/kernel.bin.
include $(HERE)lib/lib.mk

KERNEL_SOURCES := $(LIB_SOURCES) ../host/elf_image.c ../host/sha256.c \
    $(patsubst $(HERE)%,%,$(wildcard $(HERE)kernel/*.c $(HERE)kernel/*.S $(HERE)kernel/boot/*.c $(HERE)kernel/pageable/*.c))
KERNEL_FLAGS := -DQUIRE_CONFIG_H='"kernel/quire_config.h"' -fno-pic -fno-pie -fno-jump-tables

$(eval $(call image,kernel,$(KERNEL_SOURCES),$(KERNEL_FLAGS)))

$(BUILD)/kernel/kernel.ld: $(HERE)kernel/kernel.ld $(HERE)kernel/layout.h $(HERE)abi/board.h
	@mkdir -p $(@D)
	$(CC) -E -P -x c -D__ASSEMBLER__ -I$(HERE) -o $@ $<

# Relocations are kept: tools/resident reads from them what refers to what.
$(BUILD)/kernel.elf: $(kernel_objects) $(BUILD)/kernel/kernel.ld
	$(LD) -nostdlib --emit-relocs --fatal-warnings -z noexecstack --no-warn-rwx-segments -T $(BUILD)/kernel/kernel.ld -o $@ $(kernel_objects)

$(BUILD)/kernel.bin: $(BUILD)/kernel.elf
	$(OBJCOPY) -O binary $< $@

all: $(BUILD)/kernel.bin
