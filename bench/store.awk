# What pages of one kind of object cost: appends to the CSV file `csv`, prints the tables, and fails where a limit does not hold. Reads the
# lines of store_kind() in bench/run; `kind` is ro or rw.
function limit(what, value, most) {
    printf "%-74s %8.1f <= %-6s %s\n", what, value, most, value <= most ? "holds" : "DOES NOT HOLD"
    failed = failed || value > most
}
# The case that does nothing but what the hooks of case `what` do.
function hooks_of(what) {
    if (kind == "ro") {
        return what == "tree_miss" ? "hooks_node" : "hooks"
    }
    return what ~ /plain/ ? "plain_hooks" : what ~ /^load/ ? "load_hooks" : "save_hooks"
}
function limits_ro(    i, most) {
    for (i = 1; i <= n; i++) {
        if (name[i] ~ /^(plain|list|paged|tree)$/) {
            limit("read-only, " name[i] ": instructions per load besides those hooks and wiping", own[i], name[i] == "tree" ? 350 : 300)
        } else if (name[i] == "reloc_none") {
            limit("read-only, reloc_none: instructions of finding that a page has none of 4096", own[i] - own[2], 250)
        } else if (name[i] == "reloc_64") {
            limit("read-only, reloc_64: instructions per relocation", (own[i] - own[i - 1]) / 64, 25)
        }
        most = copied[i] > most ? copied[i] : most
    }
    limit("read-only: bytes that the library copies in any load", most, 256)
    for (i = 1; i <= m; i++) {
        if (mode[i] ~ /^tree/) {
            limit("read-only, " mode[i] ": secure memory per MiB, slots alone", per_mib[i], 1024)
        }
    }
}
function limits_rw(    i) {
    for (i = 1; i <= n; i++) {
        if (name[i] !~ /plain/) {
            limit("read-write, " name[i] ": instructions besides those hooks", own[i], 300)
            limit("read-write, " name[i] ": bytes that the library copies or sets (a label)", copied[i] + set[i], 28)
        }
    }
}
BEGIN { prefix = kind == "rw" ? "rw_" : "" }
$1 == "hooks" { hooks[$2] = $3 }
$1 == "run" {
    n++
    name[n] = $2
    own[n] = $3 - hooks[hooks_of($2)]
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
    print prefix $2 ",bytes_per_mib," $3 >>csv
    print prefix $2 ",fixed," $4 >>csv
}
END {
    printf "%-16s %22s %12s %12s\n", kind == "ro" ? "read-only load" : "read-write page", "instructions besides *", "bytes copied", "bytes set"
    for (i = 1; i <= n; i++) {
        printf "%-16s %22.1f %12d %12d\n", name[i], own[i], copied[i], set[i]
    }
    print kind == "ro" ? "* reading, hashing and wiping the page, and reading and hashing a node\n" : "* cipher, store and buffer\n"
    printf "%-16s %22s %12s\n", "secure memory", "bytes per MiB of store", "besides"
    for (i = 1; i <= m; i++) {
        printf "%-16s %22.1f %12d\n", mode[i], per_mib[i], fixed[i]
    }
    print ""
    if (kind == "ro") {
        limits_ro()
    } else {
        limits_rw()
    }
    exit failed
}
