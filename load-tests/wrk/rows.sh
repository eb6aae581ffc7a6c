#!/usr/bin/env bash
# Loads a running demo with wrk, as fast as it answers, and prints one table: rows.sh.
# DURATION (seconds for each row), CONNECTIONS, TARGET and ALLOW_REMOTE: see ../target.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. ./target.sh

check_numbers
check_target
need wrk "apt-get install -y wrk"
need curl "apt-get install -y curl"
need_answer
cookie=$(log_in alice wonderland)
[ -n "$cookie" ] || fail "the login as alice gave no session"

# wrk takes no fewer connections than threads.
threads=$((CONNECTIONS > 1 ? 2 : 1))

row() { # name, path, cookie, status
	expect "$@"
	local output wrong rate p50 p99
	output=$(STATUS=$4 wrk -t "$threads" -c "$CONNECTIONS" -d "${DURATION}s" --latency -s wrk/status.lua \
		${3:+-H "Cookie: $3"} "$TARGET$2") || fail "$1: wrk could not load $TARGET$2: $output"
	expect "$@"
	wrong=$(awk '/^wrong answers:/ { print $3 }' <<<"$output")
	[ "$wrong" = 0 ] || fail "$1: ${wrong:-an unknown number} of the answers were not $4"
	grep -q 'Socket errors' <<<"$output" && fail "$1: $(grep 'Socket errors' <<<"$output" | xargs)"
	rate=$(awk '/Requests\/sec/ { print $2 }' <<<"$output")
	p50=$(awk '$1 == "50%" { print $2 }' <<<"$output")
	p99=$(awk '$1 == "99%" { print $2 }' <<<"$output")
	printf '%-28s %12s %10s %10s\n' "$1" "$rate" "$p50" "$p99"
}

echo "$CONNECTIONS connections, ${DURATION}s a row, client and servers on one machine: compare rows, not machines"
printf '%-28s %12s %10s %10s\n' 'route' 'requests/s' 'p50' 'p99'
row 'session, token kept ready' /api/v1/crud/items/1 "$cookie" 200
row 'no session needed' / '' 200
row '401 without a session' /api/v1/crud/items/1 '' 401
