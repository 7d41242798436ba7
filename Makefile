# `make demo` and `make test` set up everything they need by themselves.
VENV ?= .venv
BIN := $(VENV)/bin
export KINFAST_VENV := $(VENV)
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help setup setup-cpp setup-dev demo test lint format bench bench-accept bench-smoke asan tsan fuzz fuzz-coverage cpp-test docs clean

help: ## Show what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

setup: ## Set up kinfast: Debian packages, virtual environment, build
	@tools/setup.sh use

setup-cpp: ## Debian packages for the C++ tests, nothing else
	@tools/setup.sh cpp

setup-dev: setup-cpp ## The same as setup, with what tests, linters and benchmarks need
	@tools/setup.sh dev

demo: setup ## Simulate two plates and run the whole journey on them (five to ten minutes on two cores)
	@kinfast demo

# A worker a processor, of one thread each (0: one test after the other); benchmarks time by themselves, so their plugin stays out.
WORKERS ?= logical

test: setup-dev cpp-test ## Run all tests: C++, then Python, on all processors: WORKERS=2
	@OMP_NUM_THREADS=1 python -m pytest -n $(WORKERS) --maxprocesses 8 --dist worksteal -p no:benchmark

cpp-test: setup-cpp ## Run the C++ tests
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

bench: setup-dev ## Time against the peers: outputs are compared first, ratios are asserted; a table comes last
	python -m pytest benchmarks -p no:cacheprovider -q --no-header

bench-accept: setup-dev ## Take the last bench as this kind of machine's baseline, and write the README's table
	python -m benchmarks.accept

bench-smoke: setup-dev ## The same at a tiny size, to see that the benchmarks run
	KINFAST_BENCH_SMOKE=1 python -m pytest benchmarks -p no:cacheprovider -q

asan: setup-cpp ## C++ tests under the address and undefined-behaviour sanitizers
	@cmake --preset asan >/dev/null && cmake --build --preset asan && ctest --preset asan

tsan: setup-cpp ## C++ tests under the thread sanitizer
	@cmake --preset tsan >/dev/null && cmake --build --preset tsan --target kinfast_tests && ctest --preset tsan

# Seconds of fuzzing, and where what it found stays from one run to the next.
FUZZ_SECONDS ?= 600
FUZZ_CORPUS ?= build/fuzz-corpus

fuzz: ## Fuzz the TIFF decoder with libFuzzer under the sanitizers: FUZZ_SECONDS=600, FUZZ_CORPUS=build/fuzz-corpus
	@tools/setup.sh fuzz
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz --target kinfast_fuzz_decode
	@mkdir -p $(FUZZ_CORPUS) build/fuzz-findings
	build/fuzz/cpp/fuzz/kinfast_fuzz_decode -max_total_time=$(FUZZ_SECONDS) -max_len=8192 -timeout=60 -rss_limit_mb=1536 \
	  -print_final_stats=1 -dict=cpp/fuzz/tiff.dict -artifact_prefix=build/fuzz-findings/ \
	  $(FUZZ_CORPUS) cpp/fuzz/corpus cpp/fuzz/regressions

fuzz-coverage: ## Lines of cpp/src/tiff that the fuzzer's corpus reaches
	@tools/setup.sh fuzz
	@cmake --preset coverage >/dev/null && cmake --build --preset coverage --target kinfast_replay
	@mkdir -p $(FUZZ_CORPUS)
	@cd build/coverage && LLVM_PROFILE_FILE=replay.profraw cpp/fuzz/kinfast_replay $(abspath $(FUZZ_CORPUS)) \
	  ../../cpp/fuzz/corpus ../../cpp/fuzz/regressions && llvm-profdata merge -o replay.profdata replay.profraw
	@cd build/coverage && llvm-cov report cpp/fuzz/kinfast_replay -instr-profile=replay.profdata \
	  -ignore-filename-regex='/cpp/(fuzz|include|src/image)/'

docs: setup-dev ## Make the pages and pictures in docs/ that are made by commands
	python docs/make_docs.py

clean: ## Remove what was built
	rm -rf build $(VENV) dist
