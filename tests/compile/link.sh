# What links and what must not: many units with one implementation, static copies, C++ beside C, and units that were built
# with different layouts.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wvla -Werror"
units="unit_a.c unit_b.c unit_main.c"
undefined='undefined (reference|symbol)'

# object COMPILER OPTIONS SOURCE NAME
object() {
    # shellcheck disable=SC2086
    $1 $2 $warnings -Iinclude -Itests/compile -c -o "$scratch/$4.o" "$3"
}

implementation() { # implementation COMPILER OPTIONS NAME
    printf '#define QUIRE_IMPLEMENTATION\n#include <quire/quire.h>\n' >"$scratch/implementation.c"
    object "$1" "$2" "$scratch/implementation.c" "$3"
}

# linked COMPILER OPTIONS NAME...: links the objects and runs the program.
linked() {
    local compiler=$1 options=$2 objects=() name
    shift 2
    for name; do objects+=("$scratch/$name.o"); done
    # shellcheck disable=SC2086
    $compiler $options -o "$scratch/program" "${objects[@]}" && "$scratch/program"
}

units_of() { # units_of COMPILER OPTIONS: all units and one implementation
    local unit
    for unit in $units; do object "$1" "$2" "tests/compile/$unit" "${unit%.c}" || return; done
    implementation "$1" "$2" implementation
}

for compiler in gcc clang; do
    linker=""
    [ $compiler = gcc ] || linker=-fuse-ld=lld
    for options in "-O0" "-O2 -ffunction-sections -fdata-sections -Wl,--gc-sections" "-O2 -flto" "-O2 -flto -ffunction-sections -Wl,--gc-sections"; do
        compile=${options/-Wl,--gc-sections/}
        name="$compiler $options"
        check "$name: three units and one implementation compile" units_of $compiler "-std=c99 $compile"
        check "$name: they link and run" linked $compiler "$options $linker" unit_a unit_b unit_main implementation
        refused "$name: without the implementation they do not link" "$undefined" \
            linked $compiler "$options $linker" unit_a unit_b unit_main
        for layout in -DQUIRE_PAGE_SHIFT=14 -DQUIRE_SEGMENT_BITS=5 -DQUIRE_BATCH_ENTRIES=8; do
            check "$name: a unit compiles with $layout" object $compiler "-std=c99 $compile $layout" tests/compile/unit_b.c unit_other
            refused "$name: it does not link with the others" "$undefined.*quire_" \
                linked $compiler "$options $linker" unit_a unit_other unit_main implementation
        done
    done
done

# What follows is about names, which do not depend on how well code is optimised.

# The other way round: the implementation is the odd one.
check "the units compile" units_of gcc "-std=c99 -O0"
check "an implementation compiles with another page size" implementation gcc "-O0 -DQUIRE_PAGE_SHIFT=16" implementation_other
refused "units of the usual page size do not link with it" "$undefined.*quire_" linked gcc "" unit_a unit_b unit_main implementation_other

# Every external function carries the layout in its name: none can be met by a unit of another layout.
every_symbol_named() {
    ! nm -g --defined-only "$scratch/implementation.o" | awk '{ print $3 }' | grep -v '_p12b16s4$'
}
silent "every external symbol of the implementation carries the layout" every_symbol_named
external_symbols=$(nm -g --defined-only "$scratch/implementation.o" | wc -l)
check "there are external symbols ($external_symbols)" test "$external_symbols" -gt 50

for compiler in gcc clang; do
    for unit in $units; do
        silent "$compiler: $unit compiles with a static copy" object $compiler "-std=c99 -O2 -DQUIRE_STATIC" tests/compile/$unit "${unit%.c}"
    done
    silent "$compiler: three static copies link and run" linked $compiler "" unit_a unit_b unit_main
    for unit in unit_a.c unit_main.c; do object $compiler -std=c99 tests/compile/$unit "${unit%.c}"; done
    implementation $compiler "-std=c99 -O0" implementation
    cxx=g++
    [ $compiler = gcc ] || cxx=clang++
    check "a C++ unit compiles, $cxx" object $cxx "-std=c++17 -x c++" tests/compile/unit_b.c unit_b
    check "it links with a C implementation, $compiler" linked $cxx "" unit_a unit_b unit_main implementation
done
finish
