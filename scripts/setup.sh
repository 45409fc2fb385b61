#!/bin/bash
# Sets up what `make demo` (use) or `make test` (dev) needs: system packages, .venv from the pinned requirements, the
# build. Does only what is not done yet. Says exactly what is missing where it cannot install it.
# usage: scripts/setup.sh use|dev
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:?use or dev}

say() { printf '%s\n' "$*" >&2; }

# --- system packages: name, and why. The first line's are needed; without the others a part stays off.
needed=(python3-venv python3-dev g++)
optional=(libpcsclite-dev pkg-config pcscd vsmartcard-vpcd softhsm2 openssl)
[ "$what" = dev ] && optional+=(postgresql)
declare -A why=(
  [python3-venv]="makes .venv" [python3-dev]="headers for the native kernels" [g++]="compiles the native kernels"
  [libpcsclite-dev]="PC/SC: builds pyscard" [pkg-config]="PC/SC: builds pyscard" [pcscd]="PC/SC: the card readers' service"
  [vsmartcard-vpcd]="PC/SC: readers with no hardware" [softhsm2]="tests of PKCS#11 signing"
  [openssl]="tests that check our signatures independently"
  [postgresql]="tests of galleries in PostgreSQL")

has() {  # by what it brings, so that other systems and own builds count too
  case $1 in
    python3-venv) python3 -c 'import venv, ensurepip' 2>/dev/null ;;
    python3-dev) python3 -c 'import os, sysconfig; raise SystemExit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' 2>/dev/null ;;
    g++) command -v g++ >/dev/null || command -v c++ >/dev/null || command -v clang++ >/dev/null ;;
    libpcsclite-dev) [ -e /usr/include/PCSC/winscard.h ] || [ -e /usr/local/include/PCSC/winscard.h ] ;;
    pkg-config) command -v pkg-config >/dev/null ;;
    pcscd) command -v pcscd >/dev/null || [ -x /usr/sbin/pcscd ] ;;
    vsmartcard-vpcd) [ -e /usr/lib/pcsc/drivers/serial/libifdvpcd.so ] ;;
    softhsm2) command -v softhsm2-util >/dev/null ;;
    openssl) command -v openssl >/dev/null ;;
    postgresql) ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || command -v initdb >/dev/null ;;
  esac
}

missing=()
for package in "${needed[@]}" "${optional[@]}"; do has "$package" || missing+=("$package"); done
if [ ${#missing[@]} -gt 0 ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  say "installing: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  log=$(mktemp)
  if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    say "apt-get could not install them:"; tail -n 5 "$log" >&2
  fi
  rm -f "$log"
fi
stop=no
for package in "${missing[@]}"; do
  has "$package" && continue
  say "missing: $package (${why[$package]}); on Debian, as root: apt-get install $package"
  case " ${needed[*]} " in *" $package "*) [ "$package" = g++ ] || stop=yes ;; esac
done
if ! python3 -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null; then
  say "missing: Python 3.11 or later as python3"; stop=yes
fi
[ $stop = no ] || { say "cannot go on without these"; exit 1; }

# --- .venv
[ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null || python3 -m venv --clear .venv
export PATH="$PWD/.venv/bin:$PATH" PIP_DISABLE_PIP_VERSION_CHECK=1 VIRTUAL_ENV="$PWD/.venv"
installed() { [ "$(cat ".venv/.made-$1" 2>/dev/null)" = "$2" ]; }
mark() { printf '%s\n' "$2" >".venv/.made-$1"; }

# pyscard is built from source against the system's PC/SC headers, with setuptools and swig of the same list: so it
# comes second, without a build environment of its own, and stays away where the headers are missing.
requirements=requirements/$what.txt
pcsc=$(has libpcsclite-dev && has pkg-config && echo yes || echo no)
stamp_of() { echo "$(cksum <"requirements/$1.txt") pcsc=$pcsc"; }
# what dev lists holds all that use lists
if ! installed "$what" "$(stamp_of "$what")" && ! installed dev "$(stamp_of dev)"; then
  say "installing the pinned requirements ($requirements) into .venv"
  only=$(mktemp) rest=$(mktemp)
  awk -v only="$only" -v rest="$rest" '/^[A-Za-z0-9]/ {to = ($0 ~ /^pyscard==/) ? only : rest} {print > (to ? to : rest)}' "$requirements"
  ok=yes
  .venv/bin/python -m pip install -q --no-deps --require-hashes -r "$rest" || ok=no
  if [ $ok = yes ] && [ "$pcsc" = yes ]; then
    .venv/bin/python -m pip install -q --no-deps --no-build-isolation --require-hashes -r "$only" || ok=no
  fi
  rm -f "$only" "$rest"
  [ $ok = yes ] || { say "pip could not install $requirements (see above)"; exit 1; }
  mark "$what" "$(stamp_of "$what")"
fi

# --- the build
# the editable install knows the source files by name
stamp=$( (cat pyproject.toml CMakeLists.txt $(find native -type f | sort); find src -name '*.py' | sort) | cksum)
if ! installed build "$stamp"; then
  say "building cccd_core"
  .venv/bin/python -m pip install -q --no-deps --no-build-isolation -e . || { say "the build failed (see above)"; exit 1; }
  mark build "$stamp"
fi
