# Two commands matter: `make demo` and `make test`. Both set everything up themselves (scripts/setup.sh).
.PHONY: help setup build demo test check bench scale fuzz docs lock calibrate clean

help:            ## what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:[^#]*## */\t/' | expand -t 12

setup:           ## system packages, .venv, the build: what demo needs
	@scripts/setup.sh use

build: setup     ## rebuild the native kernels where their sources changed

demo: setup      ## 220 dossiers to verified chips, and a day in the office; READER=pcsc through pcscd; FINGERPRINTS=DIR with real prints
	@.venv/bin/python scripts/demo.py $(if $(READER),--reader $(READER)) $(if $(FINGERPRINTS),--fingerprints $(FINGERPRINTS))

test:            ## everything CI runs
	@scripts/setup.sh dev
	@scripts/test.sh

check:           ## the quick half of test: format, lint, types, import rules
	@scripts/setup.sh dev
	@scripts/check.sh

bench:           ## micro-benchmarks and the comparison with peers
	@scripts/setup.sh dev
	@scripts/bench.sh

scale:           ## long tests, and figures of large galleries into out/scale; PEOPLE=1000000
	@scripts/setup.sh dev
	@.venv/bin/python -m pytest tests -m scale --timeout 0
	@.venv/bin/python -m benchmarks.scale --people $(or $(PEOPLE),100000)
	@.venv/bin/python -m benchmarks.scale.national out/scale/scale.json

fuzz:            ## coverage-guided fuzzing of every parser; SECONDS_EACH=60
	@scripts/setup.sh dev
	@.venv/bin/python -m fuzz --seconds $(or $(SECONDS_EACH),60)

docs:            ## the documentation, in docs/_build/html
	@scripts/setup.sh dev
	@.venv/bin/sphinx-build -W -q -b html docs docs/_build/html

calibrate:       ## fit the score calibration anew, after a change of the matcher
	@scripts/setup.sh dev
	@.venv/bin/python -m scripts.calibrate_matching

lock:            ## pin the requirements anew, with hashes
	@scripts/setup.sh dev
	@scripts/lock.sh

clean:           ## everything that was made here
	rm -rf .venv build out docs/_build .mypy_cache .ruff_cache .hypothesis .benchmarks
