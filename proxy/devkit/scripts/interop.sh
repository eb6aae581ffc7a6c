#!/usr/bin/env bash
# Runs the gateway against OpenID providers that are not ours: interop.sh PROVIDER...
# Brings each provider from its package registry into target/interop, then runs its tests.
set -euo pipefail
cd "$(dirname "$0")/../../.."

target=${CARGO_TARGET_DIR:-target}
mkdir -p "$target/interop"
interop=$(cd "$target/interop" && pwd)
sources=proxy/devkit/interop
keycloak_version=${KEYCLOAK_VERSION:-26.7.3}
# Seconds for the tests of one provider, compiling them included.
limit=1800
runner=

fail() {
	printf '%s\n' "$@" >&2
	exit 1
}

need_node() {
	local hint="Install Node.js 20 or newer with npm (Debian 13: apt-get install nodejs npm)."
	command -v node >/dev/null && command -v npm >/dev/null || fail "oidc-provider needs Node.js." "$hint"
	node -e 'process.exit(process.versions.node.split(".")[0] >= 20 ? 0 : 1)' ||
		fail "oidc-provider needs Node.js 20 or newer; this is $(node --version)." "$hint"
}

bring_oidc_provider() {
	need_node
	local folder=$interop/oidc-provider
	mkdir -p "$folder"
	cp "$sources"/oidc-provider/*.mjs "$sources"/oidc-provider/package.json "$folder"
	if ! cmp -s "$sources/oidc-provider/package-lock.json" "$folder/package-lock.json" || [ ! -d "$folder/node_modules" ]; then
		cp "$sources/oidc-provider/package-lock.json" "$folder"
		# A folder that was left half installed must not pass for a whole one.
		(cd "$folder" && npm ci --silent --no-audit --no-fund) || {
			rm -f "$folder/package-lock.json"
			fail "npm could not install oidc-provider."
		}
	fi
	# The gateway's own key pair, for the runs with private_key_jwt.
	if [ ! -s "$folder/client-public.pem" ]; then
		(cd "$folder" && umask 077 && openssl genpkey -quiet -algorithm RSA -out client-key.pem &&
			openssl pkey -in client-key.pem -pubout -out client-public.pem)
	fi
	export INTEROP_OIDC_PROVIDER=$folder
}

need_java() {
	local hint="Install Java 17 or newer, Maven and util-linux (Debian: apt-get install openjdk-17-jre-headless maven util-linux; on Debian 13 openjdk-21-jre-headless)."
	command -v java >/dev/null && command -v mvn >/dev/null && command -v setpriv >/dev/null ||
		fail "Keycloak needs Java, Maven and setpriv." "$hint"
	local version
	version=$(java -version 2>&1 | sed -nE '1s/.* version "([0-9]+).*/\1/p')
	[ "${version:-0}" -ge 17 ] || fail "Keycloak needs Java 17 or newer; this is Java ${version:-of an unknown version}." "$hint"
}

bring_keycloak() {
	need_java
	local folder=$interop/keycloak-$keycloak_version
	if [ ! -e "$folder/version.txt" ]; then
		rm -rf "$folder" "$interop/keycloak-unpacked"
		(cd "$interop" && mvn -q -B dependency:unpack -DoutputDirectory="$interop/keycloak-unpacked" \
			-Dartifact="org.keycloak:keycloak-quarkus-dist:$keycloak_version:zip") ||
			fail "Maven could not bring Keycloak $keycloak_version."
		mv "$interop/keycloak-unpacked/keycloak-$keycloak_version" "$folder"
		rm -rf "$interop/keycloak-unpacked"
		chmod +x "$folder/bin/kc.sh"
	fi
	mkdir -p "$folder/data/import"
	cp "$sources/keycloak/realm.json" "$folder/data/import/interop-realm.json"
	export INTEROP_KEYCLOAK=$folder
}

# The tests' own process group gets the signal, so that no provider outlives them.
run_tests() { # a name that the tests' names begin with
	timeout --kill-after=10 "$limit" "${CARGO:-cargo}" test --workspace --locked --test gateway \
		-- --ignored --nocapture --test-threads=1 "interop::$1::" &
	runner=$!
	wait "$runner"
	runner=
}
trap '[ -z "$runner" ] || kill "$runner" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

[ $# -gt 0 ] || fail "interop.sh: name a provider: oidc-provider, keycloak"
for provider in "$@"; do
	case "$provider" in
	oidc-provider) bring_oidc_provider ;;
	keycloak) bring_keycloak ;;
	*) fail "interop.sh: unknown provider $provider; there are oidc-provider and keycloak" ;;
	esac
done
for provider in "$@"; do
	echo "== $provider"
	run_tests "${provider//-/_}"
done
