# bench/policy.awk - from what bench/policy.c prints to tables, a CSV file (-v csv=FILE), what bench/policy.gnuplot draws
# (-v data=PREFIX) and limits (-v limits="POLICY FLAGS WHAT MOST ...", WHAT being cost, majors or worst). Exits 1 if a limit does
# not hold. SPDX-License-Identifier: BSD-2-Clause

function cost(run) {
    return 20 * majors[run] + minors[run] + 15 * saves[run]
}

# Notes a value in the order of its first appearance.
function note(order, seen, value) {
    if (!(value in seen)) {
        seen[value] = ++order[0]
        order[order[0]] = value
    }
}

{
    run = $1 SUBSEP $2 SUBSEP $3 SUBSEP $4
    if (run in majors) {
        print "bench/policy.awk: two runs of " $1 ", " $2 ", " $3 ", " $4 ": do two traces have the same name?" >"/dev/stderr"
        broken = 1
        exit
    }
    pages[run] = $5
    majors[run] = $6
    minors[run] = $7
    saves[run] = $8
    note(traces, trace_seen, $1)
    note(shares, share_seen, $4)
    if ($2 != "min") {
        note(kinds, kind_seen, $2 " " $3)
    }
}

# A run relative to the optimum of the same trace and memory.
function relative(trace, kind, share, what,    run, min, part) {
    split(kind, part, " ")
    run = trace SUBSEP part[1] SUBSEP part[2] SUBSEP share
    min = trace SUBSEP "min" SUBSEP "-" SUBSEP share
    if (!(run in majors) || !(min in majors) || majors[min] == 0) {
        print "bench/policy.awk: no run of " trace ", " kind ", " share ", or of its optimum" >"/dev/stderr"
        broken = 1
        exit
    }
    return what == "majors" ? majors[run] / majors[min] : cost(run) / cost(min)
}

# The geometric mean over traces (all, or one) and shares (all, or one).
function mean(kind, what, trace, share,    sum, n, t, s) {
    for (t = 1; t <= traces[0]; t++) {
        for (s = 1; s <= shares[0]; s++) {
            if ((trace == "" || traces[t] == trace) && (share == "" || shares[s] == share)) {
                sum += log(relative(traces[t], kind, shares[s], what))
                n++
            }
        }
    }
    return exp(sum / n)
}

function all_saves(policy, flags,    sum, t, s) {
    for (t = 1; t <= traces[0]; t++) {
        for (s = 1; s <= shares[0]; s++) {
            sum += saves[traces[t] SUBSEP policy SUBSEP flags SUBSEP shares[s]]
        }
    }
    return sum
}

# Write-backs of all traces together, relative to the optimum's: some of its runs have none.
function of_saves(policy, flags,    min) {
    min = all_saves("min", "-")
    return min == 0 ? "-" : sprintf("%.3f", all_saves(policy, flags) / min)
}

# The worst run of a policy; where it was is in worst_at then.
function worst(kind,    most, each, t, s) {
    for (t = 1; t <= traces[0]; t++) {
        for (s = 1; s <= shares[0]; s++) {
            each = relative(traces[t], kind, shares[s], "cost")
            if (each > most) {
                most = each
                worst_at = traces[t] " at " shares[s]
            }
        }
    }
    return most
}

function print_runs(    t, s, k, part, run, min, policy) {
    print "trace,memory,pages,policy,flags,majors,minors,writebacks,cost,relative_cost,relative_majors" >csv
    printf "%-16s %6s %6s %-16s %-5s %9s %9s %11s %8s\n", "trace", "memory", "pages", "policy", "flags", "majors", "minors",
        "write-backs", "cost/MIN"
    for (t = 1; t <= traces[0]; t++) {
        for (s = 1; s <= shares[0]; s++) {
            min = traces[t] SUBSEP "min" SUBSEP "-" SUBSEP shares[s]
            printf "%-16s %6s %6d %-16s %-5s %9d %9s %11d\n", traces[t], shares[s], pages[min], "MIN", "", majors[min], "",
                saves[min]
            printf "%s,%s,%d,min,,%d,0,%d,%d,1,1\n", traces[t], shares[s], pages[min], majors[min], saves[min], cost(min) >csv
            for (k = 1; k <= kinds[0]; k++) {
                split(kinds[k], part, " ")
                run = traces[t] SUBSEP part[1] SUBSEP part[2] SUBSEP shares[s]
                printf "%-16s %6s %6d %-16s %-5s %9d %9d %11d %8.2f\n", traces[t], shares[s], pages[run], part[1], part[2],
                    majors[run], minors[run], saves[run], relative(traces[t], kinds[k], shares[s], "cost")
                policy = part[1] ~ /,/ ? "\"" part[1] "\"" : part[1]
                printf "%s,%s,%d,%s,%s,%d,%d,%d,%d,%.4f,%.4f\n", traces[t], shares[s], pages[run], policy, part[2],
                    majors[run], minors[run], saves[run], cost(run), relative(traces[t], kinds[k], shares[s], "cost"),
                    relative(traces[t], kinds[k], shares[s], "majors") >csv
            }
        }
    }
}

