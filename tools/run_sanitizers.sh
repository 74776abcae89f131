#!/usr/bin/env bash
# run_sanitizers.sh: the quick tests under ASan and UBSan (gcc), and a clang build with warnings as errors.
set -eu
command -v clang >/dev/null || LIKENESS_EXTRA_PACKAGES="clang" tools/deps.sh
[ -f build-clang/build.ninja ] || CC=clang meson setup build-clang --buildtype=debugoptimized
ninja -C build-clang
# OpenMP's own threads keep their memory until the process ends, and libdnnl caches its kernels: not leaks of ours.
export LSAN_OPTIONS="suppressions=$PWD/tools/lsan.supp:print_suppressions=0" ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 LIKENESS_THREADS=2 OMP_WAIT_POLICY=passive
[ -f build-asan/build.ninja ] || meson setup build-asan --buildtype=debugoptimized -Db_sanitize=address,undefined -Db_lundef=false
ninja -C build-asan
meson test -C build-asan --suite quick --num-processes 2 --print-errorlogs --timeout-multiplier 5
