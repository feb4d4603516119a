# With QUIRE_TRACE 0 nothing of the pager knows of a trace: not one function tells, and none calls what tells.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

built() { # built COMPILER OPTIONS
    { echo '#define QUIRE_IMPLEMENTATION'; echo '#include <quire/quire.h>'; } >"$scratch/unit.c"
    # shellcheck disable=SC2086
    $1 -std=c99 $2 -ffreestanding -Wall -Wextra -Werror -ffunction-sections -Iinclude -c -o "$scratch/unit.o" "$scratch/unit.c"
}
tellers() { readelf -W --symbols "$scratch/unit.o" | grep -E 'quire_(op|pager)_tell|quire_op_put_|quire_op_time_'; }
# Sections of functions that are not trace.h's, with relocations to what is.
callers() {
    readelf -W --relocs "$scratch/unit.o" | awk '/^Relocation section/ { from = $3 }
        /quire_trace_/ && from ~ /text/ && from !~ /text\.(unlikely\.)?quire_trace_/ { print from, $5; found = 1 } END { exit !found }'
}
silent_of() { ! "$1"; }

for compiler in gcc clang; do
    for options in -O0 -O2 -Os; do
        check "$compiler $options -DQUIRE_TRACE=0: the implementation compiles" built $compiler "$options -DQUIRE_TRACE=0"
        check "$compiler $options -DQUIRE_TRACE=0: no function tells a trace" silent_of tellers
        check "$compiler $options -DQUIRE_TRACE=0: no function calls what tells" silent_of callers
        check "$compiler $options: the implementation compiles" built $compiler "$options"
        check "$compiler $options: there are functions that tell" tellers
    done
done
refused "QUIRE_TRACE is 0 or 1" "QUIRE_TRACE must be 0 or 1" built gcc -DQUIRE_TRACE=2
finish
