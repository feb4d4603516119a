# bench/region.awk - from figures of the region allocator and its peers to a table, a CSV file (-v csv=FILE) and the limits.
# Exits 1 if a limit does not hold. SPDX-License-Identifier: BSD-2-Clause

# count WORKLOAD,N,KIND OPERATIONS INSTRUCTIONS WORST; the harness is subtracted.
$1 == "count" {
    split($2, part, ",")
    row = part[1] "," part[2]
    kind = part[3]
    if (kind == "nofit") {
        row = part[1] ".nofit," part[2]
    }
    kind = kind == "free" ? "free" : "alloc"
    if (!(row in seen)) {
        seen[row] = 1
        order[++rows] = row
    }
    mean[row, kind] = $4 / $3
    worst[row, kind] = $5
}
$1 == "utilisation" { utilisation[$2] = $3 }
$1 == "full" { full[$2] = $3 }
$1 == "wrong" { wrong += $3 }
$1 == "node" { node[$2] = $3 }
$1 == "table" { table[$2] = $3 }
$1 == "harness" { harness = $2 > harness ? $2 : harness }
$1 == "time" { time[$2, $3] = $4 }

# A limit on a figure that was not measured does not hold.
function limit(what, value, sign, bound, digits,    good) {
    good = value != "" && (sign == "<=" ? value <= bound : value >= bound)
    printf "%-74s %8." digits "f %s %-6s %s\n", what, value, sign, bound, good ? "holds" : "DOES NOT HOLD"
    failed = failed || !good
}

function most(a, b) {
    return a == "" || b == "" ? "" : a > b ? a : b
}

function pair(row) {
    return (row, "alloc") in mean && (row, "free") in mean ? mean[row, "alloc"] + mean[row, "free"] : ""
}

function number(value, format) {
    return value == "" ? "-" : sprintf(format, value)
}

function print_table(    i, row, part) {
    print "workload,live,alloc,free,worst_alloc,worst_free,utilisation" >csv
    printf "%-20s %7s %8s %8s %8s %12s %11s %12s\n", "workload", "live", "alloc", "free", "both", "worst alloc", "worst free",
        "utilisation"
    for (i = 1; i <= rows; i++) {
        row = order[i]
        split(row, part, ",")
        printf "%s,%d,%s,%s,%s,%s,%s\n", part[1], part[2], ((row, "alloc") in mean) ? sprintf("%.1f", mean[row, "alloc"]) : "",
            ((row, "free") in mean) ? sprintf("%.1f", mean[row, "free"]) : "", worst[row, "alloc"], worst[row, "free"],
            utilisation[row] >csv
        printf "%-20s %7d %8s %8s %8s %12s %11s %12s\n", part[1], part[2], number(mean[row, "alloc"], "%.1f"),
            number(mean[row, "free"], "%.1f"), number(pair(row), "%.1f"), number(worst[row, "alloc"], "%d"),
            number(worst[row, "free"], "%d"), number(utilisation[row], "%.2f")
        if (row in full) {
            part[1] = part[1] ".full"
            printf "%s,%d,,,,,%s\n", part[1], part[2], full[row] >csv
            printf "%-20s %7d %8s %8s %8s %12s %11s %12.2f\n", part[1], part[2], "-", "-", "-", "-", "-", full[row]
        }
    }
    print ""
    print "alloc, free: mean instructions. utilisation: per cent of the space that is allocated; W6: at the first failure,"
    print "W6.full: mean after it. W5: alloc takes from a hole that fits, free made it, .nofit is the refusal. Without a"
    print "setting in its name a workload runs with the unit class only and no index, W4 with the index, W5 with four classes;"
    print ".index = with the index, .list = without, .classes4 = four classes, .unit8 = unit 8 and not a page, .whole = all of"
    print "the hole is taken, so that no rest is left; .boost and .apr_rmm = peers."
    printf "Each operation is counted exactly; a call of nothing takes up to %d, which are subtracted.\n\n", harness
}

function print_bytes(    i, name) {
    printf "%-20s %14s %12s\n", "setting", "bytes per node", "table bytes"
    split("unit index classes4 classes4.index", name, " ")
    for (i = 1; i in name; i++) {
        printf "%-20s %14s %12s\n", name[i], number(node[name[i]], "%d"), number(table[name[i]], "%d")
    }
    print ""
}

