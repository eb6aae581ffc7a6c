#!/usr/bin/env bash
# Draws where the gateway's time goes on the warm path: flame.sh NAME [COMMIT] writes
# load-tests/results/NAME.svg of this tree, or of another commit of this repository.
# SECONDS_OF_SAMPLES: for how long. The build has frame pointers and a folder of its own.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "flame: $*" >&2
	exit 1
}

name=${1:?"flame.sh NAME [COMMIT]"}
commit=${2:-}
seconds=${SECONDS_OF_SAMPLES:-15}
[[ "$name" =~ ^[A-Za-z0-9._-]+$ ]] || fail "NAME becomes a file's name: letters, digits, . _ -"

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/flame"
target=$(cd "$target" && pwd)
command -v perf >/dev/null || fail "perf is missing; install it: apt-get install -y linux-perf"
[ -x "$target/release/bench" ] || fail "bench is missing; build it: cargo build --release -p tokenbridge-bench"
inferno=$(load-tests/tools.sh inferno)

source=$PWD
if [ -n "$commit" ]; then
	source=$target/flame/source
	trap 'git worktree remove --force "$source"' EXIT
	git worktree add --quiet --detach "$source" "$commit"
fi
# perf follows frame pointers; without them it knows no caller.
(
	cd "$source"
	CARGO_TARGET_DIR=$target/flame RUSTFLAGS="-C force-frame-pointers=yes" \
		CFLAGS="-fno-omit-frame-pointer" "${CARGO:-cargo}" build --release --locked --bin tokenbridge
)

data=$(mktemp)
trap 'rm -f "$data" "$data".*; [ -z "$commit" ] || git worktree remove --force "$source"' EXIT
"$target/release/bench" profile --program "$target/flame/release/tokenbridge" --seconds "$seconds" --output "$data"
perf script --no-inline -i "$data" 2>/dev/null >"$data.script"
"$inferno/inferno-collapse-perf" --all "$data.script" >"$data.folded"
[ -s "$data.folded" ] || fail "perf has no samples; may this user record? (kernel.perf_event_paranoid)"
# What is too narrow to read only makes the file large.
"$inferno/inferno-flamegraph" --minwidth "${MINWIDTH:-0.2}" --hash \
	--title "Warm path, ${commit:-$(git describe --always --dirty)}" \
	--subtitle "requests of cached sessions, 64 connections; perf cpu-clock, $seconds s; widths are CPU time" \
	"$data.folded" >"load-tests/results/$name.svg"
echo "written: load-tests/results/$name.svg ($(wc -c <"load-tests/results/$name.svg") bytes)"
