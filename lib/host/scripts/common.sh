# shellcheck shell=sh
# shellcheck disable=SC2034 # what is set here is for the others
# What the probe and the change share. Forks are what costs time on a host with a hundred devices, so sysfs is read by
# the shell alone: `read` for attributes, `cd -P` for links.

ROOT=${PASSTHROUGH_ROOT:-}
unset CDPATH IFS
export LC_ALL=C
umask 022

TAB='	'
NL='
'

if [ -n "$ROOT" ]; then
	# Resolved, so that what lies below can be told by its prefix.
	cd -P "$ROOT" || exit 1
	ROOT=$PWD
else
	# A command over SSH gets a shorter PATH than a login.
	PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
fi

# Sets `value` to the first line of file $1, without the blanks around it; false if there is none.
get() {
	value=
	{ read -r value <"$1" || [ -n "$value" ]; } 2>/dev/null
}

# Sets `node` to where folder $1 of the host really stands, as a path of the host.
locate() {
	node=
	cd -P "$1" 2>/dev/null || return 1
	node=${PWD#"$ROOT"}
}

# Sets `text` to the lines $1 with `, ` between them, the first three and how many more.
enumerate() {
	text=
	count=0
	while read -r item; do
		[ -n "$item" ] || continue
		count=$((count + 1))
		[ "$count" -gt 3 ] || text="$text${text:+, }$item"
	done <<-END
		$1
	END
	[ "$count" -le 3 ] || text="$text and $((count - 3)) more"
}

records=0

# Prints a record: its fields with tabs between them. Only the last may hold a tab, none a line feed.
emit() {
	case $* in
	*"$NL"*) return ;;
	esac
	records=$((records + 1))
	IFS=$TAB
	printf '%s\n' "$*"
	unset IFS
}

has() {
	command -v "$1" >/dev/null 2>&1
}

# Prints the ids of the Proxmox containers that run: each answers commands on a socket of its own.
running_containers() {
	[ -r "$ROOT/proc/net/unix" ] || return 0
	sed -n 's:^.*@/var/lib/lxc/\([0-9][0-9]*\)/command$:\1:p' "$ROOT/proc/net/unix" | sort -u -n
}
