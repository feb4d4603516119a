# What read-write pages cost: appends to the CSV file `csv`, prints the tables, and fails where a limit does not hold. Reads the lines of
# run_store_rw() in bench/run.
function limit(what, value, most) {
    printf "%-74s %8.1f <= %-6s %s\n", what, value, most, value <= most ? "holds" : "DOES NOT HOLD"
    failed = failed || value > most
}
$1 == "hooks" { hooks[$2] = $3 }
$1 == "run" {
    n++
    name[n] = $2
    own[n] = $3 - hooks[$2 ~ /plain/ ? "plain_hooks" : $2 ~ /^load/ ? "load_hooks" : "save_hooks"]
    copied[n] = $4
    set[n] = $5
    print $2 ",instructions," own[n] >>csv
    print $2 ",copied," $4 >>csv
    print $2 ",set," $5 >>csv
}
$1 == "memory" {
    m++
    mode[m] = $2
    per_mib[m] = $3
    fixed[m] = $4
    print "rw_" $2 ",bytes_per_mib," $3 >>csv
    print "rw_" $2 ",fixed," $4 >>csv
}
END {
    printf "%-16s %22s %12s %12s\n", "read-write page", "instructions besides *", "bytes copied", "bytes wiped"
    for (i = 1; i <= n; i++) {
        printf "%-16s %22.1f %12d %12d\n", name[i], own[i], copied[i], set[i]
    }
    printf "* cipher, store and buffer\n\n"
    printf "%-16s %22s %12s\n", "secure memory", "bytes per MiB of store", "besides"
    for (i = 1; i <= m; i++) {
        printf "%-16s %22.1f %12d\n", mode[i], per_mib[i], fixed[i]
    }
    print ""
    for (i = 1; i <= n; i++) {
        if (name[i] !~ /plain/) {
            limit("read-write, " name[i] ": instructions besides those hooks", own[i], 300)
            limit("read-write, " name[i] ": bytes that the library copies or sets (a label)", copied[i] + set[i], 28)
        }
    }
    exit failed
}
