# The region allocator built in many ways, one deterministic sequence of operations run by each: all must answer the same.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT
warnings="-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wcast-qual -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror"
source=tests/compile/region_trace.c

# shellcheck disable=SC2086
build() { # build NAME COMPILER FLAG...
    local name=$1
    shift
    "$@" $warnings -Iinclude -o "$scratch/$name" $source
}

# answers NAME RUNNER...: runs what was built for three seeds, and compares with the first build.
answers() {
    local name=$1 seed
    shift
    for seed in 1 2 3; do
        "$@" "$scratch/$name" $seed || return
    done >"$scratch/$name.out"
    [ -f "$scratch/first" ] || cp "$scratch/$name.out" "$scratch/first"
    diff "$scratch/first" "$scratch/$name.out"
}

# one NAME RUNNER -- COMPILER FLAG...
one() {
    local name=$1 runner=()
    shift
    while [ "$1" != -- ]; do
        runner+=("$1")
        shift
    done
    shift
    check "$name builds" build "${name// /_}" "$@"
    check "$name answers as all others do" answers "${name// /_}" "${runner[@]}"
}

one "gcc -O2" -- gcc -std=c99 -O2
one "gcc -O0" -- gcc -std=c11 -O0
one "gcc without intrinsics" -- gcc -std=c99 -O2 -DQUIRE_PORTABLE_BITS
one "gcc without asserts" -- gcc -std=c99 -O3 -DNDEBUG
one "clang -O2" -- clang -std=c99 -O2
one "clang -O0 without intrinsics" -- clang -std=c11 -O0 -DQUIRE_PORTABLE_BITS
one "arm, 32 bit" qemu-arm -- arm-linux-gnueabihf-gcc -std=c99 -O2 -static
one "arm, 32 bit, without intrinsics" qemu-arm -- arm-linux-gnueabihf-gcc -std=c99 -O0 -static -DQUIRE_PORTABLE_BITS
one "s390x, big-endian" qemu-s390x -- s390x-linux-gnu-gcc -std=c99 -O2 -static
one "s390x, big-endian, without intrinsics" qemu-s390x -- s390x-linux-gnu-gcc -std=c99 -O0 -static -DQUIRE_PORTABLE_BITS

# A comparison that could not fail would prove nothing: another seed, and another answer, must show.
differs() { ! diff <("$scratch/gcc_-O2" 1) <("$scratch/gcc_-O2" 2) >/dev/null; }
check "another sequence prints something else" differs
told() { [ "$(grep -c hash "$scratch/first")" = 15 ] && grep -q 'NO_MEMORY' "$scratch/first" && grep -q 'NO_SPACE' "$scratch/first"; }
check "the sequences reach what matters" told
finish
