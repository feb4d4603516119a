# Reads a disassembly (objdump -d --no-show-raw-insn -M intel), then what view_probe printed, and says what is wrong:
# a byte fetched or stored another number of times than it should be, or in more accesses than it should be.
#
# With -v function_name=F -v loads=N it reads the disassembly only: F must hold N loads that are not from the stack.

function complain(what) {
    print what
    complaints++
}

# Bytes that an instruction takes from or puts into memory; 0: not known.
function width_of(text,    name, register, n) {
    if (text ~ / PTR /) {
        return text ~ /BYTE PTR/ ? 1 : text ~ /DWORD PTR/ ? 4 : text ~ /QWORD PTR/ ? 8 : text ~ /XMMWORD PTR/ ? 16 : \
               text ~ /YMMWORD PTR/ ? 32 : text ~ /WORD PTR/ ? 2 : 0
    }
    name = text
    sub(/[ \t].*/, "", name)
    if (name ~ /^(ld|st)[a-z]*r[a-z]*b$/) return 1
    if (name ~ /^(ld|st)[a-z]*r[a-z]*h$/) return 2
    if (name ~ /^ld[a-z]*rsw$/) return 4
    register = text
    sub(/^[^ \t]*[ \t]+/, "", register)
    register = substr(register, 1, 1)
    n = register == "q" ? 16 : register == "x" || register == "d" ? 8 : register == "w" || register == "s" ? 4 : 0
    return name ~ /^(ldr|ldur|str|stur)$/ ? n : name ~ /^(ldp|stp|ldnp|stnp)$/ ? 2 * n : 0
}

# Does it only store? (x86: only a move does not read what it writes.)
function only_stores(text) {
    return text ~ /^st/ || text ~ /^mov[a-z0-9]*[ \t]+[A-Z]+ PTR/
}

function end_request(    at, i, done) {
    for (at = 0; at < 4096; at++) {
        if (reads[at] + 0 != wants_read[at] + 0) {
            complain(request ": byte " at " is fetched " reads[at] + 0 " times, not " wants_read[at] + 0 ", by" by[at])
        }
        if (writes[at] + 0 != wants_write[at] + 0) {
            complain(request ": byte " at " is stored " writes[at] + 0 " times, not " wants_write[at] + 0 ", by" by[at])
        }
    }
    for (i = 0; i < singles; i++) {
        if (!(single[i] in accesses)) complain(request ": no single access takes bytes " single[i])
    }
}

function begin_request(name) {
    request = name
    requests++
    singles = 0
    split("", reads)
    split("", writes)
    split("", wants_read)
    split("", wants_write)
    split("", accesses)
    split("", by)
}

# ---- The disassembly ----

FNR == NR && /^[0-9a-f]+ <.*>:$/ {
    inside = $2 == "<" function_name ">:"
    found += inside
    next
}
FNR == NR {
    address = $1
    if (sub(/^ *[0-9a-f]+:[ \t]+/, "")) {
        sub(/:$/, "", address)
        sub(/^(bnd|rep[a-z]*|lock|data16|cs|ds) +/, "")
        instruction[address] = $0
        if (inside && (/ PTR / || /^ld/) && !/^(lea|nop)/ && !/\[(rsp|rip|sp)/ && !only_stores($0)) {
            count += /^ldn?p/ ? 2 : 1
            listing = listing "\n    " $0
        }
    }
    next
}

# ---- What the probe saw ----

/^request / { begin_request(substr($0, 9)) }
/^reads / { for (i = 0; i < $3; i++) wants_read[$2 + i]++ }
/^writes / { for (i = 0; i < $3; i++) wants_write[$2 + i]++ }
/^single / { single[singles++] = $2 " " $3 }
/^access / {
    text = instruction[$2]
    width = width_of(text)
    if (width == 0) complain(request ": an access of unknown width, by " (text == "" ? "code that is not here" : text))
    accesses[$3 " " width] = 1
    for (i = 0; i < width; i++) {
        if ($4 == "w" || ($4 == "?" && text ~ /^st/)) writes[$3 + i]++
        if (!(($4 == "w" || $4 == "?") && only_stores(text))) reads[$3 + i]++
        by[$3 + i] = by[$3 + i] " [" text "]"
    }
}
/^end / {
    end_request()
    if ($2 != $3) complain(request ": it answers " $2 ", not " $3)
}

END {
    if (function_name != "") {
        if (found != 1) complain(function_name " is not in this object")
        if (count != loads) complain(function_name " holds " count + 0 " loads, not " loads ":" listing)
    } else if (requests != 19) {
        complain("the probe ran " requests + 0 " requests")
    }
    exit complaints != 0
}
