# Copying: include/quire into an empty folder, one compiler call.
. tests/packaging/packaging.inc

mkdir "$scratch/copy"
cp -r include/quire "$scratch/copy/quire"
cp tests/packaging/consumer/main.c "$scratch/copy/"
copied() (
    cd "$scratch/copy" && gcc -std=c99 -Wall -Wextra -Wpedantic -Werror -I. -o program main.c && ran ./program
)
check "a copy of include/quire is all it takes" copied
finish
