# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, value and records are common.sh's
# What stands between a host and its reboot: what runs there, what is under way, what its cluster says. Asked right
# before a reboot and while something is waited for; the probe, which every plan runs, has none of it.

survey() {
	echo "passthrough-probe${TAB}1"
	get "$ROOT/proc/sys/kernel/random/boot_id" && emit boot-id "$value"
	[ ! -e "$ROOT/run/nologin" ] || emit nologin
	get "$ROOT/sys/kernel/kexec_loaded" && [ "$value" = 1 ] && emit kexec
	package_managers
	inhibitors
	running_guests
	proxmox_cluster
	ceph_cluster
	background
	emit end "$records"
}

# Prints what command $2... prints, in base64, as kind $1; or its words, as a complaint, where it fails.
answer() {
	kind=$1
	shift
	if said=$(timeout -k 5 30 "$@" 2>/dev/null </dev/null) ||
		said=$(timeout -k 5 30 "$@" 2>&1 </dev/null); then
		emit "$kind" "$(printf '%s\n' "$said" | base64 -w 0)"
	else
		emit complaint "$(printf '%s: %s' "$*" "$said" | head -c 1000 | base64 -w 0)"
	fi
}

# Package managers hold a lock on one of these while they work; pacman and zypper leave a file.
package_managers() {
	for lock in /var/lib/dpkg/lock-frontend /var/lib/dpkg/lock /var/lib/apt/lists/lock /var/cache/apt/archives/lock \
		/var/lib/rpm/.rpm.lock /usr/lib/sysimage/rpm/.rpm.lock; do
		if [ -e "$ROOT$lock" ] && grep -q ":$(stat -L -c %i "$ROOT$lock") " "$ROOT/proc/locks"; then
			emit package-lock "$lock"
		fi
	done
	[ ! -e "$ROOT/var/lib/pacman/db.lck" ] || emit package-lock /var/lib/pacman/db.lck
	if get "$ROOT/run/zypp.pid" && [ -d "$ROOT/proc/$value" ]; then
		emit package-lock /run/zypp.pid
	fi
}

# logind's published interface; its list for people differs with each version.
inhibitors() {
	[ -e "$ROOT/run/systemd/system" ] && has busctl || return 0
	answer inhibitors busctl --json=short call org.freedesktop.login1 /org/freedesktop/login1 \
		org.freedesktop.login1.Manager ListInhibitors
}

running_guests() {
	for pid in "$ROOT"/run/qemu-server/*.pid; do
		get "$pid" && [ -d "$ROOT/proc/$value" ] && pid=${pid##*/} && emit running vm "${pid%.pid}"
	done
	for id in $(running_containers); do
		emit running container "$id"
	done
	if has virsh; then
		for id in $(timeout -k 5 60 virsh -q -r -c qemu:///system list --uuid </dev/null); do
			emit running domain "$id"
		done
	fi
}

proxmox_cluster() {
	[ -d "$ROOT/etc/pve" ] && has pvesh || return 0
	get "$ROOT/proc/sys/kernel/hostname"
	locate "$ROOT/etc/pve/local" && value=${node##*/}
	answer tasks pvesh get "/nodes/$value/tasks" --source active --output-format json
	answer cluster pvesh get /cluster/status --output-format json
	if [ -s "$ROOT/etc/pve/corosync.conf" ]; then
		answer votes pvecm status
	fi
	if [ -s "$ROOT/etc/pve/ha/resources.cfg" ]; then
		answer ha pvesh get /cluster/ha/status/current --output-format json
	fi
}

# Only a host with object storage daemons takes data away when it goes.
ceph_cluster() {
	[ -e "$ROOT/etc/ceph/ceph.conf" ] && has ceph || return 0
	daemons=
	for folder in "$ROOT"/var/lib/ceph/osd/*-*; do
		[ ! -d "$folder" ] || daemons="$daemons ${folder##*-}"
	done
	[ -n "$daemons" ] || return 0
	answer ceph-health ceph health
	answer ceph-flags ceph osd dump --format json
	# shellcheck disable=SC2086 # a list of numbers
	if said=$(timeout -k 5 30 ceph osd ok-to-stop $daemons 2>&1 </dev/null); then
		emit ceph-stoppable
	else
		emit ceph-unstoppable "$(printf '%s' "$said" | head -c 1000 | base64 -w 0)"
	fi
}

# What was started in the background: what still runs, and what has ended with its exit code and words.
background() {
	for begun in "$ROOT"/var/lib/cdktf-passthrough/background/*.words; do
		[ -e "$begun" ] || continue
		name=${begun##*/}
		if get "${begun%.words}.code"; then
			emit ended "${name%.words}" "$value" "$(tail -c 1000 "$begun" | base64 -w 0)"
		else
			emit under-way "${name%.words}"
		fi
	done
}
