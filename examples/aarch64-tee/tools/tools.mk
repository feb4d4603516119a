# The proof that nothing resident refers to what is pageable, which is part of building the kernel; and kernels for which it must fail.
#   make plant-call plant-string plant-hook    links the kernel with tools/plant/NAME.c in its resident part

$(BUILD)/kernel.resident: $(BUILD)/kernel.elf $(HERE)tools/resident
	CROSS=$(CROSS) $(HERE)tools/resident $<
	@touch $@

all: $(BUILD)/kernel.resident

planted_objects := $(BUILD)/kernel/tools/plant/pageable/text.c.o

plant-%: $(BUILD)/kernel/tools/plant/%.c.o $(planted_objects) $(BUILD)/kernel.elf
	$(LD) -nostdlib --emit-relocs --no-warn-rwx-segments -T $(BUILD)/kernel/kernel.ld -o $(BUILD)/$@.elf $(kernel_objects) $(planted_objects) $<
	CROSS=$(CROSS) $(HERE)tools/resident $(BUILD)/$@.elf
