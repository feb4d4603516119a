# CMake, install and find_package.
. tests/packaging/packaging.inc

project() { # project REQUEST: a consumer that asks for this version
    rm -rf "$scratch/consumer"
    consumer <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
find_package(quire $1 REQUIRED CONFIG)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE quire::quire)
CMAKE
    built -DCMAKE_PREFIX_PATH="$scratch/prefix"
}

check "install" installed
check "find_package, no version asked for" project ""
check "find_package, this version" project "$version"
refused "find_package, a later version" "with requested version \"99.0\"" project 99.0
check "the installed package contains the licence" cmp LICENSE "$scratch/prefix/share/doc/quire/LICENSE"
check "every header is installed" diff -r include/quire "$scratch/prefix/include/quire"

# The build tree and the sources are not needed any more, and the prefix may move.
rm -rf "$scratch/quire"
mv "$scratch/prefix" "$scratch/elsewhere" && ln -s elsewhere "$scratch/prefix"
check "find_package after the prefix moved" project "$version"
# As a path of its own: "include/quire" is none of a repository that lies in /quire.
names_the_repository() { ! grep -rlE "(^|[^[:alnum:]_./-])${repository//./\\.}(/|[^[:alnum:]_.-]|$)" "$scratch/elsewhere"; }
check "nothing installed names the folder it was built from" names_the_repository
finish
