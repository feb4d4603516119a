# What is copied compiles where nothing else is: the headers a set needs, in an empty folder, seen from nowhere else.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

# vendored HEADER...: copies what these headers include, and compiles them there.
vendored() {
    local header folder=$scratch/vendor
    rm -rf "$folder"
    mkdir -p "$folder/quire"
    { echo '#define QUIRE_IMPLEMENTATION'; printf '#include "quire/%s"\n' "$@"; } >"$folder/unit.c"
    gcc -ffreestanding -MM -Iinclude "$folder/unit.c" | tr ' ' '\n' | grep '^include/quire/' | while read -r header; do
        cp "$header" "$folder/quire/"
    done
    (cd "$folder" && gcc -std=c99 -ffreestanding -Wall -Wextra -Wpedantic -Werror -c unit.c && ls quire)
}

check "the pager's set compiles in an empty folder" vendored pager.h vm.h policy_clock.h fobj_ro.h fobj_rw.h
not_copied() { ! vendored pager.h | grep -E '^(file|vm|pin|fobj_[a-z]*|policy_[a-z]*|quire)\.h$'; }
check "pager.h needs neither vm.h, file.h, pin.h nor any ready fobj or policy" not_copied
check "the objects without a pager compile in an empty folder" vendored fobj_phys.h
not_copied() { ! vendored fobj_phys.h | grep -E '^(area|pager|vm|mmu|pmem|policy)\.h$'; }
check "fobj_phys.h needs no area, pager, vm, mmu, pmem or policy" not_copied

for set in "region.h" "view.h" "pool.h" "shm.h"; do
    check "the set {${set%.h}} compiles in an empty folder" vendored "$set"
done
bare() { ! vendored view.h | grep -vE '^(base|view)\.h$'; }
check "view.h needs base.h alone" bare
bare() { ! vendored region.h | grep -vE '^(base|bits|region|region_[a-z]*)\.h$'; }
check "region.h needs base.h, bits.h and its own" bare
bare() { ! vendored pool.h | grep -vE '^(base|bits|region|region_[a-z]*|view|pool)\.h$'; }
check "pool.h needs region.h and view.h, no fobj and no pager" bare
bare() { ! vendored shm.h | grep -vE '^(base|bits|region|region_[a-z]*|view|pool|pool_type|list|refcount|tree|fobj|fobj_phys|shm)\.h$'; }
check "shm.h needs pools and objects, no area, pager or vm" bare
complete() {
    vendored region.h | grep -q '^region_book\.h$' && vendored pool.h | grep -q '^region\.h$' && vendored shm.h | grep -q '^fobj_phys\.h$'
}
check "and what they need is what was copied" complete

# Freestanding: no header asks for more than three that every compiler brings (a limits.h would ask for the C library's).
hosted() {
    ! grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*<' include/quire/*.h | grep -vE '<(stdbool|stddef|stdint)\.h>'
}
check "no header of the library includes more than stdbool.h, stddef.h and stdint.h" hosted

# Every function that is called is Quire's, the compiler's or the user's.
undefined() {
    printf '#define QUIRE_IMPLEMENTATION\n#include <quire/quire.h>\n' >"$scratch/unit.c"
    gcc -std=c99 -O2 -ffreestanding -Iinclude -c -o "$scratch/unit.o" "$scratch/unit.c" &&
        ! nm -u "$scratch/unit.o" | awk '{ print $2 }' | grep -vE '^(memcpy|memset|memmove|memcmp)$'
}
check "the implementation calls nothing from outside but memcpy and memset" undefined

same_versions() {
    local version
    version=$(sed -n 's/^#define QUIRE_VERSION "\(.*\)"/\1/p' include/quire/base.h)
    ! grep -L "SPDX-License-Identifier: BSD-2-Clause. Quire $version \*/" $(find include -name '*.h') | grep .
}
check "every header names its licence and the version that base.h has" same_versions
finish
