#!/usr/bin/env bash
# The region example on real input: its demonstration, the memory of this machine, other processes, and a description of
# many ranges.
# (examples/region/check has the rest: commands, descriptions, noise, under AddressSanitizer.)
set -u
cd "$(dirname "$0")/../.."
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT
run=examples/region/run

# commands ARGUMENTS...: runs it with the commands in $input.
commands() {
    printf '%s\n' "${input[@]}" | $run "$@"
}

demonstration() {
    $run >"$scratch/demo" && grep -q ' huge$' "$scratch/demo" && grep -q 'get: NO_SPACE' "$scratch/demo" &&
        grep -q '^check: all' "$scratch/demo" &&
        python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' build/examples/region/map.svg
}
check "the demonstration runs, and draws its own address space" demonstration

# What it says is taken must be what the kernel says, page by page.
maps() {
    sleep 60 &
    local process=$! result=0
    input=('list')
    commands "/proc/$process/maps" | sed -n 's/^# *\([0-9a-f]*\)-\([0-9a-f]*\) .*/\1 \2/p' >"$scratch/listed"
    awk -F'[- ]' '{ print $1, $2 }' "/proc/$process/maps" >"$scratch/mapped"
    kill "$process"
    python3 - "$scratch/listed" "$scratch/mapped" <<'END' || result=1
import sys
listed = [tuple(int(x, 16) for x in line.split()) for line in open(sys.argv[1])]
mapped = [(int(a, 16), int(b, 16) - 1) for a, b in (line.split() for line in open(sys.argv[2]))]
mapped = [(first, last) for first, last in mapped if first < 1 << 63]  # the upper half is the kernel's
assert mapped and listed == mapped, (listed, mapped)
END
    return $result
}
check "... knows the address space of another process" maps

# /proc/iomem shows addresses to root only.
iomem() {
    input=('get 4M align 2M highest name buffer' 'find 0' 'holes' "svg $scratch/iomem.svg" 'stats')
    commands /proc/iomem && python3 -c 'import sys, xml.dom.minidom as d; d.parse(sys.argv[1])' "$scratch/iomem.svg"
}
if grep -qm1 '[1-9a-f].*System RAM' /proc/iomem 2>/dev/null; then
    check "... allocates from the memory of this machine" iomem
elif [ -r /proc/iomem ] && grep -q 'System RAM' /proc/iomem; then
    refused "... says that addresses are hidden" 'to root only' $run /proc/iomem
fi

# Random placement: what a seed gives it gives again, and never two overlap.
random() {
    python3 -c '
for i in range(20000): print("add %x +64K memory" % (i * 131072))' >"$scratch/many"
    python3 -c '
import random
random.seed(5)
for i in range(20000): print("get %d %s name r%d" % (random.randrange(1, 4096), ("random", "best", "lowest", "highest")[i % 4 if i % 40 == 0 else 1], i))
for i in range(0, 20000, 3): print("put r%d" % i)
print("stats"); print("check"); print("list")' >"$scratch/commands"
    $run --seed 3 "$scratch/many" <"$scratch/commands" >"$scratch/first" &&
        $run --seed 3 "$scratch/many" <"$scratch/commands" >"$scratch/second" && cmp "$scratch/first" "$scratch/second" &&
        grep -q '^check: all invariants are true' "$scratch/first" && python3 - "$scratch/first" <<'END'
import sys
out = open(sys.argv[1]).read()
listed = [tuple(int(x, 16) for x in line.split()[1].split("-")) for line in out.split("bookkeeping:")[-1].splitlines() if line.startswith("+ ")]
assert len(listed) == 20000 - 6667, len(listed)
assert all(a <= b for a, b in listed) and all(x[1] < y[0] for x, y in zip(listed, listed[1:]))
assert all(a // 131072 == b // 131072 and b % 131072 < 65536 for a, b in listed)
END
}
check "... 20,000 ranges, 20,000 requests, the same for the same seed" random

bare() {
    mkdir -p "$scratch/clone"
    cp -r include examples "$scratch/clone/"
    PATH=/usr/bin:/bin CC="${CC:-cc}" "$scratch/clone/examples/region/run"
}
check "... runs in a bare copy of include and examples" bare
finish
