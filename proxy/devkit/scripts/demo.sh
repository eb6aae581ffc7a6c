#!/usr/bin/env bash
# Serves the demo in the foreground: development provider, backends and app (devkit), the gateway,
# and with STORE=redis a Redis where none answers. Ctrl-C ends all of it.
set -euo pipefail
cd "$(dirname "$0")/../../.."

CONF=${CONF:-conf}
STORE=${STORE:-memory}
REDIS_URL=${REDIS_URL:-redis://127.0.0.1:6379}
export STORE REDIS_URL
scripts=proxy/devkit/scripts
target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/demo"
state=$(cd "$target/demo" && pwd)
processes=()

finish() {
	trap - EXIT INT TERM
	for process in "${processes[@]}"; do kill "$process" 2>/dev/null || true; done
	wait 2>/dev/null || true
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

start_redis() {
	"$scripts/tools.sh" redis demo
	local address=${REDIS_URL#*://}
	address=${address##*@}
	address=${address%%/*}
	local host=${address%:*} port=${address##*:}
	[ "$host" = "$address" ] && port=6379
	if redis-cli -u "$REDIS_URL" ping >/dev/null 2>&1; then
		echo "Using the Redis at $host:$port"
	else
		case "$host" in
		127.0.0.1 | localhost) ;;
		*)
			echo "No Redis answers at $host:$port, and one can be started on this machine only." >&2
			exit 1
			;;
		esac
		mkdir -p "$state/redis"
		redis-server --bind 127.0.0.1 --port "$port" --dir "$state/redis" --appendonly yes \
			--maxmemory-policy noeviction --logfile "$state/redis/log" &
		processes+=($!)
		echo "Started a Redis at 127.0.0.1:$port"
	fi
	# The demo's key is made once on this machine and never committed.
	if [ ! -s "$CONF/.keys/demo" ]; then
		mkdir -p "$CONF/.keys"
		(umask 077 && echo "demo:$(openssl rand -base64 32)" >"$CONF/.keys/demo")
	fi
}

running() { kill -0 "$1" 2>/dev/null; }

wait_for() { # URL, process, name
	for _ in $(seq 300); do
		# Somebody else may answer at the same address, so the process is looked at first and last.
		if running "$2" && curl -fsS -o /dev/null "$1" 2>/dev/null && sleep 0.2 && running "$2"; then return; fi
		if ! running "$2"; then
			echo "$3 did not start: see above" >&2
			exit 1
		fi
		sleep 0.1
	done
	echo "$3 does not answer at $1" >&2
	exit 1
}

case "$STORE" in
memory) ;;
redis) start_redis ;;
*)
	echo "STORE is memory or redis, not $STORE" >&2
	exit 2
	;;
esac
"$scripts/tools.sh" demo

"$target/release/devkit" --config "$CONF/idp" &
processes+=($!)
wait_for http://localhost:8081/.well-known/openid-configuration $! "The development provider"
"$target/release/tokenbridge" run --config "$CONF" &
gateway=$!
processes+=("$gateway")
wait_for http://127.0.0.1:9901/ready "$gateway" "The gateway"

cat <<TEXT

  Demo               http://localhost:8080/        log in as alice / wonderland or bob / builder
  Provider           http://localhost:8081/
  Health, metrics    http://127.0.0.1:9901/health  http://127.0.0.1:9901/metrics
  Store              $STORE

  Ctrl-C ends everything.

TEXT
# The gateway alone may be stopped and started again by hand; the rest stays until Ctrl-C.
status=0
wait "$gateway" || status=$?
echo "The gateway has ended ($status). Start it again with: STORE=$STORE REDIS_URL=$REDIS_URL $target/release/tokenbridge run --config $CONF"
wait
exit "$status"
