# bench/policy_loops.awk - what a policy makes of loops longer than memory, from what bench/policy.c prints of them: a table, and a
# CSV file (-v csv=FILE). SPDX-License-Identifier: BSD-2-Clause

# Of memory, the part that is hit each time round: what stays.
function stays(missed, loop, memory) {
    return 100 * (1 - missed) * loop / memory
}
BEGIN {
    references = 40000 # QPT_LOOP_REFERENCES
    print "pages,loop,flags,missed,optimum,stays" >csv
}
{
    loop = substr($1, 6) + 0
    memory = $5
    missed[$3] = $6 / (int(references / loop) * loop)
}
$2 != "min" { policy = $2 }
$2 == "min" {
    if (!(memory in count)) {
        order[++memories] = memory
    }
    count[memory]++
    for (i = 1; i <= 2; i++) {
        flags = i == 1 ? "ad" : "none"
        kept = stays(missed[flags], loop, memory)
        sum[memory, flags] += kept
        if (count[memory] == 1 || kept < worst[memory, flags]) {
            worst[memory, flags] = kept
            at[memory, flags] = loop
        }
        printf "%d,%d,%s,%.4f,%.4f,%.1f\n", memory, loop, flags, missed[flags], missed["-"], kept >csv
    }
    if (loop - memory ~ /^[13]$/ || loop == 1.25 * memory || loop == 1.5 * memory || (loop - memory) % 64 == (memory == 256)) {
        line[++lines] = sprintf("%-6d %-6d %10.0f %10.0f %10.0f", memory, loop, 100 * missed["ad"], 100 * missed["none"],
            100 * missed["-"])
    }
}
END {
    print policy ": misses per hundred references (all, warming up included)"
    printf "%-6s %-6s %10s %10s %10s\n", "pages", "loop", "flags", "none", "optimum"
    for (i = 1; i <= lines; i++) {
        print line[i]
    }
    print ""
    print "Per cent of memory hit each time round, of all loops up to twice as long:"
    printf "%-6s %-6s %10s %10s %10s\n", "pages", "flags", "mean", "worst", "at loop"
    for (i = 1; i <= memories; i++) {
        m = order[i]
        for (k = 1; k <= 2; k++) {
            flags = k == 1 ? "ad" : "none"
            printf "%-6d %-6s %10.1f %10.1f %10d\n", m, flags, sum[m, flags] / count[m], worst[m, flags], at[m, flags]
        }
    }
}