function print_times(    i, n, runs, part) {
    n = split("W1,100 W1,1000 W1,10000 W2,1000 W3,1000", runs, " ")
    printf "%-20s %7s %8s %8s %8s\n", "ns for both", "live", "quire", "boost", "apr_rmm"
    for (i = 1; i <= n; i++) {
        split(runs[i], part, ",")
        printf "%-20s %7d %8s %8s %8s\n", part[1], part[2], number(time[runs[i], "quire"], "%.1f"),
            number(time[runs[i], "boost"], "%.1f"), number(time[runs[i], "apr_rmm"], "%.1f")
    }
    print ""
}

function limit_time(row, peer,    part, ratio) {
    split(row, part, ",")
    ratio = time[row, "quire"] > 0 && time[row, peer] > 0 ? time[row, peer] / time[row, "quire"] : ""
    limit(part[1] " at N = " part[2] ": time of " peer ", relative to Quire's", ratio, ">=", 1, 2)
}

function limit_w5(    i, j, name, few, many, what) {
    split("W5.4k W5.64k W5.2m", name, " ")
    for (i = 1; i <= 3; i++) {
        for (j = 0; j <= 1; j++) {
            what = name[i] (j == 0 ? ".nofit" : "")
            few = what ",10000"
            many = what ",100000"
            limit(what ": the worst answer", most(worst[few, "alloc"], worst[many, "alloc"]), "<=", 1000, 1)
            limit(what ": with 100,000 holes, relative to 10,000",
                mean[few, "alloc"] > 0 ? mean[many, "alloc"] / mean[few, "alloc"] : "", "<=", 1.1, 2)
        }
    }
    limit("W5: wrong answers", wrong, "<=", 0, 1)
}

function limit_worst(    i, n, row, part) {
    n = split("W1,100 W1,1000 W1,10000 W1,100000 W2,1000 W3,1000 W6,8000", row, " ")
    for (i = 1; i <= n; i++) {
        split(row[i], part, ",")
        limit(part[1] " at N = " part[2] ": worst single operation, without the index",
            most(worst[row[i], "alloc"], worst[row[i], "free"]), "<=", 400, 1)
    }
    n = split("W4,1000 W4,100000", row, " ")
    for (i = 1; i <= n; i++) {
        split(row[i], part, ",")
        limit(part[1] " at N = " part[2] ": worst single operation, with the index",
            most(worst[row[i], "alloc"], worst[row[i], "free"]), "<=", 1200, 1)
    }
}

END {
    if (rows == 0) {
        print "bench/region.awk: no measurements" >"/dev/stderr"
        exit 1
    }
    print_table()
    print_bytes()
    print_times()
    for (live = 100; live <= 100000; live *= 10) {
        limit("W1 at N = " live ": alloc and free", pair("W1," live), "<=", 320, 1)
    }
    limit("W2: alloc and free", pair("W2,1000"), "<=", 230, 1)
    limit("W3: alloc and free", pair("W3,1000"), "<=", 320, 1)
    limit("W4 at N = 1000: alloc and free", pair("W4,1000"), "<=", 600, 1)
    limit("W4 at N = 100000: alloc and free", pair("W4,100000"), "<=", 700, 1)
    limit_w5()
    limit("W6: per cent in use at the first failure", utilisation["W6,8000"], ">=", 98.25, 2)
    limit("W6: per cent in use when full, mean", full["W6,8000"], ">=", 97.48, 2)
    limit_worst()
    limit("bytes per node: unit class only", node["unit"], "<=", 32, 1)
    limit("bytes per node: each further class", node["classes4"] != "" ? (node["classes4"] - node["unit"]) / 3 : "", "<=", 8, 1)
    limit("bytes per node: the index", node["index"] != "" ? node["index"] - node["unit"] : "", "<=", 32, 1)
    limit_time("W1,100", "boost")
    limit_time("W1,1000", "boost")
    limit_time("W1,10000", "boost")
    limit_time("W2,1000", "boost")
    limit_time("W3,1000", "boost")
    limit_time("W1,100", "apr_rmm")
    limit_time("W1,1000", "apr_rmm")
    limit_time("W1,10000", "apr_rmm")
    exit failed
}
