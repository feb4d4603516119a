# Views: what must not compile, and whether a compiler makes of one fetch in the source two in the object code. The library
# is inlined into requests (view_request.c). What they do to shared memory is counted as the processor does it (view_probe.c:
# every access faults), and the loads of one of them in the disassembly. Both must find what is planted.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT
here=tests/compile
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wvla -Werror"
c_warnings="$warnings -Wstrict-prototypes -Wmissing-prototypes"

# ---- What must not compile ----

# body COMPILER OPTIONS STATEMENT: a function with views and private memory at hand, and STATEMENT in it.
body() {
    cat >"$scratch/unit.c" <<END
#include <string.h>
#include <quire/view.h>
char f(struct quire_view view, struct quire_snapshot snap);
char f(struct quire_view view, struct quire_snapshot snap)
{
    char buffer[4] = "abc";
    uint32_t number = 0;
    uint32_t *into = &number;
    $3
    return (char)(buffer[0] + (char)*into + (char)view.size + (char)snap.len);
}
END
    # shellcheck disable=SC2086
    $1 $2 -Iinclude -c -o "$scratch/unit.o" "$scratch/unit.c"
}

for compiler in "gcc -std=c99" "clang -std=c99" "g++ -x c++ -std=c++17" "clang++ -x c++ -std=c++17"; do
    name=${compiler%% *}
    if [ "$name" = g++ ] || [ "$name" = clang++ ]; then strict=""; else strict="-pedantic-errors"; fi
    compiles() { check "$name: $1" body "$compiler" "$warnings" "$2"; }
    never() { refused "$name: $1" "$3" body "$compiler" "" "$2"; }
    not_strict() { refused "$name: $1" "$3" body "$compiler" "$strict" "$2"; }

    compiles "a load compiles" 'if (quire_view_load32(&view, 0, into) != QUIRE_OK) { return 1; }'
    compiles "a snapshot and its decoder compile" \
        'if (quire_view_snapshot(&view, 0, buffer, 4, &snap) != QUIRE_OK) { return 1; }
         if (quire_snapshot_u32(&snap, 0, into) != QUIRE_OK) { return 1; }'
    compiles "the numbers of a view may be read" \
        'uintptr_t va = view.va; uint64_t pa = view.pa.addr; number = (uint32_t)(va + pa);'
    compiles "a view may be copied" 'struct quire_view other = view; view = other;'

    never "a view is not dereferenced" 'buffer[0] = *view;' 'unary|operand|operator'
    never "... nor indexed" 'buffer[0] = view[0];' 'subscript|operator'
    never "... nor cast to a pointer" 'buffer[0] = *(const char *)view;' 'cannot (convert|cast)|invalid cast|operand'
    never "its virtual start is not dereferenced" 'buffer[0] = *view.va;' 'unary|indirection'
    never "... nor indexed" 'buffer[0] = view.va[0];' 'subscript'
    never "... nor followed" 'buffer[0] = view.va->kind;' "'->'|‘->’|not a pointer"
    never "its physical start is not dereferenced" 'buffer[0] = *view.pa;' 'unary|operand|operator'
    never "... nor cast to a pointer" 'buffer[0] = *(const char *)view.pa;' 'cannot (convert|cast)|invalid cast|operand'
    not_strict "its virtual start does not become a pointer by itself" \
        'const char *at = view.va; buffer[0] = at[0];' 'pointer|conver|initializ'
    not_strict "... nor an argument of memcpy" 'memcpy(buffer, view.va, 4);' 'pointer|conver|matching'
    not_strict "... nor of memcmp" 'number = memcmp(buffer, view.va, 4) == 0;' 'pointer|conver|matching'
    not_strict "a view is no argument of memcpy" 'memcpy(buffer, view, 4);' 'incompatible|conver|matching'
    not_strict "a decoder does not take a view" \
        'if (quire_snapshot_u32(&view, 0, into) != QUIRE_OK) { return 1; }' 'incompatible|conver|matching'
    not_strict "... nor private bytes that no snapshot fetched" \
        'if (quire_snapshot_u32(buffer, 0, into) != QUIRE_OK) { return 1; }' 'incompatible|conver|matching'
    not_strict "a load does not take a snapshot" \
        'if (quire_view_load32(&snap, 0, into) != QUIRE_OK) { return 1; }' 'incompatible|conver|matching'
    not_strict "a physical address is no virtual one" \
        'if (quire_view_contains_va(&view, view.pa, 1)) { return 1; }' 'incompatible|conver|matching|passing'
    not_strict "... and the other way round" \
        'if (quire_view_contains_pa(&view, view.va, 1)) { return 1; }' 'incompatible|conver|matching|passing'
    refused "$name: an ignored status warns" \
        'unused.result' body "$compiler" -Werror 'quire_view_load32(&view, 0, into);'
done

# ---- Other machines: byte order, words, widths of addresses ----

