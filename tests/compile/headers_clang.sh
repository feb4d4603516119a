# Every header alone, clang, C99 and C11. It says all that it has to say before it makes code.
. tests/compile/headers.inc
all_alone clang -std=c99 -fsyntax-only -x c $c_warnings
all_alone clang -std=c11 -fsyntax-only -x c $c_warnings
finish
