# Sourced by the test scripts: every check prints one line, "ok - NAME" or "not ok - NAME" with what the command said.
# shellcheck shell=bash

checks_failed=0
checks_log=$(mktemp)
trap 'rm -f "$checks_log"' EXIT

report() { # report RESULT NAME
    if [ "$1" = 0 ]; then
        printf 'ok - %s\n' "$2"
    else
        printf 'not ok - %s\n' "$2"
        sed 's/^/    /' "$checks_log" | tail -n 60
        checks_failed=$((checks_failed + 1))
    fi
}

# check NAME COMMAND...: passes if the command succeeds.
check() {
    local name=$1 result=0
    shift
    "$@" >"$checks_log" 2>&1 </dev/null || result=1
    report "$result" "$name"
}

# silent NAME COMMAND...: passes if the command succeeds and says nothing.
silent() {
    local name=$1 result=0
    shift
    "$@" >"$checks_log" 2>&1 </dev/null || result=1
    [ ! -s "$checks_log" ] || result=1
    report "$result" "$name"
}

# refused NAME PATTERN COMMAND...: passes if the command fails and what it says matches the extended regular expression.
refused() {
    local name=$1 pattern=$2 result=0
    shift 2
    if "$@" >"$checks_log" 2>&1 </dev/null; then
        echo "this was to fail and succeeded" >>"$checks_log"
        result=1
    elif ! grep -qE -- "$pattern" "$checks_log"; then
        echo "this failed as it should, but said nothing that matches: $pattern" >>"$checks_log"
        result=1
    fi
    report "$result" "$name"
}

# The exit status of a script that ends with it.
finish() {
    [ "$checks_failed" = 0 ]
}
