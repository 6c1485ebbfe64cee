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
packages=$(dirname "$0")/packages.sh
"$packages" postgresql-common
grep -qx "create_main_cluster = false" /etc/postgresql-common/createcluster.conf ||
	echo "create_main_cluster = false" >>/etc/postgresql-common/createcluster.conf
"$packages" postgresql
folder || unable "the package postgresql brought none"
