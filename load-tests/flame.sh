#!/usr/bin/env bash
# Draws where the gateway's time goes on the warm path: flame.sh NAME [COMMIT] writes
# load-tests/results/NAME.svg of this tree, or of another commit of this repository.
# PROFILE: release (default) or dist; PROGRAM: a gateway that is built already, such as what `make dist`
# built, which is what is deployed; TIME: seconds of samples; MINWIDTH: what is narrower, in percent, is left out.
set -euo pipefail
cd "$(dirname "$0")/.."

fail() {
	echo "flame: $*" >&2
	exit 1
}

name=${1:?"flame.sh NAME [COMMIT]"}
commit=${2:-}
profile=${PROFILE:-release}
time=${TIME:-10}
[[ "$name" =~ ^[A-Za-z0-9._-]+$ ]] || fail "NAME becomes a file's name: letters, digits, . _ -"

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target"
target=$(cd "$target" && pwd)
bench=$target/release/bench
command -v perf >/dev/null || fail "perf is missing; install it: apt-get install -y linux-perf"
[ -x "$bench" ] || fail "$bench is missing; build it: cargo build --release -p tokenbridge-bench"
inferno=$(load-tests/tools.sh inferno)

folder=$(mktemp -d)
finish() {
	[ ! -d "$folder/source" ] || git worktree remove --force "$folder/source"
	rm -rf "$folder"
}
trap finish EXIT

program=${PROGRAM:-}
if [ -z "$program" ]; then
	source=$PWD
	if [ -n "$commit" ]; then
		source=$folder/source
		git worktree add --quiet --detach "$source" "$commit"
	fi
	# Crates of others are the same in both, so only ours are built anew.
	(cd "$source" && CARGO_TARGET_DIR=$target "${CARGO:-cargo}" build --profile "$profile" --locked --bin tokenbridge)
	# The next build replaces it.
	program=$folder/tokenbridge
	cp "$target/$profile/tokenbridge" "$program"
fi

"$bench" profile --program "$program" --seconds "$time" --output "$folder/samples"
echo "Looking for the callers of each sample"
perf script --no-inline -i "$folder/samples" >"$folder/script" 2>/dev/null
"$inferno/inferno-collapse-perf" --all "$folder/script" >"$folder/folded"
[ -s "$folder/folded" ] || fail "perf has no samples; may this user record? (kernel.perf_event_paranoid)"
# Threads of the same kind are one; hashes of symbols say nothing.
sed -i -E -e 's/^proxy [0-9]+/proxy/' -e 's/::h[0-9a-f]{16}//g' "$folder/folded"
about=${commit:-$(git describe --always --dirty)}
"$inferno/inferno-flamegraph" --minwidth "${MINWIDTH:-0.3}" --hash \
	--title "Warm path, $about" \
	--subtitle "requests of cached sessions on 64 connections; perf cpu-clock; width is CPU time" \
	"$folder/folded" >"load-tests/results/$name.svg"
echo "written: load-tests/results/$name.svg ($(wc -c <"load-tests/results/$name.svg") bytes)"
