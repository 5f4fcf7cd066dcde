# Two commands set everything up on a machine with Rust, cargo and Python 3's pip:
#   make demo   runs the main job on the samples with real weights
#   make test   formatting, lints, docs and all tests, without the network
# The build directory lies outside the checkout: the Candle stack takes minutes to build and is the same for every clone.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/tlumach/target
TLUMACH = $(CARGO_TARGET_DIR)/release/tlumach
MODELS = $(HOME)/.cache/tlumach/test-weights

.PHONY: demo test test-models test-browser test-engines fuzz build clean-cache

build:
	cargo build --release --locked

demo: build
	@TLUMACH="$(TLUMACH)" sh tools/demo.sh

test:
	cargo fmt --check
	cargo clippy --locked --all-targets --features real-weights,browser,engines -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps --lib --quiet
	cargo test --locked

# Fetches opus-mt en-fr and fr-en, Bergamot's tiny en-pt and pt-en and two Qwen checkpoints through the registry (the Hub, else
# the mirrors), then runs the tests that need real weights.
test-models: build
	@TLUMACH="$(TLUMACH)" WEIGHTS="$(MODELS)" sh tools/test-weights.sh
	TLUMACH_TEST_WEIGHTS="$(MODELS)" cargo test --locked --release --features real-weights --test models -- --test-threads=1

# The features of both are the same, so that the library is built once for them.
# Opens review copies in Chromium, headless; fetches Debian's packages of it where they are not there and can be.
test-browser:
	@sh tools/browser.sh
	cargo test --locked --features browser,engines --test browser

# Runs the examples of tools/engines with Ray, Spark and GNU parallel; fetches them from their registries where they are not there.
test-engines:
	@sh tools/engines.sh
	cargo test --locked --features browser,engines --test engines -- --test-threads=1

# Half an hour of damaged models, vocabularies and shortlists each; `make test` tries some hundreds.
fuzz:
	TLUMACH_FUZZ_SECONDS=1800 cargo test --locked --release --test fuzz -- --nocapture

clean-cache:
	rm -rf "$(CARGO_TARGET_DIR)"
