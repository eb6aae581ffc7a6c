# A second gateway beside the demo, whose session cache keeps nothing: every request asks the
# store. To be sourced after target.sh. It ends with the script that started it.

# Starts it; its origin is then in `cold`.
start_cold() {
	local conf=${CONF:-conf} gateway number=0
	case "$conf" in
	/*) ;;
	*) conf=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/$conf ;;
	esac
	gateway=$target_folder/release/tokenbridge
	[ -x "$gateway" ] || fail "$gateway is missing; build it: make build"
	cold_folder=$(mktemp -d)
	trap 'kill "${cold_process:-}" 2>/dev/null; rm -rf "$cold_folder"' EXIT
	cp -r "$conf/." "$cold_folder"
	# `listen` may be a list, and a size may be set already.
	sed -i -E -e '/^listen:/,/^[a-z]/{/^[ -]/d}' -e '/^ +cache_size:/d' "$cold_folder/settings.yaml"
	sed -i -E -e 's|^public_url:.*|public_url: http://localhost:8090|' -e 's|^listen:.*|listen: 127.0.0.1:8090|' \
		-e 's|^admin:.*|admin: 127.0.0.1:9991|' -e 's|^session:.*|&\n  cache_size: 1B|' "$cold_folder/settings.yaml"
	LOG_LEVEL=warn STORE=${STORE:-memory} "$gateway" run --config "$cold_folder" >"$cold_folder/log" 2>&1 &
	cold_process=$!
	until curl -fsS -o /dev/null http://127.0.0.1:9991/ready 2>/dev/null; do
		number=$((number + 1))
		kill -0 "$cold_process" 2>/dev/null && [ "$number" -lt 100 ] ||
			fail "the gateway without a session cache did not start: $(tail -3 "$cold_folder/log")"
		sleep 0.1
	done
	cold=http://localhost:8090
}
