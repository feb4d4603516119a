# CMake, FetchContent: from a git repository and from an archive, both on this disk.
. tests/packaging/packaging.inc

mkdir "$scratch/upstream"
cp -r CMakeLists.txt LICENSE include "$scratch/upstream/"
published() (
    cd "$scratch/upstream" && git init -q -b main . && git add -A &&
        git -c user.name=test -c user.email=test@localhost commit -q -m "publish" && git tag "v$version" &&
        git archive --prefix=quire/ -o "$scratch/quire.tar.gz" HEAD
)
check "a repository and an archive to fetch from" published

fetching() { # fetching LINE...: a consumer that declares Quire so
    rm -rf "$scratch/consumer"
    consumer <<CMAKE
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
include(FetchContent)
FetchContent_Declare(quire $*)
FetchContent_MakeAvailable(quire)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE quire::quire)
CMAKE
    built
}
check "FetchContent from a git tag" fetching GIT_REPOSITORY "file://$scratch/upstream" GIT_TAG "v$version"
check "FetchContent from an archive" fetching URL "$scratch/quire.tar.gz"
finish