# numbers RUNNER COMPILER OPTIONS: RUNNER is the command that runs the program, "env" for this machine.
numbers() {
    # shellcheck disable=SC2086
    $2 -std=c99 $3 $c_warnings -Iinclude -o "$scratch/numbers" $here/view_numbers.c && $1 "$scratch/numbers"
}
other_machine() { # other_machine RUNNER COMPILER
    if command -v "$1" >/dev/null && command -v "$2" >/dev/null; then
        check "$2: numbers, copies and addresses are right" numbers "$1" "$2" "-O2 -static"
    else
        echo "ok - $2: numbers, copies and addresses are right # skip: needs $2 and $1"
    fi
}
for compiler in gcc clang; do
    check "$compiler: numbers, copies and addresses are right" numbers env $compiler -O2
    check "$compiler: ... with the undefined-behaviour sanitizer" numbers env $compiler \
        "-O1 -fsanitize=undefined -fno-sanitize-recover=all"
done
other_machine qemu-arm arm-linux-gnueabihf-gcc   # 32 bits
other_machine qemu-s390x s390x-linux-gnu-gcc     # the highest byte first
other_machine qemu-aarch64 aarch64-linux-gnu-gcc

# ---- The object code ----

# built COMPILER OPTIONS OBJDUMP: the requests, with all inlined, and their disassembly.
built() {
    # shellcheck disable=SC2086
    $1 -std=c99 $2 $c_warnings -fno-stack-protector -fno-jump-tables -Iinclude -c -o "$scratch/request.o" \
        $here/view_request.c && $3 -d --no-show-raw-insn "$scratch/request.o" >"$scratch/request.s"
}
# Does view_request_words() have exactly the four loads that its source has?
four_loads() {
    awk -v function_name=view_request_words -v loads=4 -f $here/view_inspect.awk "$scratch/request.s"
}
# Does the processor touch every byte as often as the source says? watched COMPILER OBJDUMP RUNNER
watched() {
    # shellcheck disable=SC2086
    $1 -std=c99 -D_GNU_SOURCE -O1 -fno-pie $c_warnings -c -o "$scratch/probe.o" $here/view_probe.c &&
        $1 -static -o "$scratch/probe" "$scratch/probe.o" "$scratch/request.o" &&
        $2 -d --no-show-raw-insn "$scratch/probe" >"$scratch/probe.s" && $3 "$scratch/probe" >"$scratch/probe.log" &&
        awk -f $here/view_inspect.awk "$scratch/probe.s" "$scratch/probe.log"
}

# inspect NAME COMPILER OBJDUMP RUNNER: RUNNER is "" where nothing can run the program.
inspect() {
    local options planted

    for options in -O2 -O3 -Os; do
        check "$1 $options: the requests compile" built "$2" "$options" "$3"
        check "$1 $options: four loads in the source are four in the object code" four_loads
        if [ -n "$4" ]; then
            check "$1 $options: the processor touches each byte once, words in one access" watched "$2" "$3" "$4"
        else
            echo "ok - $1 $options: the processor touches each byte once, words in one access # skip: nothing here runs it"
        fi
    done
    for planted in CHECK COPY; do
        check "$1: requests with a planted double fetch compile ($planted)" built "$2" "-O2 -DPLANTED_$planted" "$3"
        refused "$1: ... and the disassembly shows it" "view_request_words holds [0-9]+ loads, not 4" four_loads
        [ -z "$4" ] || refused "$1: ... and so does the processor" "message.*is fetched [2-9][0-9]* times, not 1" \
            watched "$2" "$3" "$4"
    done
}

# A checker that is shown nothing, or an access that it does not understand, must not pass.
blind() {
    printf 'request a\nreads 0 4\nend 0 0\n' >"$scratch/blind.log"
    awk -f $here/view_inspect.awk "$scratch/request.s" "$scratch/blind.log"
}
foreign() {
    printf 'request a\naccess dead0 0 r\nend 0 0\n' >"$scratch/blind.log"
    awk -f $here/view_inspect.awk "$scratch/request.s" "$scratch/blind.log"
}
missing() { awk -v function_name=no_such_function -v loads=0 -f $here/view_inspect.awk "$scratch/request.s"; }

case $(uname -m) in
x86_64) native="objdump -M intel" ;;
aarch64) native=objdump ;;
*) native="" ;;
esac
for compiler in gcc clang; do
    if [ -n "$native" ]; then
        inspect $compiler "$compiler -fno-pie" "$native" env
    else
        echo "ok - $compiler: the object code # skip: this inspection knows x86-64 and AArch64"
    fi
done
if [ "$(uname -m)" != aarch64 ] && command -v aarch64-linux-gnu-gcc >/dev/null; then
    emulator=$(command -v qemu-aarch64)
    inspect aarch64-linux-gnu-gcc "aarch64-linux-gnu-gcc -fno-pie" aarch64-linux-gnu-objdump "$emulator"
    inspect "clang for AArch64" "clang --target=aarch64-linux-gnu -fno-pie" aarch64-linux-gnu-objdump "$emulator"
fi
refused "the inspection fails if it sees no access" "byte 0 is fetched 0 times" blind
refused "... or one by code that it does not know" "an access of unknown width" foreign
refused "... or no such function" "is not in this object" missing
finish
