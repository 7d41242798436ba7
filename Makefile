# `make demo` and `make test` set up everything they need by themselves.
VENV ?= .venv
BIN := $(VENV)/bin
export KINFAST_VENV := $(VENV)
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev demo test lint format bench bench-smoke asan tsan cpp-test docs clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Set up kinfast: Debian packages, virtual environment, build
	@tools/setup.sh use

setup-dev: ## The same, with what tests, linters and benchmarks need
	@tools/setup.sh dev

demo: setup ## Simulate two plates and run the whole journey on them (under five minutes)
	@kinfast demo

test: setup-dev cpp-test ## Run all tests: C++, then Python
	@python -m pytest

cpp-test: setup-dev ## Run the C++ tests
	@cmake --preset release >/dev/null && cmake --build --preset release >/dev/null && ctest --preset release

lint: setup-dev ## ruff, mypy, import-linter, clang-format, codespell
	ruff check .
	ruff format --check .
	mypy
	lint-imports
	clang-format --dry-run -Werror $$(git ls-files '*.cpp' '*.hpp')
	codespell $$(git ls-files '*.py' '*.md' '*.hpp' '*.cpp' '*.yaml')

format: setup-dev ## Format Python and C++
	ruff check --fix . && ruff format . && clang-format -i $$(git ls-files '*.cpp' '*.hpp')

bench: setup-dev ## Time against the peers: outputs are compared first, ratios are reported
	python -m pytest benchmarks -p no:cacheprovider -s

bench-smoke: setup-dev ## The same at a tiny size, to see that the benchmarks run
	KINFAST_BENCH_SMOKE=1 python -m pytest benchmarks -p no:cacheprovider -q

asan: setup-dev ## C++ tests under the address and undefined-behaviour sanitizers
	@cmake --preset asan >/dev/null && cmake --build --preset asan && ctest --preset asan

tsan: setup-dev ## C++ tests under the thread sanitizer
	@cmake --preset tsan >/dev/null && cmake --build --preset tsan && ctest --preset tsan

docs: setup-dev ## Make the pages and pictures in docs/ that are made by commands
	python docs/make_docs.py

clean: ## Remove what was built
	rm -rf build $(VENV) dist
