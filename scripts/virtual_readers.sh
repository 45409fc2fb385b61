#!/bin/bash
# Real PC/SC readers with no hardware: starts a pcscd of our own with N virtual readers, and stops it again.
# usage: virtual_readers.sh start N    1 to 16 readers; reader k waits for its card on TCP port 35963 + k, or, where another
#                                      program has one of these ports, on the ports that the readers' names tell
#        virtual_readers.sh stop
# Installs nothing: says what is missing. State lies in $CCCD_READERS_HOME (default /run/cccd-readers, else under
# $XDG_RUNTIME_DIR). vpcd listens on all interfaces: use it where nothing from outside reaches these ports.
set -euo pipefail

if [ -n "${CCCD_READERS_HOME:-}" ]; then home=$CCCD_READERS_HOME
elif [ -w /run ]; then home=/run/cccd-readers
else home=${XDG_RUNTIME_DIR:?set CCCD_READERS_HOME to a folder of your own}/cccd-readers; fi
socket=/run/pcscd/pcscd.comm
driver=/usr/lib/pcsc/drivers/serial/libifdvpcd.so
# vpcd's own choice first; it lies where systems lend ports to whoever asks for any, so the others lie below
first_ports="35963 15963 17963 19963 21963"

say() { printf '%s\n' "$*" >&2; }

stop() {
  [ -f "$home/pcscd.pid" ] || return 0
  local pid
  pid=$(cat "$home/pcscd.pid")
  # only the process that we started, which the system may since have given its number to another
  if [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF "$home/conf"; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 200); do kill -0 "$pid" 2>/dev/null || break; sleep .1; done
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
  local first_port
  for first_port in $first_ports; do
    start_at "$first_port" "$readers"
    # pcscd goes on without a reader whose driver could not start, be it all of them
    grep -qi "failed" "$home/pcscd.log" || return 0
    say "a port from $first_port on is taken; trying others"
    stop
  done
  say "no ports are free for $readers readers"
  exit 5
}

start_at() {
  local first_port=$1 readers=$2 i port name
  rm -f "$socket"
  mkdir -p "$home/conf"
  for i in $(seq 0 $(((readers + 1) / 2 - 1))); do
    port=$((first_port + 2 * i))
    name="Virtual PCD $i"
    [ "$first_port" = 35963 ] || name="$name at $port"
    # one copy of the driver to an entry: it keeps its two slots in a global
    cp -L "$driver" "$home/libifdvpcd$i.so"
    printf 'FRIENDLYNAME "%s"\nDEVICENAME   /dev/null:%d\nLIBPATH      %s\nCHANNELID    %d\n\n' \
      "$name" "$port" "$home/libifdvpcd$i.so" "$port"
  done >"$home/conf/readers"
  # setsid: an interrupt at the terminal is for whoever uses the readers, not for the service
  setsid pcscd --foreground --error -c "$home/conf" >"$home/pcscd.log" 2>&1 </dev/null &
  local pid=$!
  echo "$pid" >"$home/pcscd.pid"
  for _ in $(seq 600); do
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
  *) sed -n '2,7s/^# //p' "$0" >&2; exit 2 ;;
esac
