# The include-templates of pools and messages: what they make compiles without a warning, in C and in C++; what must not mix does not
# compile.
. tests/compile/headers.inc

two_pools='#define QUIRE_POOL_NAME small_pool
#define QUIRE_POOL_ALIGN 8
#define QUIRE_POOL_ZERO_FREE 1
#include <quire/pool_type.h>
#define QUIRE_POOL_NAME large_pool
#define QUIRE_POOL_ALIGN 4096
#define QUIRE_POOL_ZERO_ALLOC 1
#define QUIRE_POOL_INDEXED 1
#define QUIRE_POOL_LIMIT 65536
#define QUIRE_POOL_COUNT 16
#include <quire/pool_type.h>'
messages='struct open_session { uint64_t session; uint32_t words[4]; };
struct invoke { uint32_t session; uint32_t command; };
#define QUIRE_OBJECT_NAME open_message
#define QUIRE_OBJECT_TYPE struct open_session
#define QUIRE_OBJECT_POOL small_pool
#include <quire/pool_object_type.h>
#define QUIRE_OBJECT_NAME invoke_message
#define QUIRE_OBJECT_TYPE struct invoke
#define QUIRE_OBJECT_POOL large_pool
#include <quire/pool_object_type.h>'

# function BODY: a function in which everything is at hand.
function_of() {
    printf '%s\n' "$two_pools" "$messages" \
        'enum quire_status f(struct small_pool *s, struct large_pool *l, struct quire_shm *shm);' \
        'enum quire_status f(struct small_pool *s, struct large_pool *l, struct quire_shm *shm) {' \
        'struct small_pool_handle sh; struct large_pool_handle lh; struct open_message om; struct invoke_message im;' \
        'struct open_session open; struct invoke invoke; struct quire_view view; enum quire_status status = QUIRE_OK;' \
        'QUIRE_MEMSET(&open, 0, sizeof open);' \
        '(void)s, (void)l, (void)shm, (void)sh, (void)lh, (void)om, (void)im, (void)open, (void)invoke, (void)view;' \
        "$1" 'return status; }'
}

# compiled COMPILER... TEXT
compiled() {
    { echo '#include <quire/shm.h>'; printf '%s\n' "${!#}"; } >"$scratch/unit"
    "${@:1:$#-1}" -Iinclude -c -o "$scratch/unit.o" "$scratch/unit"
}

# Each way that `ways` names, in every compiler.
right='status = small_pool_alloc(s, 8, &sh); status = large_pool_alloc(l, 8, &lh); status = small_pool_view(s, &sh, &view);
status = small_pool_free(s, &sh); status = large_pool_free(l, &lh); status = open_message_new(s, &om);
status = invoke_message_new(l, &im); status = open_message_store(s, &om, &open); status = invoke_message_fetch(l, &im, &invoke);
status = open_message_delete(s, &om); status = invoke_message_delete(l, &im);'
wrong=(
    "a handle of another pool:small_pool_free(s, &lh)"
    "a handle of another pool to be filled:small_pool_alloc(s, 8, &lh)"
    "a handle of another pool for a view:small_pool_view(s, &lh, &view)"
    "another pool:small_pool_alloc(l, 8, &sh)"
    "another pool, and its handle:small_pool_free(l, &lh)"
    "the core's handle:small_pool_free(s, &sh.core)"
    "the core's pool:small_pool_alloc(&s->core, 8, &sh)"
    "a typed pool for the core:quire_pool_free(s, &sh.core)"
    "a message made of another pool:open_message_new(l, &om)"
    "a message that is another's:open_message_new(s, &im)"
    "a message returned to another pool:open_message_delete(l, &om)"
    "a message stored from another type:open_message_store(s, &om, &invoke)"
    "a message fetched into another type:invoke_message_fetch(l, &im, &open)"
    "a message as a handle of a pool it is not of:large_pool_free(l, &om.handle)"
    "the driver pool's message of a client pool:small_pool_free(&shm->client, &sh)"
    "the manager's pools:quire_shm_driver_pool_fini(&shm->client, (quire_pool_visit)0, (void *)0)"
)
mixing="incompatible|cannot convert|cannot initialize|no matching|passing|no known conversion"

