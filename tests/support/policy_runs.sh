#!/usr/bin/env bash
# The replay of recorded traces: its counts against a model's, and what it says to bad files and arguments.
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/support/check.sh
dir=$(mktemp -d)
trap 'rm -rf "$checks_log" "$dir"' EXIT

model() { # model SEED: the same counts as the model's, for FIFO, CLOCK and the optimum, with flags and without
    python3 tests/support/policy_model.py "$1" "$dir/model.qpt" >"$dir/expected" || return 1
    # shellcheck disable=SC2046
    "$dir/policy" "$dir/model.qpt" step=1 $(head -n 1 "$dir/expected") >"$dir/counted" || return 1
    tail -n +2 "$dir/expected" | diff - "$dir/counted"
}

models() { # models FIRST LAST
    local seed
    for ((seed = $1; seed <= $2; seed++)); do
        model "$seed" || { echo "seed $seed"; return 1; }
    done
}

# Each policy, however the hardware is, from the fewest pages on: nothing is refused, and nothing that is checked is wrong.
all_flags() {
    local policy flags pages arguments=()
    for policy in $("$dir/policy" list); do
        for flags in ad a f none; do
            for pages in 2 3 4 100; do
                arguments+=("$policy" "$flags" "$pages")
            done
        done
    done
    for seed in 1 2 3 4 5 6 7 8; do
        python3 tests/support/policy_model.py "$seed" "$dir/flags.qpt" >/dev/null || return 1
        [ "$("$dir/policy" "$dir/flags.qpt" step=1 "${arguments[@]}" | wc -l)" = $((${#arguments[@]} / 3)) ] || return 1
    done
}

# bad NAME PATTERN ARGUMENT...: the program says what matches, prints nothing else, and exits with 2.
bad() {
    local name=$1 pattern=$2 result=0
    shift 2
    "$dir/policy" "$@" >"$dir/out" 2>"$checks_log" </dev/null || result=$?
    if [ "$result" != 2 ] || [ -s "$dir/out" ] || ! grep -qE -- "$pattern" "$checks_log"; then
        echo "exit status $result; expected: 2, and what matches $pattern" >>"$checks_log"
        report 1 "$name"
    else
        report 0 "$name"
    fi
}

# file HEADER BYTES...: a trace of that header line and what printf makes of the rest.
file() {
    local header=$1
    shift
    # shellcheck disable=SC2059
    { printf '%s\n' "$header"; printf "$@"; } >"$dir/bad.qpt"
    echo "$dir/bad.qpt"
}

python3 tests/support/policy_model.py 1 "$dir/good.qpt" >/dev/null || exit 1
xz -k "$dir/good.qpt"
check "bench/run policy FILE... replays traces, packed and not, and draws" eval \
    "mkdir $dir/two && cp $dir/good.qpt $dir/two/other.qpt && OUT=$dir bench/run policy $dir/good.qpt.xz $dir/two/other.qpt &&
     [ \$(wc -l <$dir/policy.csv) -ge 25 ] && grep -q '</svg>' $dir/policy.ad.traces.svg && grep -q '</svg>' $dir/policy.none.memory.svg"
refused "two traces of one name are an error" "same name" env OUT="$dir" bench/run policy "$dir/good.qpt" "$dir/good.qpt.xz"
check "bench/run policy constants prints what each constant is worth" eval \
    "OUT=$dir bench/run policy constants clock $dir/good.qpt $dir/two/other.qpt >$dir/constants && grep -q '^all ' $dir/constants &&
     grep -q 'mean over ad and none' $dir/constants"

check "FIFO misses all of a loop one page too long, and what fits is missed once" eval \
    "[ \"\$($dir/policy loop=65 fifo ad 64 min - 65 | cut -d ' ' -f 6 | xargs)\" = '39975 65' ]"
check "bench/run policy loops prints what the README says of them" eval \
    "OUT=$dir bench/run policy loops >$dir/loops && grep -qE '^64 +67 +14 +16 +5$' $dir/loops && grep -qE '^20 +25 +39 +37 +21$' $dir/loops &&
     grep -qE '^64 +none +90[.][0-9] +78[.]0 ' $dir/loops && grep -qE '^20 +ad +76[.][0-9] +73[.]5 ' $dir/loops"
check "counts are those of the model: seeds 1 to 20" models 1 20
check "counts are those of the model: seeds 21 to 40" models 21 40
check "each policy serves each trace, however the hardware is, in the fewest pages" all_flags
check "an exact number of pages is what the replay gets" eval \
    "[ \"\$($dir/policy $dir/good.qpt fifo ad 7 fifo ad 8 fifo ad 9 | cut -d ' ' -f 5 | xargs)\" = '7 8 9' ]"

# One page, one context, one reference: the least that is right.
whole="QPT1 name=x ctx=1 pages=1 shared=0 records=1 refs=1 k=1 tick=1 instr=1"
check "a trace of one reference is replayed" "$dir/policy" "$(file "$whole" '\0\0\0\0\0')" fifo ad 5
bad "no file" "cannot be opened" "$dir/none.qpt"
bad "no packed file" "cannot be opened" "$dir/none.qpt.xz"
: >"$dir/empty.qpt"
bad "an empty file" "does not begin with" "$dir/empty.qpt"
bad "a file of another kind" "does not begin with" tests/run
printf 'QPT1 ctx=1 pages=1 records=1' >"$dir/bad.qpt"
bad "a header that does not end" "does not begin with" "$dir/bad.qpt"
for field in ctx pages records; do
    bad "a header without $field=" "out of range" "$(file "${whole/ $field=1/}" '\0\0\0\0\0')"
    for value in 0 -1 1x 99999999999999999999999 4294967297; do
        bad "a header with $field=$value" "out of range" "$(file "${whole/ $field=1/ $field=$value}" '\0\0\0\0\0')"
    done
done
bad "more contexts than records can name" "out of range" "$(file "${whole/ ctx=1/ ctx=257}" '\0\0\0\0\0')"
bad "more pages in all than the machine has" "too many pages" \
    "$(file "QPT1 name=x ctx=256 pages=4000000 shared=0 records=1 refs=1 k=1 tick=1 instr=1" '\0')"
bad "many records, of which none is there" "ends before its last record" "$(file "${whole/ records=1/ records=268435456}" '\0')"
bad "a file that ends before its first record" "ends before its first record" "$(file "${whole/ pages=1/ pages=9}" '\0\0\0\0\0')"
bad "a file that ends within a record" "ends before its last record" "$(file "$whole" '\0\0\0\0')"
bad "a file that goes on" "goes on" "$(file "$whole" '\0\0\0\0\0\0')"
bad "a file of clock marks only" "no references" "$(file "$whole" '\0\3\0\0\0')"
bad "a page that the header does not have" "does not have" "$(file "$whole" '\0\4\0\0\0')"
bad "a context that the header does not have" "does not have" "$(file "$whole" '\0\0\0\0\1')"
head -c 200 "$dir/good.qpt.xz" >"$dir/bad.qpt.xz"
bad "a packed file that ends early" "ends before|does not begin with" "$dir/bad.qpt.xz"
cp "$dir/good.qpt" "$dir/bad.qpt.xz"
bad "a packed file that is not packed" "does not begin with" "$dir/bad.qpt.xz"
{ cat "$dir/good.qpt.xz"; echo rubbish; } >"$dir/bad.qpt.xz"
bad "a packed file with something behind it" "xz" "$dir/bad.qpt.xz"
refused "bench/run policy refuses a bad file as well" "does not begin with" env OUT="$dir" bench/run policy "$dir/empty.qpt"

bad "a loop of nothing" "out of range" loop=0
bad "a loop of too many pages" "out of range" loop=4097
bad "a loop of something else" "not a number" loop=9x
bad "no trace at all" "usage"
bad "half a triple" "usage" "$dir/good.qpt" fifo ad
bad "no such policy" "no such policy" "$dir/good.qpt" lru ad 9
bad "a policy cut short" "no such policy" "$dir/good.qpt" cloc ad 9
bad "no such field" "no such field" "$dir/good.qpt" clock,hands=2 ad 9
bad "another policy's field" "no such field" "$dir/good.qpt" fifo,chances=2 ad 9
bad "no value" "no such value" "$dir/good.qpt" clock,chances= ad 9
bad "a value out of range" "no such value" "$dir/good.qpt" clock,chances=4294967296 ad 9
bad "no such flags" "flags are" "$dir/good.qpt" fifo x 9
bad "no pages" "out of range" "$dir/good.qpt" fifo ad 0
bad "more than all pages" "out of range" "$dir/good.qpt" fifo ad 101%
bad "pages of another unit" "percentage" "$dir/good.qpt" fifo ad 9k
bad "fewer pages than the pager needs" "fewer pages" "$dir/good.qpt" fifo ad 4
bad "no such step" "out of range" "$dir/good.qpt" step=0
bad "fields of no policy" "no such policy" list lru
finish
