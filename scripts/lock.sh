#!/bin/sh
# Pins requirements/use.txt and requirements/dev.txt, with hashes. No registry's host is written into them.
set -eu
cd "$(dirname "$0")/.."
compile() { .venv/bin/uv pip compile -q --generate-hashes --no-emit-index-url --no-emit-find-links --no-header \
  --python-version 3.11 "$@" pyproject.toml; }
compile --extra extract --extra pcsc --extra hsm --extra postgres --group build -o requirements/use.txt
compile --extra extract --extra pcsc --extra hsm --extra postgres --extra ray --group dev -c requirements/use.txt -o requirements/dev.txt
