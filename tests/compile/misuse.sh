# Misuse that the compiler must catch: wrong and half-made configurations, ignored results, addresses of the wrong kind.
. tests/support/check.sh
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$checks_log"' EXIT

# compiled COMPILER OPTIONS TEXT: a unit that consists of TEXT.
compiled() {
    printf '%b\n' "$3" >"$scratch/unit.c"
    # shellcheck disable=SC2086
    $1 -std=c99 $2 -Wall -Wextra -Wpedantic -Wundef -Iinclude -I"$scratch" -c -o "$scratch/unit.o" "$scratch/unit.c"
}

everything='#define QUIRE_IMPLEMENTATION\n#include <quire/quire.h>'
atomics="QUIRE_ATOMIC_LOAD(p)=__atomic_load_n((p),5) QUIRE_ATOMIC_STORE(p,v)=__atomic_store_n((p),(v),5)
QUIRE_ATOMIC_ADD(p,v)=__atomic_fetch_add((p),(v),5) QUIRE_ATOMIC_SUB(p,v)=__atomic_fetch_sub((p),(v),5)
QUIRE_ATOMIC_CAS(p,e,v)=__atomic_compare_exchange_n((p),(e),(v),0,5,5)"

for compiler in gcc clang; do
    check "$compiler: the unit these tests vary compiles" compiled $compiler -Werror "$everything"

    for wrong in PAGE_SHIFT=7 PAGE_SHIFT=25 PAGE_SHIFT=-1 BATCH_ENTRIES=1 BATCH_ENTRIES=4097 SEGMENT_BITS=-1 SEGMENT_BITS=9; do
        refused "$compiler: QUIRE_$wrong is an error" "#error \"?QUIRE_${wrong%=*} must lie in|QUIRE_${wrong%=*} must lie in" \
            compiled $compiler "-DQUIRE_$wrong" "$everything"
    done
    for right in PAGE_SHIFT=8 PAGE_SHIFT=24 BATCH_ENTRIES=2 BATCH_ENTRIES=4096 SEGMENT_BITS=0 SEGMENT_BITS=8; do
        check "$compiler: QUIRE_$right compiles" compiled $compiler "-Werror -DQUIRE_$right" "$everything"
    done

    for half in 'QUIRE_MEMSET(t,b,n)=__builtin_memset((t),(b),(n))' 'QUIRE_MEMCPY(t,f,n)=__builtin_memcpy((t),(f),(n))'; do
        refused "$compiler: ${half%%(*} alone is an error" "define both of QUIRE_MEMSET and QUIRE_MEMCPY" \
            compiled $compiler "-D$half" "$everything"
    done
    for one in $atomics; do
        refused "$compiler: ${one%%(*} alone is an error" "define all of QUIRE_ATOMIC_LOAD" compiled $compiler "-D$one" "$everything"
        all_but_one=""
        for other in $atomics; do [ "$other" = "$one" ] || all_but_one="$all_but_one -D$other"; done
        refused "$compiler: all but ${one%%(*} is an error" "define all of QUIRE_ATOMIC_LOAD" compiled $compiler "$all_but_one" "$everything"
    done

    refused "$compiler: an ignored status warns" "unused.result" compiled $compiler -Werror \
        '#include <quire/quire.h>\nvoid f(struct quire_fobj *fobj);\nvoid f(struct quire_fobj *fobj)\n{\n    quire_fobj_get(fobj);\n}'
    refused "$compiler: a number is no physical address" "incompatible|passing" compiled $compiler "" \
        '#include <quire/quire.h>\nenum quire_status f(struct quire_pmem_pool *, uint64_t, struct quire_pmem *);\nenum quire_status f(struct quire_pmem_pool *pool, uint64_t pa, struct quire_pmem *pmem)\n{\n    return quire_pmem_pool_add(pool, pa, 1, pmem);\n}'
    refused "$compiler: a physical address is no virtual one" "incompatible|passing|initializ" compiled $compiler "" \
        '#include <quire/quire.h>\nstruct quire_area *f(struct quire_vm *, struct quire_pa);\nstruct quire_area *f(struct quire_vm *vm, struct quire_pa pa)\n{\n    return quire_vm_area_at(vm, pa);\n}'
    for first in quire.h view.h; do
        refused "$compiler: an implementation after <quire/$first> is an error" "before the first header" compiled $compiler "" \
            "#include <quire/$first>\n$everything"
    done
    refused "$compiler: a compiler without traps must be told" "define QUIRE_ASSERT" compiled $compiler "-U__GNUC__ -U__clang__" "$everything"
done

# A configuration header with everything in it.
{
    echo '#define QUIRE_PAGE_SHIFT 14'
    echo '#define QUIRE_BATCH_ENTRIES 32'
    echo '#define QUIRE_SEGMENT_BITS 2'
    echo '#define QUIRE_RESIDENT __attribute__((section(".text.resident")))'
    echo '#define QUIRE_RESIDENT_RO __attribute__((section(".rodata.resident")))'
    echo 'extern void panic(const char *) __attribute__((noreturn));'
    echo '#define QUIRE_ASSERT(x) ((x) ? (void)0 : panic(#x))'
    echo '#define QUIRE_MEMSET(to, byte, len) __builtin_memset((to), (byte), (len))'
    echo '#define QUIRE_MEMCPY(to, from, len) __builtin_memcpy((to), (from), (len))'
    printf '#define %s\n' $atomics | sed 's/=/ /'
} >"$scratch/configuration.h"
configured() {
    compiled "$1" "-Werror -DQUIRE_CONFIG_H=\"configuration.h\"" "$everything" &&
        nm "$scratch/unit.o" | grep -q 'quire_pager_init_p14b32s2$' &&
        nm "$scratch/unit.o" | grep -q 'U panic$'
}
check "gcc: QUIRE_CONFIG_H configures everything" configured gcc
check "clang: QUIRE_CONFIG_H configures everything" configured clang
finish