function print_means(    k, part) {
    print ""
    print "Relative to the optimum, geometric means over traces and memory (write-backs: of all together):"
    printf "%-32s %-5s %10s %10s %12s   %s\n", "policy", "flags", "majors/MIN", "cost/MIN", "w.backs/MIN", "worst cost"
    for (k = 1; k <= kinds[0]; k++) {
        split(kinds[k], part, " ")
        printf "%-32s %-5s %10.3f %10.3f %12s   %.2f", part[1], part[2], mean(kinds[k], "majors"), mean(kinds[k], "cost"),
            of_saves(part[1], part[2]), worst(kinds[k])
        print ", " worst_at
    }
}

# A row per trace (its mean over memory), and a row per memory (its mean over traces), a column per policy.
function write_data(flags,    by_trace, by_share, t, s, k, part) {
    by_trace = data "." flags ".traces"
    by_share = data "." flags ".memory"
    printf "trace" >by_trace
    printf "memory" >by_share
    for (k = 1; k <= kinds[0]; k++) {
        split(kinds[k], part, " ")
        if (part[2] == flags) {
            printf " %s", part[1] >by_trace
            printf " %s", part[1] >by_share
        }
    }
    print "" >by_trace
    print "" >by_share
    for (t = 1; t <= traces[0]; t++) {
        printf "%s", traces[t] >by_trace
        for (k = 1; k <= kinds[0]; k++) {
            split(kinds[k], part, " ")
            if (part[2] == flags) {
                printf " %.4f", mean(kinds[k], "cost", traces[t]) >by_trace
            }
        }
        print "" >by_trace
    }
    for (s = 1; s <= shares[0]; s++) {
        printf "%d", shares[s] >by_share
        for (k = 1; k <= kinds[0]; k++) {
            split(kinds[k], part, " ")
            if (part[2] == flags) {
                printf " %.4f", mean(kinds[k], "majors", "", shares[s]) >by_share
            }
        }
        print "" >by_share
    }
    close(by_trace)
    close(by_share)
}

function check_limits(    n, i, part, kind, value, least, t, s, k) {
    print ""
    n = split(limits, part, " ")
    for (i = 1; i + 3 <= n; i += 4) {
        kind = part[i] " " part[i + 1]
        value = part[i + 2] == "worst" ? worst(kind) : mean(kind, part[i + 2])
        at_limit(kind ": " part[i + 2] " relative to the optimum", value, "<=", part[i + 3], value <= part[i + 3])
    }
    least = 1e9
    for (k = 1; k <= kinds[0]; k++) {
        for (t = 1; t <= traces[0]; t++) {
            for (s = 1; s <= shares[0]; s++) {
                value = relative(traces[t], kinds[k], shares[s], "majors")
                least = value < least ? value : least
            }
        }
    }
    at_limit("the fewest majors of any policy, relative to the optimum", least, ">=", 1, least >= 1)
}

function at_limit(what, value, than, limit, holds) {
    printf "%-74s %8.3f %s %-6s %s\n", what, value, than, limit, holds ? "holds" : "DOES NOT HOLD"
    failed = failed || !holds
}

END {
    if (!broken && kinds[0] == 0) {
        print "bench/policy.awk: no runs" >"/dev/stderr"
        broken = 1
    }
    if (!broken) {
        print_runs()
        print_means()
        for (k = 1; k <= kinds[0]; k++) {
            split(kinds[k], part, " ")
            if (!(part[2] in drawn)) {
                drawn[part[2]] = 1
                write_data(part[2])
            }
        }
        check_limits()
    }
    exit broken ? 2 : failed
}
