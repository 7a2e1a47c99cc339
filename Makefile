# Two commands are enough: `make demo` and `make test`. Each installs what it needs into .venv.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
ARGS ?=
# Stopped and started again it goes on where it was; ARGS="--rounds 12" adds rounds.
LONG_FAULTS := --on kafka --rounds 6 --out tests/bench/results/faults.json

.DEFAULT_GOAL := help
.PHONY: help demo test check test-kafka test-faults test-export test-ops bench-encoder bench-quality bench-sequence bench-large bench-segments bench-soak peers lock clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

demo: .venv/.cpu ## the main job on MovieLens-100K; ARGS="--events N --live N --rate R --json FILE --keep"
	$(BIN)/interestream demo $(ARGS)

test: .venv/.dev ## every test but those against Apache Kafka itself; ARGS go to pytest
	$(BIN)/pytest -m "not kafka and not export and not ops" --numprocesses 3 --dist loadfile $(ARGS)

check: .venv/.dev ## format, lint, types, import contracts, fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m stream.wire.asyncapi --check
	$(BIN)/python -m stream.reference --check
	$(BIN)/pytest -q -m "not kafka and not export and not ops and not integration"

test-kafka: .venv/.dev ## the worker against Apache Kafka (Java, Maven) and a Qdrant server
	$(BIN)/pytest -m kafka $(ARGS)

test-faults: .venv/.dev ## a running stack, hurt in eight ways and audited; LONG=1: in all ways, on Apache Kafka
	$(BIN)/python -m tests.faults.run $(if $(LONG),$(LONG_FAULTS),--short) $(ARGS)
	$(if $(LONG),$(BIN)/python -m tests.bench.docs)

test-export: .venv-export/.export ## the exporter: needs torch (some GB) in an environment of its own
	.venv-export/bin/pytest -m export $(ARGS)

test-ops: .venv/.dev .cache/tools/.made ## images, compose and manifests in infra/, as far as no engine is needed (Go)
	$(BIN)/pytest -m ops $(ARGS)

bench-encoder: .venv-export/.bench ## the encoder against others, into tests/bench/results and docs/encoder.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  .venv-export/bin/python -m tests.bench.encoder --out tests/bench/results $(ARGS)

bench-quality: .venv/.dev ## the recommendations on two data sets, into tests/bench/results and docs/quality.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  $(BIN)/python -m tests.bench.quality --out tests/bench/results $(ARGS)
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  $(BIN)/python -m tests.bench.hot --out tests/bench/results

bench-sequence: .venv-export/.export ## what the sequence model is worth (needs torch), into docs/sequence.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  .venv-export/bin/python -m tests.bench.sequence --out tests/bench/results $(ARGS)

bench-large: .venv/.dev ## catalogues beyond what is scored whole, on a Qdrant server, into docs/large.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  $(BIN)/python -m tests.bench.large --out tests/bench/results $(ARGS)

bench-segments: .venv/.dev ## segments on planted worlds, and a fit of 100,000 users, into docs/segments.md
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  $(BIN)/python -m tests.bench.segments --out tests/bench/results $(ARGS)

bench-soak: .venv/.dev ## a worker under steady load for half an hour (Java, Maven), into docs/operations/soak.md
	$(BIN)/python -m tests.soak --minutes 30 --on kafka --out tests/bench/results/soak.json $(ARGS)
	$(BIN)/python -m tests.bench.docs

peers: .venv-export/.peers ## established models on the events of evaluate, into tests/bench/results
	env -u OPENBLAS_CORETYPE -u OPENBLAS_L2_SIZE \
	  .venv-export/bin/python -m tests.peers.run --out tests/bench/results $(ARGS)

lock: ## make requirements/*.txt anew (needs uv)
	./scripts/lock.sh

clean: ## remove the environment and what was built, not the cache of archives
	rm -rf .venv .venv-export build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .data

.venv-export/bin/python:
	$(PYTHON) -m venv .venv-export

.venv-export/.export: requirements/export.txt pyproject.toml | .venv-export/bin/python
	.venv-export/bin/pip install --quiet --require-hashes -r requirements/export.txt
	.venv-export/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv-export/.bench: requirements/bench.txt pyproject.toml | .venv-export/bin/python
	.venv-export/bin/pip install --quiet --require-hashes -r requirements/bench.txt
	.venv-export/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv-export/.export

.venv-export/.peers: requirements/peers.txt pyproject.toml | .venv-export/bin/python
	.venv-export/bin/pip install --quiet --require-hashes -r requirements/peers.txt
	.venv-export/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv-export/.export

.cache/tools/.made: scripts/ops-tools.sh
	./scripts/ops-tools.sh

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.cpu: requirements/cpu.txt pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --require-hashes -r requirements/cpu.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: requirements/dev.txt pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.txt
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.cpu
