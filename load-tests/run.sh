#!/usr/bin/env bash
# Loads a running demo: run.sh [SCRIPT...]. Scripts are wrk, oha, journey, mixed, ramp, spike and
# soak; without any, all of them one after the other, which takes about five minutes.
#
# TARGET        what is loaded; another machine only with ALLOW_REMOTE=1; over https its certificate
#               has to be trusted (SSL_CERT_FILE=cert.pem)
# DURATION      seconds for a row of wrk and oha
# CONNECTIONS   of wrk and oha
# RATE, PEAK    requests per second: RATE of oha, journey, mixed, spike and soak, PEAK of ramp
# SESSIONS      how many log in before mixed, ramp, spike and soak
# LASTS         seconds of journey, mixed and soak
# LATENCY       milliseconds that nearly all requests may take, in place of each script's own bound
# LIMIT         seconds after which a script is ended
# RUNNER        bench (the project's own, built from load-tests/bench) or k6 (load-tests/k6), for
#               the last five scripts
set -euo pipefail
cd "$(dirname "$0")"
. ./target.sh

RUNNER=${RUNNER:-bench}
# No script may hang for ever.
LIMIT=${LIMIT:-1800}

check_numbers
check_target
need curl "apt-get install -y curl"
need_answer
[ $# -gt 0 ] || set -- wrk oha journey mixed ramp spike soak

k6_install="go install go.k6.io/k6@v1.8.1"
for script in "$@"; do
	case "$script" in
	wrk) need wrk "apt-get install -y wrk" ;;
	oha)
		folder=$(./tools.sh oha) || exit 1
		PATH=$folder:$PATH
		;;
	journey | mixed | ramp | spike | soak)
		case "$RUNNER" in
		bench) [ -x "$bench" ] || fail "$bench is missing; build it: cargo build --release -p tokenbridge-bench" ;;
		# Under the AGPL: nothing here installs it unasked. Where `go install` puts programs:
		k6)
			PATH=$PATH:$(go env GOPATH 2>/dev/null || echo "$HOME/go")/bin
			need k6 "$k6_install"
			;;
		*) fail "RUNNER is bench or k6, not $RUNNER" ;;
		esac
		;;
	*) fail "there is no script $script; there are wrk, oha, journey, mixed, ramp, spike, soak" ;;
	esac
done

by_bench() { # script
	local rate=${RATE:-} words=()
	[ "$1" = ramp ] && rate=${PEAK:-}
	[ -z "$rate" ] || words+=(--rate "$rate")
	[ -z "${SESSIONS:-}" ] || words+=(--sessions "$SESSIONS")
	[ -z "${LASTS:-}" ] || words+=(--seconds "$LASTS")
	[ -z "${LATENCY:-}" ] || words+=(--milliseconds "$LATENCY")
	timeout --kill-after=10 "$LIMIT" "$bench" visits --target "$TARGET" "${words[@]}" "$1"
}

by_k6() { # script
	# k6 takes its variables from the environment only where it is told their names.
	local name words=(-e "TARGET=$TARGET" -e "ALLOW_REMOTE=$ALLOW_REMOTE")
	for name in RATE PEAK SESSIONS LATENCY; do
		[ -z "${!name:-}" ] || words+=(-e "$name=${!name}")
	done
	[ -z "${LASTS:-}" ] || words+=(-e "DURATION=${LASTS}s")
	timeout --kill-after=10 "$LIMIT" k6 run --no-usage-report --no-color "${words[@]}" "k6/$1.js"
}

export TARGET PATH ALLOW_REMOTE=${ALLOW_REMOTE:-}
failed=()
for script in "$@"; do
	echo "== $script"
	case "$script" in
	wrk | oha) "./$script/rows.sh" || failed+=("$script") ;;
	*) "by_$RUNNER" "$script" || failed+=("$script") ;;
	esac
done
[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}"
echo "All bounds hold: $*"
