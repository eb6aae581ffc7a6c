#!/usr/bin/env bash
# Installs the tools that a group of commands needs, where they are missing: tools.sh build [redis].
set -euo pipefail

declare -A packages=([cc]=gcc [make]=make [cmake]=cmake [redis-server]=redis-server [curl]=curl [openssl]=openssl [wrk]=wrk [nginx]=nginx-light [chromium]=chromium [node]=nodejs [npm]=npm [valgrind]=valgrind [haproxy]=haproxy [apache2]=apache2 [perf]=linux-perf [chrt]=util-linux [llvm-profdata-19]=llvm-19)
# Parts of servers that are no programs, by a file of theirs.
packages+=([/usr/lib/nginx/modules/ngx_http_lua_module.so]=libnginx-mod-http-lua [/usr/share/lua/5.1/nginx/redis.lua]=lua-nginx-redis [/usr/lib/apache2/modules/mod_auth_openidc.so]=libapache2-mod-auth-openidc)
wanted=()
for group in "$@"; do
	case "$group" in
	build)
		wanted+=(cc make cmake)
		command -v "${CARGO:-cargo}" >/dev/null || {
			echo "Missing: cargo. Install it: curl -sSf https://sh.rustup.rs | sh" >&2
			exit 1
		}
		;;
	redis) wanted+=(redis-server) ;;
	load) wanted+=(wrk curl) ;;
	nginx) wanted+=(nginx) ;;
	bench) wanted+=(valgrind) ;;
	timing) wanted+=(chrt) ;;
	peers) wanted+=(nginx /usr/lib/nginx/modules/ngx_http_lua_module.so /usr/share/lua/5.1/nginx/redis.lua haproxy apache2 /usr/lib/apache2/modules/mod_auth_openidc.so) ;;
	flame) wanted+=(perf) ;;
	train) wanted+=(llvm-profdata-19) ;;
	browser) wanted+=(chromium node npm) ;;
	demo) wanted+=(curl openssl) ;;
	*)
		echo "tools.sh: unknown group $group" >&2
		exit 2
		;;
	esac
done

missing=()
# Debian keeps servers where only root's PATH looks.
PATH=$PATH:/usr/sbin
for tool in "${wanted[@]}"; do
	command -v "$tool" >/dev/null || [[ $tool == /* && -e $tool ]] || missing+=("${packages[$tool]}")
done
[ ${#missing[@]} -eq 0 ] && exit 0

by_hand="apt-get install -y ${missing[*]}"
if ! command -v apt-get >/dev/null; then
	echo "Missing: ${missing[*]}. On Debian they are installed by: $by_hand; here, by this system's package manager." >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "Missing: ${missing[*]}. As root: $by_hand" >&2
		exit 1
	fi
	as_root=(sudo)
fi
echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${as_root[@]}" apt-get update -qq || echo "apt-get update failed; the packages known so far are tried." >&2
# A package may start a service of its own on installation; the demo starts what it needs itself.
"${as_root[@]}" env RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null || {
	echo "Missing: ${missing[*]}, and apt-get could not install them. By hand, as root: $by_hand" >&2
	exit 1
}
