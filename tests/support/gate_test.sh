#!/usr/bin/env bash
# Does each gate say no? Usage: gate_test.sh valgrind|tsan LEAK LEAK_UNDER_CRITERION | RACE
set -u
here=$(cd "$(dirname "$0")" && pwd)
. "$here/check.sh"

case $1 in
valgrind)
    refused "the Valgrind gate refuses a leak" "definitely lost" "$here/valgrind_gate" "$2" planted/leak
    refused "the Valgrind gate refuses an overrun" "Invalid read" "$here/valgrind_gate" "$2" planted/overrun
    check "the Valgrind gate passes a clean test" "$here/valgrind_gate" "$2" planted/nothing
    check "the leak passes unnoticed under Criterion alone" "$3" --filter 'planted/leak'
    refused "the Valgrind gate reads the logs of Criterion's own children" "definitely lost" "$here/valgrind_gate" "$3"
    ;;
tsan)
    refused "the ThreadSanitizer gate refuses a race" "data race" "$2"
    ;;
esac
finish
