#!/usr/bin/env bash
# Writes deploy/dist.profdata, which guides the deployed build (Makefile, GUIDED): builds the gateway
# and the bare proxy with counters in them, runs `make bench`'s rows on them once, and puts what was
# counted together. The bare proxy is among them so that it is compared with the gateway fairly.
# PROFDATA: the program that reads what the compiler's LLVM counts.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "train: $*" >&2
	exit 1
}

profdata=${PROFDATA:-llvm-profdata-19}
command -v "$profdata" >/dev/null ||
	fail "$profdata is missing; install it: apt-get install -y llvm-19 (or name another of LLVM 19 or newer in PROFDATA)"
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/train"
target=$(cd "$target" && pwd)
bench=$target/release/bench
[ -x "$bench" ] || fail "$bench is missing; build it: cargo build --release -p tokenbridge-bare -p tokenbridge-bench --bins"

counts=$target/train/counts
echo "Building with counters (ten minutes)"
# A folder of its own: what is built with counters is never taken for what is deployed.
CARGO_TARGET_DIR=$target/train RUSTFLAGS="-Cprofile-generate=$counts" "${CARGO:-cargo}" build --profile dist \
	--locked -p tokenbridge -p tokenbridge-bare --bin tokenbridge --bin bare-same
# Build scripts were built with counters as well, and ran.
rm -rf "$counts"
"$bench" run --rounds 1 --dist "$target/train/dist" --release "$target/release"
ls "$counts"/*.profraw >/dev/null 2>&1 || fail "nothing was counted in $counts"
"$profdata" merge --sparse --output "$target/train/dist.profdata" "$counts"
mv "$target/train/dist.profdata" deploy/dist.profdata
echo "written: deploy/dist.profdata ($(wc -c <deploy/dist.profdata) bytes)"
