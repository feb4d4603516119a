#!/usr/bin/env bash
# The shared-memory example as the README runs it, its lies, and each bug that can be planted in it must make it fail.
# (examples/shm/check has the rest: files, sizes, seeds, arguments, under AddressSanitizer.)
set -u
cd "$(dirname "$0")/../.."
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT
run=examples/shm/run

check "the example hashes a file in the secure world" $run
check "... of any length" $run "$(command -v python3)"
check "... and answers every lie" $run --hostile --seconds 2
check "... of another seed" $run --hostile --seconds 1 --seed 7
refused "... a length that is fetched again is caught" "planted: length.*(outside|twice)" $run --break=length
refused "... an address that is believed is caught" "planted: bounds.*outside|an access beside the shared memory faulted" $run --break=bounds
refused "... a message that is read with its buffer is caught" "planted: overlap.*twice" $run --break=overlap

# Without mbedTLS it says what to install.
missing() {
    mkdir -p "$scratch/clone"
    cp -r include examples "$scratch/clone/"
    CC="${CC:-cc} -nostdinc" "$scratch/clone/examples/shm/run"
}
refused "... names the package that is missing" "libmbedtls-dev" missing
bare() {
    PATH=/usr/bin:/bin CC="${CC:-cc}" "$scratch/clone/examples/shm/run"
}
check "... runs in a bare copy of include and examples" bare
finish
