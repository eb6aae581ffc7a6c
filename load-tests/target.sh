# What every load script begins with: where it may go, what it needs, and a login. To be sourced.

TARGET=${TARGET:-http://localhost:8080}
TARGET=${TARGET%/}
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
	[ "${ALLOW_REMOTE:-}" = 1 ] || [[ "$TARGET" =~ ^https?://$here$ ]] ||
		fail "$TARGET is not on this machine; set ALLOW_REMOTE=1 if you may load it"
}

# A login loads the provider as well.
check_provider() { # URL to which a login leads
	[ "${ALLOW_REMOTE:-}" = 1 ] && return
	[[ "$1" =~ ^https?://$here(/|$) ]] ||
		fail "logins lead to ${1:-nowhere}, which is not on this machine; set ALLOW_REMOTE=1 if you may load it"
}

check_number() { # name of a variable, least, greatest, a value that is right
	local value=${!1}
	[[ "$value" =~ ^[0-9]{1,9}$ ]] && [ "$((10#$value))" -ge "$2" ] && [ "$((10#$value))" -le "$3" ] ||
		fail "$1 is \"$value\" and has to be a whole number from $2 to $3: set $1=$4, or leave it out"
}

# All numbers that a script takes, so that none of them ends a tool minutes later.
check_numbers() {
	check_number CONNECTIONS 1 10000 64
	check_number DURATION 1 600 5
	[ -z "${RATE:-}" ] || check_number RATE 1 100000 500
	[ -z "${PEAK:-}" ] || check_number PEAK 1 100000 600
	[ -z "${SESSIONS:-}" ] || check_number SESSIONS 1 65535 1000
	[ -z "${LASTS:-}" ] || check_number LASTS 1 3600 60
	[ -z "${LATENCY:-}" ] || check_number LATENCY 1 600000 500
	[ -z "${LIMIT:-}" ] || check_number LIMIT 1 86400 1800
}

need() { # tool, the command that installs it
	command -v "$1" >/dev/null || fail "$1 is missing; install it: $2"
}

need_answer() {
	local hint="run \`make run\` first"
	[[ "$TARGET" != https:* ]] || hint="$hint; its certificate is trusted once SSL_CERT_FILE names a file with it"
	# For curl another variable comes before the one that all others go by.
	[ -z "${SSL_CERT_FILE:-}" ] || export CURL_CA_BUNDLE=$SSL_CERT_FILE
	curl -fsS -o /dev/null "$TARGET/" || fail "nothing answers at $TARGET: $hint"
}

# Follows redirects and looks where each one leads before it goes there. The last page, and its
# address in one more line.
follow() { # cookie jar, URL, more arguments of curl for the first request
	local jar=$1 url=$2 page next
	shift 2
	page=$(mktemp)
	for _ in {1..20}; do
		check_provider "$url"
		next=$(curl -fsS -c "$jar" -b "$jar" -o "$page" -w '%{redirect_url}' "$@" "$url") || break
		# Behind a redirect there is a GET.
		set --
		[ -n "$next" ] || break
		url=$next
	done
	cat "$page"
	rm -f "$page"
	printf '\n%s\n' "$url"
}

# The session cookie of a user who has just logged in, as `name=value`.
log_in() { # user, password
	local jar page provider action request
	jar=$(mktemp)
	page=$(follow "$jar" "$TARGET/auth/login?return_to=/") || exit 1
	provider=$(tail -1 <<<"$page" | sed -E 's#^(https?://[^/]+).*#\1#')
	action=$(sed -nE 's/.*<form[^>]*action="([^"]*)".*/\1/p' <<<"$page" | head -1)
	request=$(sed -nE 's/.*name="request" value="([^"]*)".*/\1/p' <<<"$page" | head -1)
	page=$(follow "$jar" "$provider$action" --data-urlencode "request=$request" \
		-d "username=$1" -d "password=$2") || exit 1
	awk '$6 ~ /bff_session$/ { print $6 "=" $7 }' "$jar"
	rm -f "$jar"
}

# A row counts only if the answer is right before and after it.
expect() { # name, path, cookie, status
	local got
	got=$(curl -s -o /dev/null -w '%{http_code}' ${3:+-H "Cookie: $3"} "$TARGET$2")
	[ "$got" = "$4" ] || fail "$1: $2 answered $got, not $4"
}
