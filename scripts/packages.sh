#!/bin/sh
# Installs the Debian packages that are named, where they can be: for tests on a machine that has nothing yet.
# One at a time, as tests run side by side and apt's lists have no lock to wait for. Prints nothing but why it cannot.
set -eu

unable() {
	echo "Unable to install $packages: $1. Install it by hand." >&2
	exit 1
}

packages=$*
command -v apt-get >/dev/null || unable "there is no apt-get to do it with"
[ "$(id -u)" = 0 ] || unable "only root can"
folder=${XDG_CACHE_HOME:-$HOME/.cache}/cdktf-passthrough
mkdir -p "$folder"
exec 9>"$folder/packages.lock"
# A fresh machine may lack it; then nothing else of ours runs yet.
if command -v flock >/dev/null; then flock 9; fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq &&
		apt-get install -qq -y --no-install-recommends -o DPkg::Lock::Timeout=300 "$@"
} >"$log" 2>&1 || unable "apt-get failed: $(tail -n 3 "$log" | tr '\n' ' ')"
