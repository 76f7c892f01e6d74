# A thin file over CMakePresets.json. Each target does its own set-up and can be run again.
.DEFAULT_GOAL := build
.PHONY: setup build package dev demo test check accept format layers words tidy bench fuzz soak acceptance optimised coverage docs clean

FUZZ_SECONDS ?= 60

# Where nothing is built twice, several files are read as one, of debug information lines are enough, and the faster
# linker is taken.
LINKER := -fuse-ld=lld
UNITY := $(if $(CI),-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=16 -DCMAKE_CXX_FLAGS_DEBUG=-g1 \
           -DCMAKE_EXE_LINKER_FLAGS=$(LINKER) -DCMAKE_MODULE_LINKER_FLAGS=$(LINKER))

setup:
	@tools/setup

# The binary at build/release/ovl.
build: setup
	@cmake --preset release >/dev/null
	@cmake --build --preset release

# build/release/ovl_<version>_<architecture>.deb, looked through.
package: build
	@tools/check-package build/release

demo: build
	@tools/demo build/release/ovl

dev: setup
	@cmake --preset dev $(UNITY) >/dev/null
	@cmake --build --preset dev

test: dev
	@ctest --preset dev

# Cheap checks first.
check: format layers words tidy test

format: setup
	@tools/check-format

layers:
	@tools/check-layers
	@tools/shape

words:
	@tools/check-words
	@tools/check-commits

tidy: setup
	@tools/tidy

bench: build
	@tools/bench build/release/ovl
	@tools/bench-start build/release/ovl
	@tools/bench-objects build/release
	@tools/bench-keystores build/release
	@tools/bench-revisions build/release
	@tools/bench-roundtrip build/release

fuzz: setup
	@cmake --preset fuzz >/dev/null
	@cmake --build --preset fuzz
	@tools/fuzz build/fuzz $(FUZZ_SECONDS)

# Takes over what golden tests print now; they then report themselves skipped.
accept: dev
	@OVL_ACCEPT=1 ctest --preset dev -R Golden

# All that CI has no time for, on the commit that is checked out; bench/ACCEPTANCE.md says how it went.
acceptance: optimised
	@tools/build-previous
	@tools/acceptance

optimised: setup
	@cmake --preset acceptance >/dev/null
	@cmake --build --preset acceptance

# The laws again, with a hundred times the cases.
soak: optimised
	@ctest --preset soak
	@ctest --preset acceptance -R 'Endurance|faults'
	@OVL_HOSTILE_COUNT=20000 ctest --preset acceptance -R HostileTree

coverage: setup
	@cmake --preset coverage >/dev/null
	@cmake --build --preset coverage
	@ctest --preset coverage
	@tools/coverage build/coverage

docs: build
	@tools/check-docs build/release/ovl

clean:
	@rm -rf build
