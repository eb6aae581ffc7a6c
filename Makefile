# The commands that a person needs. `make run` serves the demo; `make test`, `make soak` and
# `make interop` are what CI runs (.ci/run).

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
BUILDS := $(or $(CARGO_TARGET_DIR),target)
ROUNDS ?= 5
# The rows of `make bench-shapes`, by a part of their names; empty: all.
ONLY ?=
# The picture that `make flame` draws, and of which commit; empty: this tree.
NAME ?= warm-path
COMMIT ?=

DIST := --profile dist --locked -p tokenbridge -p tokenbridge-bare
# The compiler lays the deployed build out by what was hot under load; `make train` looks anew.
GUIDED := RUSTFLAGS="$(strip $(RUSTFLAGS) -Cprofile-use=$(CURDIR)/deploy/dist.profdata)"

.PHONY: help run build dist test soak simulate bench bench-peers bench-scale bench-shapes train flame load-test interop check fmt clean

help:
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14

run: build ## serve the demo in the foreground (STORE=redis, CONF=folder)
	@$(SCRIPTS)/demo.sh

build: ## build target/release/tokenbridge and target/release/devkit
	@$(SCRIPTS)/tools.sh build
	$(CARGO) build --release --locked --bin tokenbridge --bin devkit

dist: ## build target/dist/tokenbridge as it is deployed (ten minutes)
	@$(SCRIPTS)/tools.sh build
	$(GUIDED) $(CARGO) build $(DIST) --bin tokenbridge

test: ## formatting, lints and all tests, HTTP/2's conformance and a real browser among them
	@$(SCRIPTS)/tools.sh build redis nginx bench load
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
	@$(SCRIPTS)/tools.sh build redis timing bench
	$(GUIDED) $(CARGO) build $(DIST) --bin tokenbridge --bin bare-same
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(BUILDS)/release/bench run --dist $(BUILDS)/dist --release $(BUILDS)/release \
		--rounds $(ROUNDS) --results load-tests/results/$$(date +%F)

bench-peers: ## the gateway beside nginx, HAProxy, oauth2-proxy and mod_auth_openidc, in one run
	@$(SCRIPTS)/tools.sh build redis timing peers
	@load-tests/tools.sh oauth2-proxy
	$(GUIDED) $(CARGO) build $(DIST) --bin tokenbridge --bin bare-same
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	PATH="$$(load-tests/tools.sh oauth2-proxy):$$PATH" $(BUILDS)/release/bench peers --all \
		--dist $(BUILDS)/dist --release $(BUILDS)/release \
		--rounds $(ROUNDS) --results load-tests/results/$$(date +%F)-peers

bench-scale: ## a million sessions in Redis beside a thousand, replicas and clusters (ten minutes, 6 GB)
	@$(SCRIPTS)/tools.sh build redis timing
	$(GUIDED) $(CARGO) build $(DIST) --bin tokenbridge
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(BUILDS)/release/bench scale --dist $(BUILDS)/dist --rounds $(ROUNDS) \
		--results load-tests/results/$$(date +%F)-scale

bench-shapes: ## thread shapes, allocators, buffers, pools and builds of a bare proxy (ONLY="a row's name": only that)
	@$(SCRIPTS)/tools.sh build redis timing
	$(CARGO) build --profile dist-unguided --locked -p tokenbridge -p tokenbridge-bare \
		--features tokenbridge-bare/jemalloc --bin bare-same --bin bare-glibc --bin bare-jemalloc
	$(GUIDED) $(CARGO) build $(DIST) --bin bare-same
	$(CARGO) build --profile dist-thin --locked -p tokenbridge -p tokenbridge-bare --bin bare-same
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	$(BUILDS)/release/bench shapes --builds $(BUILDS) --rounds $(ROUNDS) \
		$(if $(ONLY),--only "$(ONLY)",--results load-tests/results/$$(date +%F)-shapes)

train: ## run a build that counts under the load of `make bench`, and write deploy/dist.profdata (20 minutes)
	@$(SCRIPTS)/tools.sh build redis timing bench $(if $(PROFDATA),,train)
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	@load-tests/train.sh

flame: ## flame graph of the warm path in load-tests/results (NAME=file, COMMIT=an older one)
	@$(SCRIPTS)/tools.sh build redis timing flame
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	@load-tests/flame.sh $(NAME) $(COMMIT)

load-test: ## load the running demo with wrk, oha and users of its own (LOAD="wrk mixed": only those)
	@$(SCRIPTS)/tools.sh build load
	$(CARGO) build --release --locked -p tokenbridge-bare -p tokenbridge-bench --bins
	@load-tests/run.sh $(LOAD)

check: ## check the configuration in CONF, its provider's files included
	$(CARGO) run --release --locked --quiet --bin tokenbridge -- check --config $(CONF) --idp $(CONF)/idp

fmt: ## format the code
	$(CARGO) fmt --all

clean: ## remove what was built
	$(CARGO) clean
