#!/usr/bin/env bash
# Runs what takes thousands of connections or minutes: soak.sh [PART], a part's name in
# proxy/edge/tests/gateway/soak/. Each part has a bound of its own.
set -euo pipefail
cd "$(dirname "$0")/../../.."

# Both ends of each connection are open files, and a request of a client takes one more.
needed=8192
hard=$(ulimit -Hn)
if [ "$hard" != unlimited ] && [ "$hard" -lt "$needed" ]; then
	echo "make soak needs $needed open files and may have $hard. Raise the hard limit: as root" \
		"\"ulimit -Hn $needed\" in this shell, or a line \"* hard nofile $needed\" in /etc/security/limits.conf." >&2
	exit 1
fi
ulimit -Sn "$needed"
exec "${CARGO:-cargo}" test --workspace --locked --test gateway \
	-- --ignored --nocapture --test-threads=1 "soak::${1:-}"
