#!/usr/bin/env bash
# Builds the tools that Debian does not have, each once in a folder of its own below cargo's target:
# tools.sh NAME... prints the folder of each tool's programs. Names: oha, oauth2-proxy, inferno.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/tools"
tools=$(cd "$target/tools" && pwd)

fail() {
	echo "$*" >&2
	exit 1
}

crate() { # crate, version, program
	local folder=$tools/$1-$2
	local install="cargo install --locked $1@$2"
	if [ ! -x "$folder/bin/$3" ]; then
		command -v "${CARGO:-cargo}" >/dev/null ||
			fail "$3 is missing, and cargo to build it (curl -sSf https://sh.rustup.rs | sh); install it: $install"
		echo "Building $1 $2 (a few minutes, once)" >&2
		# Not in the project's own target, which another build may hold locked.
		CARGO_TARGET_DIR=$tools/build-$1 "${CARGO:-cargo}" install --quiet --locked --root "$folder" \
			"$1@$2" >&2 || fail "$3 could not be built; install it by hand: $install"
		rm -rf "$tools/build-$1"
	fi
	echo "$folder/bin"
}

module() { # module, version, program
	local folder=$tools/$3-$2
	local install="go install $1@$2"
	if [ ! -x "$folder/$3" ]; then
		command -v go >/dev/null ||
			fail "$3 is missing, and Go to build it (apt-get install -y golang-go); install it: $install"
		echo "Building $3 $2 (a few minutes, once)" >&2
		GOBIN=$folder go install "$1@$2" >&2 || fail "$3 could not be built; install it by hand: $install"
	fi
	echo "$folder"
}

for name in "$@"; do
	case "$name" in
	oha) crate oha 1.16.0 oha ;;
	inferno) crate inferno 0.12.8 inferno-flamegraph ;;
	oauth2-proxy) module github.com/oauth2-proxy/oauth2-proxy/v7 v7.15.6 oauth2-proxy ;;
	*) fail "load-tests/tools.sh: unknown tool $name" ;;
	esac
done
