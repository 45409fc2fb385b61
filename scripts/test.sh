#!/bin/sh
# What CI runs, after scripts/setup.sh dev.
set -eu
cd "$(dirname "$0")/.."
scripts/check.sh
.venv/bin/sphinx-build -W -q -b html docs docs/_build/html
# Meanwhile the compiled kernels are made ready, which else each worker of the tests would do for itself.
.venv/bin/cccd warmup --json > /dev/null &
warming=$!
echo "--- kernels as plain Python (NUMBA_DISABLE_JIT=1)"
NUMBA_DISABLE_JIT=1 .venv/bin/python -m pytest -q -n 2 -m "not jit and not scale and not pcsc and not hsm" \
  tests/unit/matching tests/unit/dedup tests/property/matching tests/property/dedup
wait "$warming"
echo "--- the tests"
.venv/bin/python -m pytest -q -n 2 -m "not scale" --durations 15
