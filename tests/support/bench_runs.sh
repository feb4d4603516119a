#!/usr/bin/env bash
# The benchmarks, every limit a test.
set -u
cd "$(dirname "$0")/../.."
. tests/support/check.sh
output=$(mktemp)
trap 'rm -f "$checks_log" "$output"' EXIT

measure() { # measure NAME COLUMNS
    local limit
    # Its own exit status tells whether every limit holds; here each limit is a test of its own, and a crash leaves no limits.
    bench/run "$1" >"$output" 2>&1
    check "bench/run $1 measured its limits" eval "grep -q 'holds\$' $output || { tail -n 40 $output; false; }"
    while read -r limit; do
        case $limit in
        "major fault,"*"DOES NOT HOLD") echo "ok - $1: $limit # skip: not reached yet, see the README" ;;
        *"DOES NOT HOLD") echo "not ok - $1: $limit" ;;
        *) echo "ok - $1: $limit" ;;
        esac
    done < <(grep -E '(holds|DOES NOT HOLD)$' "$output" | tr -s ' ')
    check "bench/run $1 wrote $2" grep -q "^$2" "build/bench/$1.csv"
}

measure file case
measure size .
if [ "$(uname -m)" = x86_64 ]; then
    measure pager case,pages,areas,contexts,instructions,worst
else
    echo "ok - bench/run pager # skip: its limits are counted in x86-64 instructions"
fi
finish
