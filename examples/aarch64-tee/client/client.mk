# The normal world's client, a raw binary for CLIENT_BASE.
include $(HERE)lib/lib.mk
comma := ,

CLIENT_IMAGES := echo sorter interpreter sharer watcher rogue walker
CLIENT_SOURCES := $(patsubst $(HERE)%,%,$(wildcard $(HERE)client/*.[cS]))

$(eval $(call image,client,$(CLIENT_SOURCES) $(LIB_SOURCES),-Wa$(comma)-I$(BUILD)))

# The applications are part of the image.
$(BUILD)/client/client/images.S.o: $(CLIENT_IMAGES:%=$(BUILD)/ta/%.elf)

$(BUILD)/client/client.ld: $(HERE)client/client.ld $(HERE)abi/board.h
	@mkdir -p $(@D)
	$(CC) -E -P -x assembler-with-cpp -I$(HERE) -o $@ $<

$(BUILD)/client.elf: $(client_objects) $(BUILD)/client/client.ld
	$(LD) --gc-sections -T $(BUILD)/client/client.ld -o $@ $(client_objects)

$(BUILD)/client.bin: $(BUILD)/client.elf
	$(OBJCOPY) -O binary $< $@

all: $(BUILD)/client.bin
