# Every header alone, as C++17, g++ and clang++. The implementation too: a C++ kernel has no C compiler at hand.
. tests/compile/headers.inc
all_alone g++ -std=c++17 -fsyntax-only -x c++ $warnings
all_alone clang++ -std=c++17 -fsyntax-only -x c++ $warnings
once g++ -std=c++17 -O0 -x c++ $warnings
once clang++ -std=c++17 -O0 -x c++ $warnings
finish
