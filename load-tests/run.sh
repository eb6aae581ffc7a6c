#!/usr/bin/env bash
# Loads a running demo: run.sh [SCRIPT...]. Scripts are wrk, oha, journey, mixed, ramp, spike and
# soak; without any, all of them one after the other, which takes about five minutes.
# TARGET, ALLOW_REMOTE, DURATION (seconds for a row of wrk and oha), K6_DURATION (such as 15m), RATE,
# CONNECTIONS and SESSIONS go to the scripts.
set -euo pipefail
cd "$(dirname "$0")"
. ./target.sh

check_target
need curl "apt-get install -y curl"
need_answer
[ $# -gt 0 ] || set -- wrk oha journey mixed ramp spike soak

# Where `go install` puts programs.
PATH=$PATH:$(go env GOPATH 2>/dev/null || echo "$HOME/go")/bin
for script in "$@"; do
	case "$script" in
	wrk) need wrk "apt-get install -y wrk" ;;
	oha) need oha "cargo install --locked oha" ;;
	journey | mixed | ramp | spike | soak) need k6 "go install go.k6.io/k6@latest" ;;
	*) fail "there is no script $script; there are wrk, oha, journey, mixed, ramp, spike, soak" ;;
	esac
done

export TARGET ALLOW_REMOTE=${ALLOW_REMOTE:-}
failed=()
for script in "$@"; do
	echo "== $script"
	case "$script" in
	wrk | oha) "./$script/rows.sh" || failed+=("$script") ;;
	# k6 takes its variables from the environment only where it is told their names. No script
	# may hang for ever.
	*)
		variables=(-e "TARGET=$TARGET" -e "ALLOW_REMOTE=$ALLOW_REMOTE")
		for name in RATE PEAK SESSIONS; do
			[ -z "${!name:-}" ] || variables+=(-e "$name=${!name}")
		done
		[ -z "${K6_DURATION:-}" ] || variables+=(-e "DURATION=$K6_DURATION")
		timeout --kill-after=10 "${LIMIT:-1800}" k6 run --no-usage-report --no-summary-color \
			"${variables[@]}" "k6/$script.js" || failed+=("$script")
		;;
	esac
done
[ ${#failed[@]} -eq 0 ] || fail "failed: ${failed[*]}"
