#!/bin/sh
# Prints the folder with PostgreSQL's server programs. Installs Debian's package where they are missing and this is
# root; without a cluster of its own: whoever calls this makes a private one.
set -eu

folder() {
	for candidate in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/local/pgsql/bin /usr/bin; do
		if [ -x "$candidate/initdb" ] && [ -x "$candidate/postgres" ]; then
			echo "$candidate"
			return
		fi
	done
	return 1
}

unable() {
	echo "Unable to find PostgreSQL's server (initdb, postgres): $1. Install it: apt install postgresql, dnf install postgresql-server, or brew install postgresql." >&2
	exit 1
}

folder && exit
command -v apt-get >/dev/null || unable "there is no apt-get to install it with"
[ "$(id -u)" = 0 ] || unable "only root can install it"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
{
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq &&
		apt-get install -qq -y --no-install-recommends postgresql-common &&
		echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf &&
		apt-get install -qq -y --no-install-recommends postgresql
} >"$log" 2>&1 || unable "apt-get failed: $(tail -n 3 "$log" | tr '\n' ' ')"
folder || unable "apt-get has installed none"