while read -r compiler; do
    # shellcheck disable=SC2206
    words=($compiler)
    # shellcheck disable=SC2086
    set -- $warnings
    [[ $compiler == *++* ]] || set -- $c_warnings
    for way in "" "#define QUIRE_IMPLEMENTATION" "#define QUIRE_STATIC"; do
        silent "$compiler: two pools and their messages, ${way:-as they are}" \
            compiled "${words[@]}" "$@" -O2 "$(function_of "$right")"
        printf '%s\n%s\n' "$way" "$(cat "$scratch/unit")" >"$scratch/whole"
        silent "$compiler: the same, ${way:-as it is}, freestanding" \
            "${words[@]}" "$@" -O2 -ffreestanding -Iinclude -c -o /dev/null "$scratch/whole"
    done
    # Without options, but for the one that makes C as strict about pointers as C++ is.
    strict=-Werror=incompatible-pointer-types
    [[ $compiler != *++* ]] || strict=-Werror
    for case in "${wrong[@]}"; do
        refused "$compiler: refuses ${case%%:*}" "$mixing" compiled "${words[@]}" $strict "$(function_of "status = ${case#*:};")"
    done
    for case in "a view from a handle:view = sh.core" "a pointer from a view:*view.va = 1" "a handle's fields without its core:status = (enum quire_status)sh.size"; do
        refused "$compiler: refuses ${case%%:*}" "error" compiled "${words[@]}" "$(function_of "${case#*:};")"
    done
    refused "$compiler: an ignored status warns" "unused.result" \
        compiled "${words[@]}" -Werror "$(function_of "small_pool_alloc(s, 8, &sh);")"

    refused "$compiler: pool_type.h without parameters is an error" "define QUIRE_POOL_NAME and QUIRE_POOL_ALIGN" \
        compiled "${words[@]}" '#include <quire/pool_type.h>'
    refused "$compiler: pool_type.h with a name alone is an error" "define QUIRE_POOL_NAME and QUIRE_POOL_ALIGN" \
        compiled "${words[@]}" $'#define QUIRE_POOL_NAME x\n#include <quire/pool_type.h>'
    refused "$compiler: its parameters do not outlive it" "define QUIRE_POOL_NAME and QUIRE_POOL_ALIGN" \
        compiled "${words[@]}" "$two_pools"$'\n#include <quire/pool_type.h>'
    refused "$compiler: an alignment that is no power of two is an error" "align_is_a_power_of_two|negative" \
        compiled "${words[@]}" $'#define QUIRE_POOL_NAME x\n#define QUIRE_POOL_ALIGN 24\n#include <quire/pool_type.h>'
    refused "$compiler: pool_object_type.h without parameters is an error" "define QUIRE_OBJECT_NAME" \
        compiled "${words[@]}" '#include <quire/pool_object_type.h>'
    refused "$compiler: pool_object_type.h for a pool that is not there is an error" "nowhere" \
        compiled "${words[@]}" $'#define QUIRE_OBJECT_NAME m\n#define QUIRE_OBJECT_TYPE int\n#define QUIRE_OBJECT_POOL nowhere\n#include <quire/pool_object_type.h>'
    refused "$compiler: a message that its pool cannot align is an error" "is_aligned_by_its_pool|negative" \
        compiled "${words[@]}" $'#define QUIRE_POOL_NAME x\n#define QUIRE_POOL_ALIGN 1\n#include <quire/pool_type.h>\n#define QUIRE_OBJECT_NAME m\n#define QUIRE_OBJECT_TYPE uint64_t\n#define QUIRE_OBJECT_POOL x\n#include <quire/pool_object_type.h>'
done <<'EOC'
gcc -std=c99 -x c
clang -std=c99 -x c
g++ -std=c++17 -x c++
clang++ -std=c++17 -x c++
EOC

# A book as a static array of a size that the compiler knows, in every language.
for compiler in "gcc -std=c99 -x c" "clang -std=c11 -x c" "g++ -std=c++17 -x c++" "clang++ -std=c++17 -x c++"; do
    # shellcheck disable=SC2086
    silent "$compiler: a book's size is a constant" compiled $compiler $warnings \
        "extern uint64_t b[]; uint64_t b[QUIRE_SHM_DRIVER_BOOK_BYTES(4, 32) / 8u]; extern uint64_t c[];
uint64_t c[QUIRE_SHM_CLIENT_BOOK_BYTES((uint64_t)1 << 40, 100) / 8u];"
done

# Only where it is asked for: without `cleanup` nothing but the scopes is missing.
refused "a compiler without cleanup has no scopes" "QUIRE_POOL_SCOPED" \
    compiled gcc -std=c99 -x c -Werror=implicit-function-declaration -U__GNUC__ '-DQUIRE_ASSERT(x)=((void)(x))' \
    '-DQUIRE_MEMSET(t,b,n)=__builtin_memset(t,b,n)' '-DQUIRE_MEMCPY(t,f,n)=__builtin_memcpy(t,f,n)' '-DQUIRE_ATOMIC_LOAD(p)=(*(p))' \
    '-DQUIRE_ATOMIC_STORE(p,v)=(*(p)=(v))' '-DQUIRE_ATOMIC_ADD(p,v)=0' '-DQUIRE_ATOMIC_SUB(p,v)=0' '-DQUIRE_ATOMIC_CAS(p,e,v)=true' \
    "$two_pools"$'\nvoid g(void) { QUIRE_POOL_SCOPED(small_pool, x); }'
# The templates stand behind the user's own names, and -Wshadow is on.
cat >"$scratch/names.c" <<'C'
#include <quire/pool.h>
int pool, handle, object, view, scope, slab, status, config, visit, ctx, stats, piece, pa, len, size, to, from, traits, none;
#define QUIRE_POOL_NAME a_pool
#define QUIRE_POOL_ALIGN 8
#include <quire/pool_type.h>
#define QUIRE_OBJECT_NAME a_message
#define QUIRE_OBJECT_TYPE uint64_t
#define QUIRE_OBJECT_POOL a_pool
#include <quire/pool_object_type.h>
C
# shellcheck disable=SC2086
silent "the templates shadow no name of the user's, in C" gcc -std=c99 $c_warnings -ffreestanding -Iinclude -c -o /dev/null "$scratch/names.c"
# shellcheck disable=SC2086
silent "and in C++" g++ -x c++ -std=c++17 $warnings -ffreestanding -Iinclude -c -o /dev/null "$scratch/names.c"

finish
