# faults.awk - what a fault takes, and where: tables, a CSV file (-v csv=FILE) and limits. SPDX-License-Identifier: BSD-2-Clause
#
# Reads lines of client/test_measure.c and of walk.awk, each behind the name of its run: with (sealed) or without (plain) cipher,
# and the pool that was asked for; `again` is the same as another, and `whole` counts in the application alone. Exits 1 if a limit
# does not hold.

# A kind is looked at in the phase that is made for it.
BEGIN {
    n_kinds = split("minor write accessed zeros_clean private_clean private_dirty", kinds, " ")
    phase_of["minor"] = "minor"
    phase_of["write"] = "settle"
    phase_of["accessed"] = "read"
    phase_of["zeros_clean"] = "fill"
    phase_of["private_clean"] = "read"
    phase_of["private_dirty"] = "write"
}

$2 == "measure" {
    pool[$1] = $4
    if ($1 ~ /^(plain|sealed)/) {
        runs[++n_runs] = $1
    }
}
$2 == "walk" {
    steps[$1, $3] = $4
    cycles[$1, $3] = $5
}
$2 == "measured" {
    id = $1 SUBSEP $3 SUBSEP $4
    faults[id] = $5
    entry[id] = $6 / $5
    library[id] = $7 / $5
    hooks[id] = $8 / $5
    store[id] = $9 / $5
    of_phase[$1, $3] += $6 + $7 + $8 + $9
    in_phase[$1, $3] += $5
}
$2 == "walked" {
    id = substr($1, 6) SUBSEP $3 SUBSEP $4
    alone[id] = $6 / $5
    wiping[id] = $7 / $5
}
$1 ~ /^(plain|again)[.]256$/ {
    name = $1
    $1 = ""
    text[name] = text[name] "\n" $0
}

function limit(what, value, least, most,    holds) {
    holds = value >= least && value <= most
    printf "%-74s %8.3f in %g..%g %s\n", what, value, least, most, holds ? "holds" : "DOES NOT HOLD"
    failed = failed || !holds
}

# The greatest over the runs that match, relative to the least.
function spread(values, kind, of,    i, id, value, least, most) {
    least = 1e18
    most = 0
    for (i = 1; i <= n_runs; i++) {
        id = runs[i] SUBSEP phase_of[kind] SUBSEP kind
        if (runs[i] ~ of && id in faults) {
            value = values == "library" ? library[id] : whole(id)
            least = value < least ? value : least
            most = value > most ? value : most
        }
    }
    return most / least
}

# From the exception to the return.
function whole(id) {
    return entry[id] + library[id] + hooks[id] + store[id] + leave
}

function table(    i, k, id) {
    print "cipher,pool,kind,faults,instructions,entry,library,hooks,store,exit,library_alone,wiping" >csv
    printf "%-7s %5s %-14s %7s %12s = %6s %8s %6s %9s %5s %14s %7s\n", "", "pool", "kind of fault", "faults", "instructions",
        "entry", "library", "hooks", "store", "exit", "library alone", "wiping"
    for (i = 1; i <= n_runs; i++) {
        for (k = 1; k <= n_kinds; k++) {
            id = runs[i] SUBSEP phase_of[kinds[k]] SUBSEP kinds[k]
            if (id in faults) {
                split(runs[i], part, ".")
                printf "%-7s %5d %-14s %7d %12.1f = %6.1f %8.1f %6.1f %9.1f %5.1f %14s %7s\n", part[1], pool[runs[i]], kinds[k],
                    faults[id], whole(id), entry[id], library[id], hooks[id], store[id], leave,
                    id in alone ? sprintf("%.1f", alone[id]) : "", id in alone ? sprintf("%.1f", wiping[id]) : ""
                printf "%s,%d,%s,%d,%.1f,%.1f,%.1f,%.1f,%.1f,%.1f,%s,%s\n", part[1], pool[runs[i]], kinds[k], faults[id], whole(id),
                    entry[id], library[id], hooks[id], store[id], leave, id in alone ? alone[id] : "",
                    id in alone ? wiping[id] : "" >csv
            }
        }
        print ""
    }
}

END {
    if (n_runs == 0 || !(("whole.256", "again") in steps)) {
        print "faults.awk: no measurements" >"/dev/stderr"
        exit 2
    }
    # Where no step faults, all there is between two readings of the counter is the step.
    step = cycles["whole.256", "again"] / steps["whole.256", "again"]
    of_minor = cycles["whole.256", "minor"] - step * steps["whole.256", "minor"]
    leave = (of_minor - of_phase["plain.256", "minor"]) / in_phase["plain.256", "minor"]
    table()
    print "entry: from the exception to the call of quire_pager_fault(). library: in there, without what it calls. hooks: the MMU's"
    print "and the lock. store: reading, writing, cipher. exit: from the return of quire_pager_fault() to the application, as the application"
    print "sees it. library alone: the same walks under qemu-user. wiping: the part of it that clears pages."
    print "minor: in memory, not mapped. write: becomes writable. accessed: was looked whether it is used. zeros: a new page. private:"
    print "one that was evicted; clean, dirty: what had to make room. A pool of 33 pages is mostly others': each fault asks whose page is"
    print "to go, which it need not where the application has the greater part.\n"
    n_names = split("fill mix read minor settle write", names, " ")
    for (i = 1; i <= n_names; i++) {
        seen += cycles["whole.256", names[i]] - step * steps["whole.256", names[i]]
        told += of_phase["plain.256", names[i]] + leave * in_phase["plain.256", names[i]]
    }
    limit("all faults: the sum of the parts, relative to what the application sees", told / seen, 0.99, 1.01)
    limit("a second run prints the same numbers (1: yes)", text["plain.256"] == text["again.256"], 1, 1)
    n_limited = split("minor private_clean private_dirty", limited, " ")
    for (k = 1; k <= n_limited; k++) {
        for (i = 1; i <= n_runs; i++) {
            id = runs[i] SUBSEP phase_of[limited[k]] SUBSEP limited[k]
            if (id in alone) {
                limit(limited[k] ", " runs[i] ": library's share, relative to it alone", library[id] / alone[id], 0.85,
                    1.15)
            }
        }
    }
    for (k = 1; k <= n_limited; k++) {
        limit(limited[k] ": library, 64 to 2048 pages: greatest to least", spread("library", limited[k], "^plain[.][0-9]"), 1, 1.1)
        limit(limited[k] ": whole fault, 64 to 2048 pages, without cipher", spread("whole", limited[k], "^plain[.][0-9]"), 1, 1.1)
        limit(limited[k] ": whole fault, from the least, with cipher", spread("whole", limited[k], "^sealed"), 1, 1.1)
        limit(limited[k] ": library, from the least, 33 pages", spread("library", limited[k], "^plain"), 1, 1.35)
    }
    exit failed
}
