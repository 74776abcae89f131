#!/usr/bin/env bash
# deps.sh: see that the Debian packages the build needs are there; install what is missing (root, or sudo).
set -u
need="gcc libc6-dev pkg-config meson ninja-build git python3 ffmpeg zlib1g-dev libdnnl-dev flite1-dev libsqlite3-dev libssl-dev libsodium-dev libfftw3-dev
      libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libswresample-dev ${LIKENESS_EXTRA_PACKAGES:-}"

command -v dpkg-query >/dev/null || {
    echo "This is no Debian: install the counterparts of these packages yourself, then run ninja -C build:" >&2
    echo "$need" >&2
    exit 0
}
missing=
for p in $need; do
    [ "$(dpkg-query -W -f '${db:Status-Abbrev}' "$p" 2>/dev/null)" = "ii " ] || missing="$missing $p"
done
[ -z "$missing" ] && exit 0

echo "installing:$missing"
as_root=
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "These packages are missing:$missing" >&2
        echo "Run as root: apt-get install$missing" >&2
        exit 1
    }
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -q >/dev/null || echo "apt-get update failed; trying with the lists at hand" >&2
# shellcheck disable=SC2086
$as_root apt-get install -y -q --no-install-recommends $missing >/tmp/likeness-deps.$$ 2>&1 || {
    tail -n 20 /tmp/likeness-deps.$$ >&2
    echo "apt-get could not install:$missing" >&2
    rm -f /tmp/likeness-deps.$$
    exit 1
}
rm -f /tmp/likeness-deps.$$
