#!/usr/bin/env bash
# run_tests.sh BUILD: all tests; the last line is "N passed, N failed" (", N skipped").
set -u
build=${1:-build}
export LIKENESS_THREADS=${LIKENESS_THREADS:-$(nproc)} OMP_WAIT_POLICY=passive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
meson test -C "$build" --num-processes 2 --print-errorlogs 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
count() { sed -n "s/^$1: *\([0-9][0-9]*\).*/\1/p" "$log" | tail -n 1; }
ok=$(count "Ok") fail=$(count "Fail") skip=$(count "Skipped") time=$(count "Timeout") xfail=$(count "Expected Fail") xpass=$(count "Unexpected Pass")
passed=$((${ok:-0} + ${xfail:-0}))
failed=$((${fail:-0} + ${time:-0} + ${xpass:-0}))
# A run that broke before it counted anything has not passed.
[ "$passed" -gt 0 ] || [ "$failed" -gt 0 ] || failed=1
[ "$status" = 0 ] || [ "$failed" -gt 0 ] || failed=1
line="$passed passed, $failed failed"
[ "${skip:-0}" = 0 ] || line="$line, $skip skipped"
echo "$line"
[ "$failed" = 0 ]
