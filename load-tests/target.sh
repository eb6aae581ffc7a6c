# What every load script begins with: where it may go, what it needs, and a login. To be sourced.

TARGET=${TARGET:-http://localhost:8080}
CONNECTIONS=${CONNECTIONS:-64}
DURATION=${DURATION:-5}
# The program of load-tests/bench; cargo takes a relative folder from the project's own.
target_folder=${CARGO_TARGET_DIR:-target}
case "$target_folder" in
/*) ;;
*) target_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/$target_folder ;;
esac
bench=$target_folder/release/bench

fail() {
	echo "load-test: $*" >&2
	exit 1
}

# A host and port of this machine.
here='(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?'

# A load test is an attack on whoever did not ask for it.
check_target() {
	case "$TARGET" in
	*@*) fail "$TARGET holds user information: say where it leads" ;;
	esac
	[ "${ALLOW_REMOTE:-}" = 1 ] || [[ "$TARGET" =~ ^http://$here$ ]] ||
		fail "$TARGET is not on this machine; set ALLOW_REMOTE=1 if you may load it"
}

# A login loads the provider as well.
check_provider() { # URL to which a login leads
	[ "${ALLOW_REMOTE:-}" = 1 ] && return
	[[ "$1" =~ ^https?://$here(/|$) ]] ||
		fail "logins lead to ${1:-nowhere}, which is not on this machine; set ALLOW_REMOTE=1 if you may load it"
}

check_duration() {
	[[ "$DURATION" =~ ^[0-9]+$ ]] && [ "$DURATION" -ge 1 ] && [ "$DURATION" -le 600 ] ||
		fail "DURATION is 1 to 600 seconds"
}

need() { # tool, the command that installs it
	command -v "$1" >/dev/null || fail "$1 is missing; install it: $2"
}

need_answer() {
	curl -fsS -o /dev/null "$TARGET/" || fail "nothing answers at $TARGET: run \`make run\` first"
}

# The session cookie of a user who has just logged in, as `name=value`.
log_in() { # user, password
	local jar page provider action request
	check_provider "$(curl -fsS -o /dev/null -w '%{redirect_url}' "$TARGET/auth/login?return_to=/")"
	jar=$(mktemp)
	page=$(curl -fsSL -c "$jar" -b "$jar" -w '\n%{url_effective}' "$TARGET/auth/login?return_to=/")
	provider=$(tail -1 <<<"$page" | sed -E 's#^(https?://[^/]+).*#\1#')
	check_provider "$provider/"
	action=$(sed -nE 's/.*<form[^>]*action="([^"]*)".*/\1/p' <<<"$page" | head -1)
	request=$(sed -nE 's/.*name="request" value="([^"]*)".*/\1/p' <<<"$page" | head -1)
	curl -fsSL -c "$jar" -b "$jar" -o /dev/null --data-urlencode "request=$request" \
		-d "username=$1" -d "password=$2" "$provider$action"
	awk '$6 ~ /bff_session$/ { print $6 "=" $7 }' "$jar"
	rm -f "$jar"
}

# A row counts only if the answer is right before and after it.
expect() { # name, path, cookie, status
	local got
	got=$(curl -s -o /dev/null -w '%{http_code}' ${3:+-H "Cookie: $3"} "$TARGET$2")
	[ "$got" = "$4" ] || fail "$1: $2 answered $got, not $4"
}
