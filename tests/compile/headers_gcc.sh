# Every header alone, gcc, C99 and C11.
. tests/compile/headers.inc
# Optimised once: some warnings need data flow.
all_alone gcc -std=c99 -O2 -x c $c_warnings
all_alone gcc -std=c11 -O0 -x c $c_warnings
finish
