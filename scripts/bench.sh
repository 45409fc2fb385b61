#!/bin/sh
# Micro-benchmarks and the comparisons with peers; each prints unit, seed, machine and the accuracy beside the speed.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/cccd doctor
.venv/bin/python -m pytest -q benchmarks/micro -p no:cacheprovider --override-ini testpaths=benchmarks
.venv/bin/python -m benchmarks.peers --optional
