# The applications: $(BUILD)/ta/NAME.elf for each of TA_NAMES, and NAME.debug, the same with what a debugger wants.

TA_NAMES := echo sorter interpreter sharer watcher rogue walker
TA_LIBRARY := ta/ta.c ta/heap.c ta/start.S lib/memory.c lib/format.c
# The files are named by their hashes, so where they were built must not be in them.
TA_CFLAGS := -fpie -fvisibility=hidden -fmacro-prefix-map=$(HERE)=
# Of a relocation, GNU ld puts the addend into the relocated word too (lld: --apply-dynamic-relocs). ta/check looks.
TA_LDFLAGS := -pie --no-dynamic-linker -T $(HERE)ta/ta.ld -z max-page-size=4096 -z norelro -z noexecstack --build-id=none \
    --hash-style=sysv --gc-sections --fatal-warnings

HOSTCC ?= cc

# What an application has beside its own directory.
ta_watcher_more := ta/sharer/attached.c

# $(call ta,NAME): all of ta/NAME/*.c with the library. It exists only if it is what abi/ta.h promises.
define ta
$(call image,ta_$(1),$(TA_LIBRARY) $(ta_$(1)_more) $(patsubst $(HERE)%,%,$(wildcard $(HERE)ta/$(1)/*.c)),$(TA_CFLAGS))

$$(BUILD)/ta/$(1).debug: $$(ta_$(1)_objects) $$(HERE)ta/ta.ld
	@mkdir -p $$(@D)
	$$(LD) $$(TA_LDFLAGS) -o $$@ $$(ta_$(1)_objects)

$$(BUILD)/ta/$(1).elf: $$(BUILD)/ta/$(1).debug $$(BUILD)/ta/check
	$$(OBJCOPY) --strip-all $$< $$@
	$$(BUILD)/ta/check $$@
endef

$(foreach name,$(TA_NAMES),$(eval $(call ta,$(name))))

$(BUILD)/ta/check: $(HERE)ta/check.c
	@mkdir -p $(@D)
	$(HOSTCC) -std=c99 -O2 -Wall -Wextra -Werror -o $@ $<

all: $(TA_NAMES:%=$(BUILD)/ta/%.elf)
