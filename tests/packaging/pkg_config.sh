# pkg-config: no CMake on the consumer's side.
. tests/packaging/packaging.inc

check "install" installed
mv "$scratch/prefix" "$scratch/moved" # quire.pc finds its prefix by its own place
export PKG_CONFIG_PATH=$scratch/moved/share/pkgconfig

has_version() { [ "$(pkg-config --modversion quire)" = "$version" ]; }
check "pkg-config knows the version" has_version
compiled() {
    # shellcheck disable=SC2046
    gcc -std=c99 $(pkg-config --cflags quire) -o "$scratch/program" "$repository/tests/packaging/consumer/main.c" \
        $(pkg-config --libs quire) && ran "$scratch/program"
}
check "a program compiles with pkg-config's flags and runs" compiled
finish
