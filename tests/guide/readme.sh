# The README against what it speaks of: its commands, the guide's code, the table of floors, the numbers of invariants.
. tests/support/check.sh

# fence N LANGUAGE: the Nth block of README.md fenced in that language.
fence() {
    awk -v want="$1" -v open="^\`\`\`$2\$" '$0 ~ open { n++; inside = 1; next } /^```/ { inside = 0 } inside && n == want' README.md
}

check "the first command is the example" test "$(fence 1 sh)" = "examples/host/run"
check "the second command is the tests" test "$(fence 2 sh)" = "tests/run"
check "both can be run" test -x examples/host/run -a -x tests/run

# Each block of C is part of the guide's program, line by line.
blocks=$(grep -c '^```c$' README.md)
check "the guide shows code ($blocks blocks)" test "$blocks" -ge 6
contains() { # contains FILE TEXT
    python3 -c 'import sys; sys.exit(("\n" + sys.argv[2] + "\n") not in ("\n" + open(sys.argv[1]).read()))' "$1" "$2"
}
part_of_the_program() {
    local file
    for file in tests/guide/*.[ch]; do
        ! contains "$file" "$1" 2>/dev/null || return 0
    done
    echo "$1"
    return 1
}
for ((i = 1; i <= blocks; i++)); do
    check "block $i of the guide is part of tests/guide" part_of_the_program "$(fence $i c)"
done

# | floor | headers |: lower floors, then what stands left of an arrow.
floors() {
    awk -F'|' '/^\| [0-9] \| `/ {
        n = split($3, parts, "→")
        for (i = 1; i <= n; i++) { k = split(parts[i], names, "`"); for (j = 2; j <= k; j += 2) print names[j], $2 * 100 + i }
    }' README.md
}
floors_hold() {
    local header include above below bad=0
    for header in $(cd include/quire && ls ./*.h | sed 's,^./,,'); do
        above=$(floors | awk -v h="$header" '$1 == h { print $2 }')
        [ -n "$above" ] || { echo "$header has no floor"; bad=1; continue; }
        for include in $(sed -n 's/^#include "\(.*\)"/\1/p' "include/quire/$header"); do
            below=$(floors | awk -v h="$include" '$1 == h { print $2 }')
            [ "${below:-9999}" -lt "$above" ] || { echo "$header ($above) includes $include (${below:-no floor})"; bad=1; }
        done
    done
    for header in $(floors | cut -d' ' -f1); do
        [ -f "include/quire/$header" ] || { echo "there is no $header"; bad=1; }
    done
    return $bad
}
check "every header has a floor and includes only what is below it" floors_hold

short_enough() { ! wc -l $(find include -name '*.h') | awk '$2 != "total" && $1 > 900' | grep .; }
check "no header passes 900 lines" short_enough

numbers_known() {
    local number bad=0
    for number in $(grep -rhoE '"[0-9]+: ' include/quire | tr -dc '0-9\n' | sort -un); do
        grep -qE "^$number\. " README.md || { echo "invariant $number is not in README.md"; bad=1; }
    done
    return $bad
}
check "every invariant that a check names is in the design section" numbers_known

# Every hook, page state and slot kind of the headers stands in a table of the design section.
tables_complete() {
    local word bad=0
    for word in $(sed -n '/^struct quire_mmu {/,/^};/s/.*(\*\([a-z_]*\))(.*/`\1`/p' include/quire/mmu.h) \
        $(sed -n 's/^#define QUIRE_SLOT_\([A-Z]*\) [0-3]u.*/`\1`/p' include/quire/fobj.h) \
        $(sed -n '/^enum quire_page_state {/,/^};/s/^ *QUIRE_PAGE_\([A-Z]*\),.*/\1/p' include/quire/pmem.h | tr A-Z a-z); do
        grep -E '^\|' README.md | grep -q -- "$word" || { echo "no table has $word"; bad=1; }
    done
    return $bad
}
check "every hook, state and slot kind is in a table" tables_complete

paths_exist() {
    local path bad=0
    for path in $(grep -oE '`(tests|examples|bench|include|build)/[A-Za-z0-9_./-]*`' README.md | tr -d '`' | grep -v '^build/' | sort -u); do
        [ -e "$path" ] || { echo "there is no $path"; bad=1; }
    done
    return $bad
}
check "every path that it names exists" paths_exist

parts_known() {
    local part bad=0
    for part in $(sed -n 's/^parts="\(.*\)"/\1/p' tests/run); do
        grep -qE "^\| .*\`$part\`.* \|" README.md || { echo "the part $part is not described"; bad=1; }
    done
    return $bad
}
check "every part of tests/run is described" parts_known
finish
