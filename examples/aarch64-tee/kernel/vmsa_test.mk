# vmsa.c and fault_decode.c alone, on a bare machine of their own: $(BUILD)/vmsa_test.elf. kernel/vmsa_test/run runs it.
include $(HERE)lib/lib.mk

VMSA_TEST_SOURCES := kernel/vmsa.c kernel/fault_decode.c $(LIB_SOURCES) \
    $(patsubst $(HERE)%,%,$(wildcard $(HERE)kernel/vmsa_test/*.[cS]))

$(eval $(call image,vmsa_test,$(VMSA_TEST_SOURCES),-DQUIRE_CONFIG_H='"kernel/quire_config.h"' -fno-pic -fno-pie))

$(BUILD)/vmsa_test.elf: $(vmsa_test_objects) $(HERE)kernel/vmsa_test/test.ld
	$(LD) -nostdlib --fatal-warnings -z noexecstack -T $(HERE)kernel/vmsa_test/test.ld -o $@ $(vmsa_test_objects)

.PHONY: vmsa-test
vmsa-test: $(BUILD)/vmsa_test.elf
