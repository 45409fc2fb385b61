#!/bin/sh
# Format, lint, types, import rules.
set -eu
cd "$(dirname "$0")/.."
.venv/bin/ruff format --check -q . || { echo "run: .venv/bin/ruff format ." >&2; exit 1; }
.venv/bin/ruff check -q .
.venv/bin/mypy
.venv/bin/lint-imports --no-logo 2>/dev/null || .venv/bin/lint-imports
