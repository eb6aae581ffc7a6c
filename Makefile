# The commands that a person needs. `make run` serves the demo, `make test` and `make interop` are what CI runs.

CONF ?= conf
STORE ?= memory
REDIS_URL ?= redis://127.0.0.1:6379
PROVIDERS ?= oidc-provider keycloak
SEEDS ?= 100000
SEED ?=
export CONF STORE REDIS_URL

SCRIPTS := proxy/devkit/scripts
CARGO ?= cargo

# Where cargo builds, and how often `make bench` measures each row.
TARGET := $(or $(CARGO_TARGET_DIR),target)
ROUNDS ?= 5

.PHONY: help run build test soak simulate bench bench-peers bench-scale load-test interop check fmt clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build ## serve the demo in the foreground (STORE=redis, CONF=folder)
	@$(SCRIPTS)/demo.sh

build: ## build target/release/tokenbridge and target/release/devkit
	@$(SCRIPTS)/tools.sh build
	$(CARGO) build --release --locked --bin tokenbridge --bin devkit

test: ## formatting, lints and all tests, HTTP/2's conformance and a real browser among them
	@$(SCRIPTS)/tools.sh build redis nginx
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	$(CARGO) test --workspace --locked
	@$(SCRIPTS)/h2spec.sh
	@$(SCRIPTS)/browser.sh

soak: ## thousands of slow and idle clients beside a healthy one, in minutes
	@$(SCRIPTS)/tools.sh build redis
	@$(SCRIPTS)/soak.sh

simulate: ## renewals by SEEDS=1000000 seeds, or SEED=n alone with its steps
	@$(SCRIPTS)/tools.sh build
	SIMULATION_SEEDS=$(SEEDS) SIMULATION_SEED=$(SEED) $(CARGO) test --release --locked \
		--package tokenbridge-identity --lib simulation::no_seed -- --nocapture

interop: ## the gateway at real OpenID providers (PROVIDERS=oidc-provider or keycloak: only that one)
	@$(SCRIPTS)/tools.sh build redis demo
	@$(SCRIPTS)/interop.sh $(PROVIDERS)

bench: ## the gateway beside bare Pingora, in one run (ROUNDS=N narrows the spread)
	@$(SCRIPTS)/tools.sh build redis bench
	$(CARGO) build --profile dist --locked -p tokenbridge -p tokenbridge-bare --bin tokenbridge --bin bare-same
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(TARGET)/release/bench run --dist $(TARGET)/dist --release $(TARGET)/release \
		--rounds $(ROUNDS) --results load-tests/results/$$(date +%F)
	$(TARGET)/release/bench due-index

bench-peers: ## the gateway beside nginx, HAProxy, oauth2-proxy and mod_auth_openidc, in one run
	@$(SCRIPTS)/tools.sh build redis
	$(CARGO) build --profile dist --locked -p tokenbridge -p tokenbridge-bare --bin tokenbridge --bin bare-same
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(TARGET)/release/bench peers --all --dist $(TARGET)/dist --release $(TARGET)/release \
		--rounds $(ROUNDS) --results load-tests/results/$$(date +%F)-peers

bench-scale: ## a million sessions in a real Redis beside a thousand (takes about ten minutes and 4 GB)
	@$(SCRIPTS)/tools.sh build redis
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(TARGET)/release/bench scale

load-test: ## load the running demo with wrk, oha and k6, bounded in time (LOAD="wrk mixed": only those)
	@$(SCRIPTS)/tools.sh load
	@load-tests/run.sh $(LOAD)

check: ## check the configuration in CONF, its provider's files included
	$(CARGO) run --release --locked --quiet --bin tokenbridge -- check --config $(CONF) --idp $(CONF)/idp

fmt: ## format the code
	$(CARGO) fmt --all

clean: ## remove what was built
	$(CARGO) clean
