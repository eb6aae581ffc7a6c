#!/usr/bin/env bash
# Loads a running demo with oha at a fixed rate, so that a pause of the gateway is charged for
# every request that had to wait (no coordinated omission): rows.sh.
# RATE (requests per second), LATENCY (milliseconds that 99 of 100 answers may take), DURATION,
# CONNECTIONS, TARGET and ALLOW_REMOTE: see ../run.sh.
set -euo pipefail
cd "$(dirname "$0")/.."
. ./target.sh
. ./cold.sh

RATE=${RATE:-500}
LATENCY=${LATENCY:-500}

check_numbers
check_target
need oha "cargo install --locked oha"
need curl "apt-get install -y curl"
need_answer
cookie=$(log_in alice wonderland)
[ -n "$cookie" ] || fail "the login as alice gave no session"

# A value of oha's JSON, which has one value a line.
value() { # section, name
	awk -v section="\"$1\"" -v name="\"$2\"" \
		'index($0, section) { inside = 1 } inside && index($0, name) { gsub(/[",]/, "", $2); print $2; exit }' <<<"$output"
}

row() { # name, path, cookie, status
	expect "$@"
	local output count p99
	output=$(oha --no-tui --output-format json -q "$RATE" --latency-correction -c "$CONNECTIONS" \
		--redirect 0 -z "${DURATION}s" ${3:+-H "Cookie: $3"} "$TARGET$2") || fail "$1: oha could not load $TARGET$2"
	expect "$@"
	count=$(value statusCodeDistribution "$4")
	[ "${count:-0}" -gt 0 ] || fail "$1: no answer was $4"
	[ "$(grep -cE '^ *"[1-5][0-9][0-9]":' <<<"$output")" = 1 ] || fail "$1: other answers than $4"
	p99=$(value latencyPercentiles p99)
	printf '%-28s %10s %12s %12s %12s\n' "$1" "$count" "$(value latencyPercentiles p50)" \
		"$p99" "$(value latencyPercentiles p99.9)"
	awk -v took="$p99" -v bound="$LATENCY" 'BEGIN { exit !(took * 1000 <= bound) }' ||
		fail "$1: p99 is $p99 s, its bound $LATENCY ms"
}

echo "$RATE requests/s, $CONNECTIONS connections, ${DURATION}s a row; latencies in seconds"
printf '%-28s %10s %12s %12s %12s\n' 'route' 'answers' 'p50' 'p99' 'p99.9'
row 'session, token kept ready' /api/v1/crud/items/1 "$cookie" 200
# Only beside the demo: another machine's gateway cannot be told to keep nothing.
if [ "${ALLOW_REMOTE:-}" != 1 ]; then
	start_cold
	demo=$TARGET TARGET=$cold
	cold_cookie=$(log_in alice wonderland)
	[ -n "$cold_cookie" ] || fail "the login as alice gave no session at $cold"
	row "session, store asked (${STORE:-memory})" /api/v1/crud/items/1 "$cold_cookie" 200
	TARGET=$demo
fi
# An id that nobody has is asked for in the store, and then remembered for a moment.
row '401, an unknown session' /api/v1/crud/items/1 "${cookie%%=*}=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" 401
row '401 without a session' /api/v1/crud/items/1 '' 401
