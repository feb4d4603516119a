# The EL3 monitor, the image of the flash, and the monitor's own test.
include $(HERE)lib/lib.mk

MONITOR_SOURCES := $(addprefix monitor/,start.S vectors.S main.c world.c smc.c psci.c gic.c gicv2.c gicv3.c machine.c)
$(eval $(call image,monitor,$(MONITOR_SOURCES) $(LIB_SOURCES),-fno-pie))

$(BUILD)/monitor.ld: $(HERE)monitor/monitor.ld $(HERE)abi/board.h
	@mkdir -p $(@D)
	$(CC) -E -P -x c -I$(HERE) -o $@ $<

$(BUILD)/monitor.elf: $(monitor_objects) $(BUILD)/monitor.ld
	$(LD) --gc-sections --fatal-warnings -z noexecstack -T $(BUILD)/monitor.ld -o $@ $(monitor_objects)

$(BUILD)/monitor.bin: $(BUILD)/monitor.elf
	$(OBJCOPY) -O binary $< $@

# $(call flash,KERNEL_BIN,CONFIG): makes $@ of the monitor, that kernel and a configuration, to be overwritten at FLASH_CONFIG.
flash = $(CC) $(ASFLAGS) -DMONITOR_BIN='"$(BUILD)/monitor.bin"' -DKERNEL_BIN='"$(1)"' -DCONFIG='"$(2)"' \
    -c -o $(@:.bin=.o) $(HERE)monitor/firmware.S && $(OBJCOPY) -O binary $(@:.bin=.o) $@

$(BUILD)/firmware.bin: $(HERE)monitor/firmware.S $(HERE)abi/board.h $(BUILD)/monitor.bin $(BUILD)/kernel.bin
	$(call flash,$(BUILD)/kernel.bin,)

all: $(BUILD)/firmware.bin

# ---- The test: a kernel and a client of its own; monitor/test/run runs them ----

$(eval $(call image,monitor-test-kernel,monitor/test/kernel.S monitor/test/kernel.c lib/memory.c,-fno-pie))
$(eval $(call image,monitor-test-client,$(addprefix monitor/test/,client.S client.c client_gic.c) $(LIB_SOURCES),-fno-pie))

$(BUILD)/monitor-test-kernel.ld $(BUILD)/monitor-test-client.ld: $(HERE)monitor/test/image.ld $(HERE)abi/board.h
	@mkdir -p $(@D)
	$(CC) -E -P -x c -I$(HERE) -DBASE=$(if $(findstring kernel,$(notdir $@)),KERNEL_BASE,CLIENT_BASE) -o $@ $<

$(BUILD)/monitor-test-kernel.elf: $(monitor-test-kernel_objects)
$(BUILD)/monitor-test-client.elf: $(monitor-test-client_objects)
$(BUILD)/monitor-test-kernel.elf $(BUILD)/monitor-test-client.elf: %.elf: %.ld
	$(LD) --fatal-warnings -z noexecstack -T $< -o $@ $(filter %.o,$^)

$(BUILD)/monitor-test-kernel.bin $(BUILD)/monitor-test-client.bin: %.bin: %.elf
	$(OBJCOPY) -O binary $< $@

$(BUILD)/monitor-test-firmware.bin: $(HERE)monitor/firmware.S $(HERE)abi/board.h
$(BUILD)/monitor-test-firmware.bin: $(BUILD)/monitor.bin $(BUILD)/monitor-test-kernel.bin
	$(call flash,$(BUILD)/monitor-test-kernel.bin,monitor-test=1)

monitor-test: $(BUILD)/monitor-test-firmware.bin $(BUILD)/monitor-test-client.bin

.PHONY: monitor-test
