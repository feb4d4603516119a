# Every header alone, gcc, C99 and C11.
. tests/compile/headers.inc
# What is unused is seen only where code is made, some other mistakes only in the flow of data. To another standard it matters what
# is parsed.
all_alone gcc -std=c99 -O0 -x c $c_warnings
all_alone gcc -std=c11 -fsyntax-only -x c $c_warnings
once gcc -std=c99 -O2 -x c $c_warnings
finish
