#!/usr/bin/env bash
# Installs Chromium with the system's package manager, for the tests of the dashboard.
# The last line on stderr says why it could not.
set -euo pipefail

fail() {
  echo "$1" >&2
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
  fail "installing chromium needs root"
fi

if command -v apt-get >/dev/null; then
  as_root apt-get update -q || echo "apt-get update failed; trying with the lists that are there" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 chromium fonts-dejavu-core || fail "apt-get install chromium failed"
elif command -v apk >/dev/null; then
  as_root apk add --no-cache chromium font-dejavu || fail "apk add chromium failed"
elif command -v dnf >/dev/null; then
  as_root dnf install -y chromium || fail "dnf install chromium failed"
else
  fail "no package manager here that this script knows (apt-get, apk, dnf)"
fi
