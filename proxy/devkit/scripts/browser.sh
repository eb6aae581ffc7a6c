#!/usr/bin/env bash
# Runs the demo's journey in a real Chromium, driven by playwright-core from the npm registry.
set -euo pipefail
cd "$(dirname "$0")/../../.."

skip() {
	echo "Skipped: the demo in a real browser. $1"
	exit 0
}

proxy/devkit/scripts/tools.sh browser || skip "Chromium, Node.js 20 and npm are needed."
node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' ||
	skip "Node.js 20 or newer is needed; this is $(node --version)."

sources=proxy/devkit/real-browser
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/real-browser"
folder=$(cd "$target/real-browser" && pwd)
cp "$sources"/*.mjs "$sources/package.json" "$folder"
if ! cmp -s "$sources/package-lock.json" "$folder/package-lock.json" || [ ! -d "$folder/node_modules" ]; then
	cp "$sources/package-lock.json" "$folder"
	# A folder that was left half installed must not pass for a whole one.
	(cd "$folder" && npm ci --silent --no-audit --no-fund) || {
		rm -f "$folder/package-lock.json"
		echo "npm could not install playwright-core." >&2
		exit 1
	}
fi
REAL_BROWSER=$folder exec "${CARGO:-cargo}" test --workspace --locked --test gateway \
	-- --ignored --nocapture real_browser::
