# bench/policy_constants.awk - what each constant of a policy (-v policy=NAME) is worth, and whether choosing them by other traces
# would have done as well: from the list of its fields, then what bench/policy.c prints for it with each field halved and doubled.
# Writes a CSV file (-v csv=FILE). SPDX-License-Identifier: BSD-2-Clause

function note(order, seen, value) {
    if (!(value in seen)) {
        seen[value] = ++order[0]
        order[order[0]] = value
    }
}

NF == 2 {
    fields[++nfields] = $1
    field_value[nfields] = $2
    next
}

{
    cost[$1, $2, $3, $4] = 20 * $6 + $7 + 15 * $8
    note(traces, trace_seen, $1)
    note(shares, share_seen, $4)
    if ($2 != "min") {
        note(variants, variant_seen, $2)
        note(hardware, hardware_seen, $3)
    }
}

# The mean of the logarithm of a variant's cost relative to the optimum: of one kind of hardware or all, of one trace, of all ("")
# or of all but one ("-" TRACE).
function mean_log(variant, flags, trace,    sum, n, t, s, h) {
    for (t = 1; t <= traces[0]; t++) {
        if (trace ~ /^-/ ? "-" traces[t] == trace : trace != "" && traces[t] != trace) {
            continue
        }
        for (s = 1; s <= shares[0]; s++) {
            for (h = 1; h <= hardware[0]; h++) {
                if (flags == "" || hardware[h] == flags) {
                    sum += log(cost[traces[t], variant, hardware[h], shares[s]] / cost[traces[t], "min", "-", shares[s]])
                    n++
                }
            }
        }
    }
    return sum / n
}

# Per cent that a variant costs more than the policy as it is.
function change(variant, flags) {
    return 100 * (exp(mean_log(variant, flags, "") - mean_log(policy, flags, "")) - 1)
}

function print_variant(field, value, variant) {
    printf "%-24s %10s %10.4f %10.4f %+10.2f %+10.2f\n", field, value, exp(mean_log(variant, "ad", "")),
        exp(mean_log(variant, "none", "")), change(variant, "ad"), change(variant, "none")
    printf "%s,%s,%.4f,%.4f\n", field, value, exp(mean_log(variant, "ad", "")), exp(mean_log(variant, "none", "")) >csv
}

function print_fields(    i, half, twice) {
    print "field,value,cost_ad,cost_none" >csv
    printf "%-24s %10s %10s %10s %10s %10s\n", policy, "value", "cost, ad", "none", "% more, ad", "none"
    print_variant("(as it is)", "", policy)
    for (i = 1; i <= nfields; i++) {
        half = int(field_value[i] / 2)
        twice = field_value[i] * 2
        print_variant(fields[i], half, policy "," fields[i] "=" half)
        print_variant(fields[i], twice, policy "," fields[i] "=" twice)
    }
}

# Each trace in turn is left out; what all others like best is then tried on it. Both are judged by the mean over all kinds of
# hardware: a constant is the same for all of them.
function leave_one_out(    t, v, h, kinds, best, own, other, sum_own, sum_other) {
    for (h = 1; h <= hardware[0]; h++) {
        kinds = kinds (h > 1 ? " and " : "") hardware[h]
    }
    print ""
    print "Leaving one trace out, chosen and judged by the mean over " kinds " together:"
    printf "%-20s %-40s %12s %12s\n", "left out", "what the others choose", "its cost", "as it is"
    for (t = 1; t <= traces[0]; t++) {
        best = policy
        for (v = 1; v <= variants[0]; v++) {
            if (mean_log(variants[v], "", "-" traces[t]) < mean_log(best, "", "-" traces[t]) - 1e-12) {
                best = variants[v]
            }
        }
        other = mean_log(best, "", traces[t])
        own = mean_log(policy, "", traces[t])
        printf "%-20s %-40s %12.4f %12.4f\n", traces[t], best, exp(other), exp(own)
        sum_other += other
        sum_own += own
    }
    printf "%-20s %-40s %12.4f %12.4f\n", "all", "", exp(sum_other / traces[0]), exp(sum_own / traces[0])
}

END {
    if (variants[0] == 0) {
        print "bench/policy_constants.awk: no runs" >"/dev/stderr"
        exit 2
    }
    print "Cost relative to the optimum, geometric means over traces and 10, 25 and 50 per cent of memory."
    print_fields()
    if (traces[0] > 1) {
        leave_one_out()
    }
}
