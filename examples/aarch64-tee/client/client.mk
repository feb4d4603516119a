# The normal world's client, a raw binary for CLIENT_BASE.
include $(HERE)lib/lib.mk

CLIENT_SOURCES := $(addprefix client/,start.S smc.S mmu.c cpu.c exception.c interrupt.c console.c check.c script.c quire_impl.c \
    tee.c main.c test_smoke.c)

$(eval $(call image,client,$(CLIENT_SOURCES) $(LIB_SOURCES),))

$(BUILD)/client/client.ld: $(HERE)client/client.ld $(HERE)abi/board.h
	@mkdir -p $(@D)
	$(CC) -E -P -x assembler-with-cpp -I$(HERE) -o $@ $<

$(BUILD)/client.elf: $(client_objects) $(BUILD)/client/client.ld
	$(LD) -z separate-code --gc-sections -T $(BUILD)/client/client.ld -o $@ $(client_objects)

$(BUILD)/client.bin: $(BUILD)/client.elf
	$(OBJCOPY) -O binary $< $@

all: $(BUILD)/client.bin
