# walk.awk - instructions per kind of fault, from a trace of walk.c. SPDX-License-Identifier: BSD-2-Clause
#
# A line of the trace is an instruction. The first file has the names of the phases. Prints lines
# "walked PHASE KIND FAULTS LIBRARY WIPING"; the last is a part of the one before.
NR == FNR { name[NR] = $1; next }
$1 != "Trace" { next }
$NF !~ /^mark_/ {
    instructions++
    wiping += $NF == "memset"
    next
}
{
    split($0, part, "/") # [flags/address/...
    if (!($NF in first)) {
        first[$NF] = part[2]
    }
    if (part[2] != first[$NF]) {
        next # the rest of the mark
    }
}
$NF == "mark_begin" {
    instructions = wiping = 0
    next
}
$NF == "mark_phase" {
    phase++
    next
}
{
    kind = name[phase] " " substr($NF, 6)
    faults[kind]++
    library[kind] += instructions
    wiped[kind] += wiping
}
END {
    for (kind in faults) {
        print "walked", kind, faults[kind], library[kind], wiped[kind]
    }
}
