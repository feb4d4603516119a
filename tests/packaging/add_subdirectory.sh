# CMake, the sources as a sub-directory.
. tests/packaging/packaging.inc

consumer <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
project(consumer LANGUAGES C)
add_subdirectory(third_party/quire)
add_executable(consumer main.c)
target_link_libraries(consumer PRIVATE quire::quire)
if(TARGET quire_impl OR QUIRE_TESTS OR QUIRE_INSTALL)
  message(FATAL_ERROR "as a sub-project, Quire brings its tests or its install rules along")
endif()
CMAKE
mkdir -p "$scratch/consumer/third_party/quire"
cp -r CMakeLists.txt LICENSE include "$scratch/consumer/third_party/quire/"
check "add_subdirectory: configures, builds, runs; no tests, no install rules" built
finish
