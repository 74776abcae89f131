# Makefile: the two commands of the README, and what lies behind them (Meson).
#   make demo    install what is missing, build, swap the faces of two synthetic actors
#   make test    install what is missing, build, run all tests
#   make         build only        make install PREFIX=/usr/local
BUILD ?= build
PREFIX ?= /usr/local
DESTDIR ?=
JOBS ?= $(shell nproc)

all: build

deps:
	@tools/deps.sh

$(BUILD)/build.ninja:
	meson setup $(BUILD) --prefix=$(PREFIX) --libdir=lib --buildtype=release -Db_ndebug=false

build: deps $(BUILD)/build.ninja
	ninja -C $(BUILD) -j $(JOBS)

demo: build
	$(BUILD)/cli/likeness demo

test: build
	@tools/run_tests.sh $(BUILD)

install: $(BUILD)/build.ninja
	meson configure $(BUILD) -Dprefix=$(PREFIX)
	DESTDIR=$(DESTDIR) meson install -C $(BUILD)

clean:
	rm -rf $(BUILD) build-asan build-clang

.PHONY: all deps build demo test install clean
