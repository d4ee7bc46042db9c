#!/usr/bin/env bash
# Installs redis-server with the system's package manager, without starting it as a service.
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
  fail "installing redis-server needs root"
fi

install_with_apt() {
  export DEBIAN_FRONTEND=noninteractive
  local policy=/usr/sbin/policy-rc.d
  # Debian starts what it installs, unless this file says no (101). One that is there stays.
  if [ ! -e "$policy" ]; then
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  as_root apt-get update -q || echo "apt-get update failed; trying with the lists that are there" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 redis-server || fail "apt-get install redis-server failed"
}

if command -v apt-get >/dev/null; then
  install_with_apt
elif command -v apk >/dev/null; then
  as_root apk add --no-cache redis || fail "apk add redis failed"
elif command -v dnf >/dev/null; then
  as_root dnf install -y redis || fail "dnf install redis failed"
else
  fail "no package manager here that this script knows (apt-get, apk, dnf)"
fi
