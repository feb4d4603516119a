# bench/pager.awk - from "configuration instructions" per operation to a table, a CSV file (-v csv=FILE) and the limits.
# Exits 1 if a limit does not hold. SPDX-License-Identifier: BSD-2-Clause

{
    split($1, part, ",")
    if (part[1] == "empty") {
        harness = $2
        next
    }
    if (!($1 in n)) {
        order[++rows] = $1
    }
    cost = $2 - harness
    n[$1]++
    sum[$1] += cost
    squares[$1] += cost * cost
    if (cost > worst[$1]) {
        worst[$1] = cost
    }
}

function limit(what, value, most) {
    printf "%-74s %8.1f <= %-6s %s\n", what, value, most, value <= most ? "holds" : "DOES NOT HOLD"
    failed = failed || value > most
}

# The greatest mean, with one area per context, of a case in the variants that match.
function greatest(name, variants,    i, most) {
    most = -1
    for (i = 1; i <= rows; i++) {
        split(order[i], part, ",")
        if (part[3] == 1 && part[1] ~ "^" name "(" variants ")*$" && mean[order[i]] > most) {
            most = mean[order[i]]
        }
    }
    return most
}

# What it costs to be traced: the most over all sizes of the pool.
function traced(name, variant,    i, most, more) {
    most = -1e9
    for (i = 1; i <= rows; i++) {
        split(order[i], part, ",")
        if (part[1] == name variant) {
            more = mean[order[i]] - mean[name "," part[2] "," part[3] "," part[4]]
            most = more > most ? more : most
        }
    }
    return most
}

# Per cent between the least and the greatest mean of a case over pages, contexts and orders.
function spread(name,    i, least) {
    least = 1e9
    for (i = 1; i <= rows; i++) {
        split(order[i], part, ",")
        if (part[3] == 1 && part[1] ~ "^" name "([.]middle|[.]last)?$" && mean[order[i]] < least) {
            least = mean[order[i]]
        }
    }
    return 100 * (greatest(name, "[.]middle|[.]last") / least - 1)
}

# Instructions more per doubling of areas: the most over all numbers of areas, counted from one.
function slope(name,    areas, doublings, most, each) {
    most = -1e9
    doublings = 0
    for (areas = 2; areas <= 256; areas *= 2) {
        doublings++
        each = (mean[name ",2048," areas ",1"] - mean[name ",2048,1,1"]) / doublings
        if (each > most) {
            most = each
        }
    }
    return most
}

END {
    if (rows == 0) {
        print "bench/pager.awk: no measurements" >"/dev/stderr"
        exit 1
    }
    print "case,pages,areas,contexts,instructions,worst" >csv
    printf "%-24s %7s %7s %9s %13s %7s\n", "case", "pages", "areas", "contexts", "instructions", "worst"
    for (i = 1; i <= rows; i++) {
        name = order[i]
        split(name, part, ",")
        mean[name] = sum[name] / n[name]
        variance = squares[name] / n[name] - mean[name] * mean[name]
        error = variance > 0 ? sqrt(variance / n[name]) : 0
        if (error > most_error) {
            most_error = error
        }
        printf "%s,%.1f,%d\n", name, mean[name], worst[name] >csv
        printf "%-24s %7d %7d %9d %13.1f %7d\n", part[1], part[2], part[3], part[4], mean[name], worst[name]
    }
    print ""
    print "Variants: .middle .last = contexts created in this order around the one that maps the page (else it is first);"
    print ".fifo .s3fifo .2q .refault = that policy (else CLOCK); .sw = no hardware flags; .left = flags as the policy left them"
    print "(else all are set again before each operation); .idle = three more threads faulted once; .shared = another context has"
    print "an entry; .trace = every event goes into a ring, .timed = with the time."
    printf "Each operation is counted exactly; a call of nothing takes %d instructions, which are subtracted.\n", harness
    printf "The standard error of a mean is at most %.1f.\n\n", most_error

    flags = "[.]middle|[.]last|[.]fifo|[.]left"
    limit("minor fault: greatest mean with 1 area", greatest("minor", flags "|[.]sw|[.]shared"), 250)
    limit("major fault, clean victim, hardware flags: greatest mean with 1 area", greatest("major_clean", flags), 700)
    limit("major fault, dirty victim, hardware flags: greatest mean with 1 area", greatest("major_dirty", flags), 700)
    split("s3fifo 2q refault", policies, " ")
    for (i = 1; i in policies; i++) {
        limit("major fault, clean victim, " policies[i] ": greatest mean with 1 area",
            greatest("major_clean[.]" policies[i], "[.]left"), 700)
        limit("major fault, dirty victim, " policies[i] ": greatest mean with 1 area",
            greatest("major_dirty[.]" policies[i], "[.]left"), 700)
    }
    split("minor major_clean major_dirty write_clean unmap_area protect_area", cases, " ")
    for (i = 1; i in cases; i++) {
        limit(cases[i] ": spread over pages, contexts and orders, per cent", spread(cases[i]), 10)
    }
    split("minor major_clean major_dirty", cases_traced, " ")
    for (i = 1; i in cases_traced; i++) {
        for (timed = 0; timed < 2; timed++) {
            name = cases_traced[i] ": recording it" (timed ? ", with the time (a clock of 2 instructions)" : "")
            limit(name, traced(cases_traced[i], timed ? ".trace.timed" : ".trace"), 40)
        }
    }
    for (i = 1; i <= 4; i++) {
        limit(cases[i] ": more per doubling of areas, 1 to 256", slope(cases[i]), 8)
    }
    exit failed
}
