# Every header alone, clang, C99 and C11.
. tests/compile/headers.inc
all_alone clang -std=c99 -x c $c_warnings
all_alone clang -std=c11 -x c $c_warnings
finish
