#!/usr/bin/env bash
# Loads a running demo (`make run` in another terminal) with wrk and prints one table: run.sh.
# DURATION (seconds for each row), CONNECTIONS and TARGET can be set; a target off this machine is
# refused unless ALLOW_REMOTE=1.
set -euo pipefail
cd "$(dirname "$0")/../.."

TARGET=${TARGET:-http://localhost:8080}
DURATION=${DURATION:-5}
CONNECTIONS=${CONNECTIONS:-64}

fail() {
	echo "load-test: $*" >&2
	exit 1
}

case "$TARGET" in
http://localhost:* | http://127.* | http://\[::1\]:*) ;;
*) [ "${ALLOW_REMOTE:-}" = 1 ] || fail "$TARGET is not on this machine; set ALLOW_REMOTE=1 if you may load it" ;;
esac
[[ "$DURATION" =~ ^[0-9]+$ ]] && [ "$DURATION" -ge 1 ] && [ "$DURATION" -le 60 ] || fail "DURATION is 1 to 60 seconds"
for tool in wrk curl; do
	command -v "$tool" >/dev/null || fail "$tool is missing: apt-get install -y $tool"
done
curl -fsS -o /dev/null "$TARGET/" || fail "nothing answers at $TARGET: run \`make run\` first"

jar=$(mktemp)
trap 'rm -f "$jar"' EXIT
page=$(curl -fsSL -c "$jar" -b "$jar" -w '\n%{url_effective}' "$TARGET/auth/login?return_to=/")
provider=$(tail -1 <<<"$page" | sed -E 's#^(https?://[^/]+).*#\1#')
action=$(sed -nE 's/.*<form[^>]*action="([^"]*)".*/\1/p' <<<"$page" | head -1)
request=$(sed -nE 's/.*name="request" value="([^"]*)".*/\1/p' <<<"$page" | head -1)
curl -fsSL -c "$jar" -b "$jar" -o /dev/null --data-urlencode "request=$request" \
	-d username=alice -d password=wonderland "$provider$action"
cookie=$(awk '$6 ~ /bff_session$/ { print $6 "=" $7 }' "$jar")
[ -n "$cookie" ] || fail "the login as alice gave no session"

# A row counts only if the answers are right before and after it.
expect() { # name, path, cookie, status
	local got
	got=$(curl -s -o /dev/null -w '%{http_code}' ${3:+-H "Cookie: $3"} "$TARGET$2")
	[ "$got" = "$4" ] || fail "$1: $2 answered $got, not $4"
}

row() { # name, path, cookie, status
	expect "$@"
	local output rate p50 p99
	output=$(wrk -t 2 -c "$CONNECTIONS" -d "${DURATION}s" --latency ${3:+-H "Cookie: $3"} "$TARGET$2")
	expect "$@"
	if [ "$4" = 200 ] && grep -q 'Non-2xx' <<<"$output"; then
		fail "$1: $(grep 'Non-2xx' <<<"$output" | xargs)"
	fi
	grep -q 'Socket errors' <<<"$output" && fail "$1: $(grep 'Socket errors' <<<"$output" | xargs)"
	rate=$(awk '/Requests\/sec/ { print $2 }' <<<"$output")
	p50=$(awk '$1 == "50%" { print $2 }' <<<"$output")
	p99=$(awk '$1 == "99%" { print $2 }' <<<"$output")
	printf '%-28s %12s %10s %10s\n' "$1" "$rate" "$p50" "$p99"
}

echo "$CONNECTIONS connections, ${DURATION}s a row, client and servers on one machine: compare rows, not machines"
printf '%-28s %12s %10s %10s\n' 'route' 'requests/s' 'p50' 'p99'
row 'session, token kept ready' /api/v1/crud/items "$cookie" 200
row 'no session needed' / '' 200
row '401 without a session' /api/v1/crud/items '' 401
