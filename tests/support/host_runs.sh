#!/usr/bin/env bash
# The example, as the README runs it but shorter; and each fault that can be planted in it must make it fail.
# (examples/host/check has all the rest: arguments, hostile files, many shapes, under AddressSanitizer; examples/host/tamper
# changes the store while it is stopped.)
set -u
cd "$(dirname "$0")/../.."
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

check "the example runs" examples/host/run --seconds 1
check "... with another policy and seed" examples/host/run --seconds 1 --policy fifo --seed 7
check "... with one context" examples/host/run --seconds 1 --contexts 1
for fault in verify wipe share flush; do
    refused "... fails with --break=$fault" "planted: $fault" examples/host/run --seconds 1 --break=$fault
done

figures() {
    examples/host/run --seconds 1 --json "$scratch/figures.json" --dot "$scratch/picture.dot" &&
        python3 -m json.tool "$scratch/figures.json" && grep -q '^ *\(strict \)\?\(di\)\?graph' "$scratch/picture.dot"
}
check "... writes its figures and its picture" figures

# "needs only a C compiler": nothing else in sight.
bare_run() { PATH=/usr/bin:/bin CC="${CC:-cc}" MBEDTLS=no "$scratch/clone/examples/host/run" "$@"; }
bare() {
    mkdir -p "$scratch/bin" "$scratch/clone"
    cp -r include examples "$scratch/clone/"
    bare_run "$@"
}
check "... runs in a bare copy of include and examples, without any library" eval \
    'bare --help 2>"$scratch/building" >"$scratch/said" && bare_run --seconds 1'
says_so() { # said that it builds, when it did: the copy was new
    bare_run --help >"$scratch/again" 2>&1 &&
        cat "$scratch/building" && [ "$(grep -c '^building ' "$scratch/building")" = 1 ] && cmp "$scratch/said" "$scratch/again"
}
check "... says that it builds, and only when it does" says_so
installs() { # status 2, and nothing but the one line
    local status=0
    bare_run --sealed --store "$scratch/store" >"$scratch/said" 2>&1 || status=$?
    cat "$scratch/said"
    [ "$status" = 2 ] && [ "$(cat "$scratch/said")" = "host: --sealed: needs mbedTLS: apt-get install libmbedtls-dev" ]
}
check "... and then says what --sealed needs" installs
finish
