# bench/size.awk - .text per header, worst stack, structs; a table and a CSV file (-v csv=FILE). Exits 1 if a limit does not
# hold, 2 if it meets something it cannot judge. Inputs, by suffix and in this order: NAME.TARGET.s (one array
# "sizeof_X" per struct quire_X), .su (-fstack-usage), .sections (size -A), .ci (-fcallgraph-info).
# SPDX-License-Identifier: BSD-2-Clause

function stop(why) {
    print "bench/size: " why >"/dev/stderr"
    stopped = 2
    exit 2
}

# "quire.c:f", "*f_p12b16s4", "f.part.0": the names of one function f in various files.
function plain(name) {
    sub(/^.*:/, "", name)
    sub(/^\*/, "", name)
    sub(/\..*/, "", name)
    sub(/_p[0-9]+b[0-9]+s[0-9]+$/, "", name)
    return name
}

FILENAME ~ /\.s$/ && $1 == ".size" && $2 ~ /^sizeof_/ {
    split(FILENAME, part, ".")
    sub(/^sizeof_/, "", $2)
    sub(/,.*/, "", $2)
    structs[++nstructs] = $2 "," part[2]
    struct_size[nstructs] = $NF
    sub(/^.*,/, "", struct_size[nstructs])
}

FILENAME ~ /\.su$/ {
    split($1, part, ":")
    sub(/.*\//, "", part[1])
    header[plain($1)] = part[1]
}

# A section per function and per object.
FILENAME ~ /\.sections$/ && $1 ~ /^\.text\./ {
    name = substr($1, 7)
    sub(/^unlikely\./, "", name) # where the compiler puts what is cold
    name = plain(name)
    if (!(name in header)) {
        stop("no header known for " $1)
    }
    text[header[name]] += $2
    total_text += $2
}

FILENAME ~ /\.sections$/ && $1 ~ /^\.(ro)?data/ {
    total_data += $2
}

# "key: value" pairs of the call graph, whose strings hold no quotes.
FILENAME ~ /\.ci$/ && /^node:/ {
    split($0, part, "\"")
    if (part[4] ~ /\(dynamic/) {
        stop("no bound for the stack of " part[2])
    }
    match(part[4], /[0-9]+ bytes/)
    frame[part[2]] = RSTART > 0 ? substr(part[4], RSTART) + 0 : 0
    known[plain(part[2])] = known[plain(part[2])] " " part[2]
    functions[++nfunctions] = part[2]
}

FILENAME ~ /\.ci$/ && /^edge:/ {
    split($0, part, "\"")
    edges[++nedges] = part[2] "\"" part[4] "\"" part[6]
}

# The source text of the call at "file:line:column".
function source(place,    part, line, i) {
    split(place, part, ":")
    for (i = 1; i <= part[2] && (getline line <part[1]) > 0; i++) {
    }
    close(part[1])
    return substr(line, part[3])
}

# What a call through a pointer can reach: a pattern of plain names; "" for the user's own hooks and callbacks.
function reached(place,    text, member) {
    text = source(place)
    if (!match(text, /[a-z_]+(->|\.)[a-z_]+\(/) && !match(text, /[a-z_]+\(/)) {
        stop("cannot read the call at " place)
    }
    member = substr(text, RSTART, RLENGTH - 1)
    if (member ~ /^(mmu|mem|hooks|hash|tree|build|store|ro|rw|zero|phys|pool|shm|visitor|trace)(->|\.)/) {
        return ""
    }
    if (member == "unlock") { # a copy of the hook, for when its owner is gone
        return ""
    }
    if (member == "visit") {
        return "^quire_(pool|shm)_[a-z_]*visit_$"
    }
    if (member == "augment") {
        return "^quire_area_augment_$"
    }
    if (member ~ /^host(->|\.)/) {
        sub(/.*(->|\.)/, "", member)
        return "^quire_pager_host_" member "_?$"
    }
    if (member ~ /^ops->/) {
        sub(/.*->/, "", member)
        sub(/^phys$/, "at", member)
        return "^quire_(policy|fobj)_[a-z0-9]+_" member "_$"
    }
    if (member == "pager->need") {
        return "^quire_pager_need$"
    }
    if (member ~ /^(fobj|origin)->last_put$/) {
        return "^quire_pager_last_put_?$"
    }
    stop("a call through an unknown pointer, " member ", at " place)
}

function add_call(from, to) {
    calls[from] = calls[from] "\"" to
}

function add_edges(    i, j, part, pattern, found) {
    for (i = 1; i <= nedges; i++) {
        split(edges[i], part, "\"")
        if (part[2] != "__indirect_call") {
            add_call(part[1], part[2])
            continue
        }
        pattern = reached(part[3])
        found = pattern == ""
        for (j = 1; j <= nfunctions && pattern != ""; j++) {
            if (plain(functions[j]) ~ pattern) {
                add_call(part[1], functions[j])
                found = 1
            }
        }
        if (!found) {
            stop("nothing matches " pattern ", called at " part[3])
        }
    }
}

# The two recursions: a store's need for a page whose store needs another, and the end of an object that ends what it has a reference
# to. Ranks bound both (a store of rank 0 that says the same is refused): so many times each is entered at most.
function needs(    line) {
    while ((getline line <"include/quire/fobj.h") > 0) {
        if (line ~ /^#define QUIRE_FOBJ_RANK_MAX [0-9]+u$/) {
            sub(/.* /, "", line)
            close("include/quire/fobj.h")
            return line + 1
        }
    }
    stop("no QUIRE_FOBJ_RANK_MAX in fobj.h")
}

# The worst stack from the entry of function `name`, which may serve `left` more needs and end `ends` more objects; deepest[] remembers
# the callee on the way, and how many are left there.
function worst(name, left, ends,    list, n, i, most, bytes) {
    left -= plain(name) == "quire_pager_need"
    ends -= plain(name) ~ /^quire_fobj_[a-z]+_free_$/
    if (left < 0 || ends < 0) {
        return 0
    }
    if ((name, left, ends) in deep) {
        return deep[name, left, ends]
    }
    if ((name, left, ends) in active) {
        stop("recursion through " name)
    }
    if (!(name in frame) && plain(name) ~ /^quire_/) {
        stop("nothing known about the stack of " name)
    }
    active[name, left, ends] = 1
    n = split(calls[name], list, "\"")
    for (i = 2; i <= n; i++) {
        bytes = worst(list[i], left, ends)
        if (bytes > most) {
            most = bytes
            deepest[name, left, ends] = list[i]
        }
    }
    delete active[name, left, ends]
    deep[name, left, ends] = frame[name] + most
    return deep[name, left, ends]
}

function row(what, name, target, bytes) {
    printf "%s,%s,%s,%d\n", what, name, target, bytes >csv
    printf "%-8s %-28s %-8s %7d\n", what, name, target, bytes
}

function stacks(    n, i, list, name, path, left, ends, next_name, most) {
    most = needs()
    n = split("pager_fault vm_map vm_unmap vm_protect vm_remap vm_drop_range vm_copy_to " \
        "pager_write_back pin_fobj fobj_put", list, " ")
    for (i = 1; i <= n; i++) {
        name = known["quire_" list[i]]
        sub(/^ /, "", name)
        if (name == "") {
            stop("there is no quire_" list[i])
        }
        row("stack", "quire_" list[i], "aarch64", worst(name, most, most))
        if (worst(name, 0, 1) != worst(name, most, most)) { # without ranks, or if no store ever needs a page
            row("stack0", "quire_" list[i], "aarch64", worst(name, 0, 1))
        }
    }
    name = known["quire_pager_fault"]
    sub(/^ /, "", name)
    left = most
    ends = most
    for (; name != ""; name = next_name) {
        path = path "\n    " frame[name] " " plain(name)
        left -= plain(name) == "quire_pager_need"
        ends -= plain(name) ~ /^quire_fobj_[a-z]+_free_$/
        next_name = deepest[name, left, ends]
    }
    return path
}

END {
    if (stopped) {
        exit stopped
    }
    print "what,name,target,bytes" >csv
    printf "%-8s %-28s %-8s %7s\n", "what", "name", "target", "bytes"
    for (name in text) {
        names[++nnames] = name
    }
    for (i = 2; i <= nnames; i++) {
        for (j = i; j > 1 && names[j] < names[j - 1]; j--) {
            name = names[j]
            names[j] = names[j - 1]
            names[j - 1] = name
        }
    }
    for (i = 1; i <= nnames; i++) {
        row("text", names[i], "aarch64", text[names[i]])
    }
    row("text", "all", "aarch64", total_text)
    row("data", "all", "aarch64", total_data)
    add_edges()
    path = stacks()
    for (i = 1; i <= nstructs; i++) {
        split(structs[i], part, ",")
        row("sizeof", part[1], part[2], struct_size[i])
        most = part[1] == "pmem" ? 48 : part[1] == "slot" ? 4 : 0
        if (most > 0) {
            limits = limits sprintf("%-74s %8d <= %-6d %s\n", part[1] " on " part[2] ", bytes", struct_size[i], most,
                struct_size[i] <= most ? "holds" : "DOES NOT HOLD")
            failed = failed || struct_size[i] > most
        }
    }
    print "\nThe deepest way from quire_pager_fault, in bytes per frame (hooks and callbacks of the user: 0):" path
    print "A need_tables hook that calls quire_vm_drop_range adds that stack at its own place.\n"
    printf "%s", limits
    exit failed
}
