#!/bin/bash
# Real PC/SC readers with no hardware: starts a pcscd of our own with N virtual readers, and stops it again.
# usage: virtual_readers.sh start N    1 to 16 readers; reader k waits for its card on TCP port 35963 + k
#        virtual_readers.sh stop
# Installs nothing: says what is missing. State lies in $CCCD_READERS_HOME (default /run/cccd-readers, else under
# $XDG_RUNTIME_DIR). vpcd listens on all interfaces: use it where nothing from outside reaches these ports.
set -euo pipefail

if [ -n "${CCCD_READERS_HOME:-}" ]; then home=$CCCD_READERS_HOME
elif [ -w /run ]; then home=/run/cccd-readers
else home=${XDG_RUNTIME_DIR:?set CCCD_READERS_HOME to a folder of your own}/cccd-readers; fi
socket=/run/pcscd/pcscd.comm
driver=/usr/lib/pcsc/drivers/serial/libifdvpcd.so
first_port=35963

say() { printf '%s\n' "$*" >&2; }

stop() {
  [ -f "$home/pcscd.pid" ] || return 0
  local pid
  pid=$(cat "$home/pcscd.pid")
  # only the process that we started, which the system may since have given its number to another
  if [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$home/conf"; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do kill -0 "$pid" 2>/dev/null || break; sleep .1; done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$socket" /run/pcscd/pcscd.pid
  fi
  rm -rf "$home"
}

start() {
  local readers=$1 missing=no
  case $readers in ''|*[!0-9]*) say "how many readers? 1 to 16"; exit 2 ;; esac
  [ "$readers" -ge 1 ] && [ "$readers" -le 16 ] || { say "1 to 16 readers"; exit 2; }
  command -v pcscd >/dev/null || { say "missing: pcscd (the card readers' service); on Debian: apt-get install pcscd"; missing=yes; }
  [ -e "$driver" ] || { say "missing: $driver (virtual readers); on Debian: apt-get install vsmartcard-vpcd"; missing=yes; }
  [ $missing = no ] || exit 3
  [ ! -f "$home/pcscd.pid" ] || stop
  if [ -S "$socket" ] && pgrep -x pcscd >/dev/null; then
    say "another pcscd runs on this machine; stop it first"; exit 4
  fi
  rm -f "$socket"
  mkdir -p "$home/conf"
  local copies=$(((readers + 1) / 2)) i port
  for i in $(seq 0 $((copies - 1))); do
    port=$((first_port + 2 * i))
    # one copy of the driver to an entry: it keeps its two slots in a global
    cp -L "$driver" "$home/libifdvpcd$i.so"
    printf 'FRIENDLYNAME "Virtual PCD %d"\nDEVICENAME   /dev/null:%d\nLIBPATH      %s\nCHANNELID    %d\n\n' \
      "$i" "$port" "$home/libifdvpcd$i.so" "$port"
  done >"$home/conf/readers"
  # setsid: an interrupt at the terminal is for whoever uses the readers, not for the service
  setsid pcscd --foreground --error -c "$home/conf" >"$home/pcscd.log" 2>&1 </dev/null &
  echo $! >"$home/pcscd.pid"
  local pid=$!
  for _ in $(seq 100); do
    [ -S "$socket" ] && return 0
    kill -0 "$pid" 2>/dev/null || break
    sleep .1
  done
  say "pcscd did not start:"; tail -n 5 "$home/pcscd.log" >&2; stop
  exit 5
}

case ${1:-} in
  start) start "${2:-1}" ;;
  stop) stop ;;
  *) sed -n '2,6s/^# //p' "$0" >&2; exit 2 ;;
esac
