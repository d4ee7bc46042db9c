#!/usr/bin/env bash
# Installs a program that the tests need with the system's package manager: chromium, openssl, postgresql,
# python3 or redis-server. It is not started as a service. The last line on stderr says why it could not.
set -euo pipefail

fail() {
  echo "$1" >&2
  exit 1
}

# The packages that hold it, by package manager.
program=${1:-}
case $program in
  chromium) apt=(chromium fonts-dejavu-core) apk=(chromium font-dejavu) dnf=(chromium) ;;
  openssl) apt=(openssl) apk=(openssl) dnf=(openssl) ;;
  postgresql) apt=(postgresql) apk=(postgresql postgresql-client) dnf=(postgresql-server) ;;
  python3) apt=(python3) apk=(python3) dnf=(python3) ;;
  redis-server) apt=(redis-server) apk=(redis) dnf=(redis) ;;
  *) fail "usage: $0 chromium|openssl|postgresql|python3|redis-server" ;;
esac

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -n "$@"; fi
}

# Debian starts the servers it installs, unless this file says no (101). One that is there stays.
start_no_service() {
  local policy=/usr/sbin/policy-rc.d
  [ ! -e "$policy" ] || return 0
  trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
}

install_with_apt() {
  case $program in postgresql | redis-server) start_no_service ;; esac
  # Another installation may be under way.
  as_root apt-get -o DPkg::Lock::Timeout=120 update -q ||
    echo "apt-get update failed; trying with the lists that are there" >&2
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends \
    -o DPkg::Lock::Timeout=120 "${apt[@]}" || fail "apt-get install ${apt[*]} failed"
}

if [ "$(id -u)" -ne 0 ] && ! sudo -n true 2>/dev/null; then
  fail "installing $program needs root"
fi

if command -v apt-get >/dev/null; then
  install_with_apt
elif command -v apk >/dev/null; then
  as_root apk add --no-cache "${apk[@]}" || fail "apk add ${apk[*]} failed"
elif command -v dnf >/dev/null; then
  as_root dnf install -y "${dnf[@]}" || fail "dnf install ${dnf[*]} failed"
else
  fail "no package manager here that this script knows (apt-get, apk, dnf)"
fi
