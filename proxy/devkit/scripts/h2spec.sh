#!/usr/bin/env bash
# Runs the conformance suite for HTTP/2 at the gateway's TLS listener, where Go is there to build it.
set -euo pipefail
cd "$(dirname "$0")/../../.."

version=v2.2.1+incompatible
if ! command -v go >/dev/null; then
	echo "Skipped: the conformance suite for HTTP/2 (h2spec). Go builds it (Debian: apt-get install golang-go)."
	exit 0
fi
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/tools"
tools=$(cd "$target/tools" && pwd)
if [ ! -x "$tools/h2spec-$version/h2spec" ]; then
	echo "Building h2spec $version"
	GOBIN=$tools/h2spec-$version go install "github.com/summerwind/h2spec/cmd/h2spec@$version" || {
		echo "Go could not build h2spec." >&2
		exit 1
	}
fi
H2SPEC=$tools/h2spec-$version/h2spec exec "${CARGO:-cargo}" test --workspace --locked --test gateway \
	-- --ignored --nocapture h2spec::
