#!/usr/bin/env bash
# run_tests.sh BUILD: everything that `make test` promises, and one last line "N passed, N failed" (", N skipped"):
#   1. all tests of the build that is there;
#   2. the second compiler (clang) builds everything without a warning;
#   3. the quick tests once more under ASan and UBSan.
# Parts 2 and 3 keep their own build folders: build-clang, build-asan.
set -u
build=${1:-build}
export OMP_WAIT_POLICY=passive
jobs=$(nproc)
passed=0 failed=0 skipped=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT

LIKENESS_EXTRA_PACKAGES="clang g++" tools/deps.sh || { echo "0 passed, 1 failed"; exit 1; }

count() { sed -n "s/^$1: *\([0-9][0-9]*\).*/\1/p" "$log" | tail -n 1; }

# Run meson's tests of folder $1 with the remaining arguments and add up what they say.
suite() {
    local dir=$1 status p f
    shift
    meson test -C "$dir" --no-rebuild --num-processes "$jobs" --print-errorlogs "$@" 2>&1 | tee "$log"
    status=${PIPESTATUS[0]}
    p=$(($(count "Ok" || true) + 0)) f=$(($(count "Fail" || true) + $(count "Timeout" || true) + $(count "Unexpected Pass" || true) + 0))
    # A run that broke before it counted anything has not passed.
    [ "$((p + f))" -gt 0 ] || f=1
    [ "$status" = 0 ] || [ "$f" -gt 0 ] || f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + $(count "Skipped" || true) + 0))
}

# Set up (once) and build folder $1; a failed build is a failed test.
compile() {
    local dir=$1
    shift
    [ -f "$dir/build.ninja" ] || meson setup "$dir" "$@" >"$log" 2>&1 || { tail -n 20 "$log"; return 1; }
    ninja -C "$dir" -j "$jobs" >"$log" 2>&1 || { grep -E "error|FAILED|warning" "$log" | head -n 40; return 1; }
}

# Times are there to end what hangs; a machine that is busy with other work must not fail.
echo "== tests"
suite "$build" --timeout-multiplier 4

echo "== clang, warnings are errors"
if CC=clang compile build-clang --buildtype=debugoptimized; then
    passed=$((passed + 1))
    echo "ok"
else
    failed=$((failed + 1))
fi

echo "== quick tests under ASan and UBSan"
# OpenMP's threads keep their memory until the process ends, and libdnnl caches its kernels: no leaks of ours.
export LSAN_OPTIONS="suppressions=$PWD/tools/lsan.supp:print_suppressions=0" ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
# Warnings stay warnings here: gcc sees bounds that are not there through the instrumentation; both plain builds are strict.
if compile build-asan --buildtype=debugoptimized -Dwerror=false -Db_sanitize=address,undefined -Db_lundef=false; then
    suite build-asan --suite quick --timeout-multiplier 10
else
    failed=$((failed + 1))
fi

line="$passed passed, $failed failed"
[ "$skipped" = 0 ] || line="$line, $skipped skipped"
echo "$line"
[ "$failed" = 0 ]
