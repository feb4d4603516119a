# All of Quire where size_t has 32 bits, where bytes stand the other way round, and where assertions are off. clang carries
# these targets with it; gcc needs no C library for its own 32-bit one.
. tests/compile/headers.inc

for target in armv7-none-eabi aarch64-none-elf riscv32-none-elf powerpc-none-eabi s390x-none-elf; do
    alone quire/quire.h clang --target=$target -std=c99 -x c $c_warnings -ffreestanding
done
alone quire/quire.h gcc -m32 -std=c99 -x c -nostdinc -isystem "$(gcc -print-file-name=include)" $c_warnings \
    -ffreestanding
alone quire/quire.h gcc -DNDEBUG -O2 -std=c99 -x c $c_warnings -ffreestanding
alone quire/quire.h clang -DNDEBUG -O2 -std=c99 -x c $c_warnings -ffreestanding
finish
