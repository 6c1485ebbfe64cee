#!/bin/sh
# Written by cdktf-passthrough: makes the virtual functions that its tables name, sets what the network card keeps for
# each, and gives them to vfio-pci. Runs at every boot before any guest starts, and when a declaration changes. What is
# as it should be is left alone.
#     virtual-functions                  every table
#     virtual-functions <table> [<n>...] one of them; of functions that are there already, sets those of these numbers

ROOT=${PASSTHROUGH_ROOT:-}
TABLES=$ROOT/etc/cdktf-passthrough/virtual-functions
DRIVER_WAIT=${PASSTHROUGH_DRIVER_WAIT:-30}
failures=

# shellcheck source=lib/model/scripts/deviceFunctions.sh
. deviceFunctions.sh

complain() {
	log "$1"
	echo "$1" >&2
	failures=yes
}

# Makes the functions of table $1; the others are the numbers of those to set although they are there already.
make() {
	table=$1
	shift
	numbers=" $* "
	name=${table##*/virtual-functions.}
	topology=
	count=
	while read -r key first second third _; do
		case $key in
		physical) topology=$first id=$second subsystem=$third ;;
		count) count=$first ;;
		esac
	done <"$table"
	if [ -z "$topology" ] || [ -z "$count" ]; then
		complain "$name: ${table#"$ROOT"} names no physical function, or no count: left alone"
		return
	fi
	if ! find_device "$topology" || ! is_device "$topology" "$id" "$subsystem"; then
		complain "$name: the physical function at $topology ($id, subsystem $subsystem) is not there: left alone"
		return
	fi
	physical=${node##*/}
	device=/sys/bus/pci/devices/$physical
	if ! has_driver; then
		complain "$name: no driver holds $physical, and only its driver makes virtual functions"
		return
	fi
	enough || return
	set_up
	hold_all
}

# A driver may take its time to come up at boot.
has_driver() {
	waited=0
	until [ -e "$ROOT$device/driver" ]; do
		[ "$waited" -lt "$DRIVER_WAIT" ] || return 1
		sleep 1
		waited=$((waited + 1))
	done
}

# As many as the table says; the kernel goes from one count to another only through none.
enough() {
	there=$(attribute "$ROOT$device" sriov_numvfs)
	[ "$there" != "$count" ] || return 0
	# No driver of the host is to take what is meant for guests. Kernels before 4.12 cannot be told.
	[ ! -e "$ROOT$device/sriov_drivers_autoprobe" ] || write_sys "$device/sriov_drivers_autoprobe" 0
	if [ "$there" != 0 ] && ! write_sys "$device/sriov_numvfs" 0; then
		complain "$name: the $there virtual functions of $physical do not go: $words"
		return 1
	fi
	if ! write_sys "$device/sriov_numvfs" "$count"; then
		complain "$name: the driver of $physical makes no $count virtual functions: $words"
		return 1
	fi
	numbers=" all "
	log "$name: $physical has $count virtual functions"
}

# What the card keeps for its functions goes through the network interface of the physical one.
set_up() {
	interface=
	for port in "$ROOT$device"/net/*; do
		[ ! -e "$port" ] || interface=${port##*/}
	done
	while read -r key number settings; do
		case $key:$numbers in
		function:*" all "* | default:*" all "* | function:*" $number "* | default:*" $number "*) ;;
		*) continue ;;
		esac
		if [ -z "$interface" ]; then
			complain "$name: $physical has no network interface to set its functions by"
			return
		fi
		# shellcheck disable=SC2086 # names and values in turn, which are words without blanks
		set_function "$key" "$number" $settings
	done <"$table"
}

set_function() {
	key=$1
	number=$2
	shift 2
	while [ $# -ge 2 ]; do
		# A driver need not know of what nobody asked for.
		if ! words=$(ip link set dev "$interface" vf "$number" "$1" "$2" 2>&1) && [ "$key" = function ]; then
			complain "$name: $1 $2 of function $number ($interface) cannot be set: $words"
		fi
		shift 2
	done
}

hold_all() {
	[ -e "$ROOT/sys/bus/pci/drivers/vfio-pci" ] || modprobe vfio-pci || complain "$name: vfio-pci cannot be loaded"
	number=0
	while [ "$number" -lt "$count" ]; do
		if ! node=$(cd -P "$ROOT$device/virtfn$number" 2>/dev/null && pwd); then
			complain "$name: $physical has no function $number"
		else
			hold "${node##*/}"
		fi
		number=$((number + 1))
	done
}

# Gives function $1 to vfio-pci.
hold() {
	! held "$1" || return 0
	if [ ! -e "$node/iommu_group" ]; then
		complain "$name: $1 has no IOMMU group, so vfio-pci cannot take it: the IOMMU is off in this boot"
		return
	fi
	write_sys "/sys/bus/pci/devices/$1/driver_override" vfio-pci
	[ ! -e "$node/driver" ] || write_sys "/sys/bus/pci/devices/$1/driver/unbind" "$1"
	if ! write_sys /sys/bus/pci/drivers/vfio-pci/bind "$1" && [ -e "$ROOT$device/sriov_drivers_autoprobe" ]; then
		# Before Linux 5.4 that keeps every driver away, also the one that the override names.
		write_sys "$device/sriov_drivers_autoprobe" 1
		write_sys /sys/bus/pci/drivers/vfio-pci/bind "$1"
		refusal=$words
		write_sys "$device/sriov_drivers_autoprobe" 0
		words=$refusal
	fi
	held "$1" || complain "$name: $1 is not held by vfio-pci: $words"
}

main() {
	if [ $# -gt 0 ]; then
		make "$@"
	else
		# Interfaces are renamed while the devices of a boot are found.
		if command -v udevadm >/dev/null 2>&1; then udevadm settle --timeout=60; fi
		for table in "$TABLES".*; do
			[ ! -e "$table" ] || make "$table" all
		done
	fi
	[ -z "$failures" ]
}

main "$@"
