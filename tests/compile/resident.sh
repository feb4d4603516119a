# A kernel that pages itself keeps the fault path in a section that is never paged. Nothing in that section may refer to
# code or constants outside of it: not in the optimised build, where small functions are inlined or cloned, either. The
# options are a kernel's: without them a compiler puts jump tables and vector constants where it likes (the README says so).
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

built() { # built COMPILER OPTIONS
    {
        echo '#define QUIRE_RESIDENT __attribute__((section(".fault.text")))'
        echo '#define QUIRE_RESIDENT_RO __attribute__((section(".fault.rodata")))'
        echo '#define QUIRE_IMPLEMENTATION'
        echo '#include <quire/quire.h>'
    } >"$scratch/unit.c"
    # shellcheck disable=SC2086
    $1 -std=c99 $2 -ffreestanding -mgeneral-regs-only -fno-jump-tables -fno-tree-slp-vectorize -ffunction-sections -Iinclude -c -o "$scratch/unit.o" "$scratch/unit.c"
}

# What the fault path refers to that is neither in its two sections nor the compiler's own. (Sections per function: a
# relocation then names the function.) Of an operations table it reads neither the name, nor `check`, nor `free`.
strangers() {
    readelf -W --sections --symbols --relocs "$scratch/unit.o" | awk '
        match($0, /^ *\[ *[0-9]+\] [^ ]+/) { n = $0; sub(/^ *\[ */, "", n); split(n, part, /\] */); split(part[2], word, " ")
                                             section[part[1]] = word[1]; next }
        /^Relocation section/ { text = /\.rela?\.fault\.text/; data = /\.rela?\.fault\.rodata/; next }
        /^Symbol table/ { text = data = 0; next }
        /^ *[0-9]+: / { if ($7 ~ /^[0-9]+$/) at[$8] = $7; next }
        $3 ~ /^R_/ && (text || data) && !(data && $5 ~ /^\.(rodata|L|LC)|_(check|free)_$/) { refers[$5] = 1 }
        END {
            for (symbol in refers) {
                name = symbol in at ? section[at[symbol]] : symbol
                if (name !~ /^\.fault\.|^mem(cpy|set|move|cmp)$/) print symbol, name == symbol ? "" : "in " name
            }
        }'
}

silent_strangers() { [ -z "$(strangers)" ] || { strangers; return 1; }; }

for compiler in gcc clang; do
    for options in -O0 -O2 -Os "-O2 -DNDEBUG"; do
        check "$compiler $options: the implementation compiles" built $compiler "$options"
        check "$compiler $options: the fault path refers to nothing outside its sections" silent_strangers
    done
done
in_path() { readelf -W --symbols "$scratch/unit.o" | grep -c ' FUNC .*quire_pager_fault'; }
check "the fault handler is in the unit" in_path
finish
