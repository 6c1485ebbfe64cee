#!/bin/sh
# Written by cdktf-passthrough: gives the devices of a table to vfio-pci before udev lets any other driver near them.
# Runs in the initramfs, where nothing but the shell and modprobe can be relied on.
PREREQ=""

prereqs() {
	echo "$PREREQ"
}

case "${1:-}" in
prereqs)
	prereqs
	exit 0
	;;
esac

ROOT=${PASSTHROUGH_ROOT:-}
TABLE=$ROOT/etc/cdktf-passthrough/devices

log() {
	{ echo "cdktf-passthrough: $*" >>"$ROOT/dev/kmsg"; } 2>/dev/null || :
}

# An embedded host has a tee that acts as its kernel; an initramfs may have no tee at all.
write_sys() {
	if [ -n "$ROOT" ]; then
		printf '%s' "$2" | tee "$ROOT$1" >/dev/null
	else
		printf '%s' "$2" >"$1"
	fi
} 2>/dev/null

# Prints one attribute of the device in folder $1, without 0x.
attribute() {
	value=
	read -r value <"$1/$2"
	echo "${value#0x}"
} 2>/dev/null

# Sets `node` to the folder of the device at topology $1. Bus numbers change when a card is added elsewhere, so each
# step goes by device and function alone; pci*:* is the host bridge of a domain of its own, as behind Intel's VMD.
find_device() {
	node=$ROOT/sys/devices/pci${1%%/*}
	rest=${1#*/}/
	while [ -n "$rest" ]; do
		step=${rest%%/*}
		rest=${rest#*/}
		found=
		for child in "$node"/*:*:"$step" "$node"/pci*:*/*:*:"$step"; do
			[ -d "$child" ] || continue
			if [ -n "$found" ]; then
				log "$1: two devices answer to $step: left alone"
				return 1
			fi
			found=$child
		done
		if [ -z "$found" ]; then
			log "$1: no device there: left alone"
			return 1
		fi
		node=$found
	done
}

# The table's topology alone is no proof: another card may have been put into the slot.
is_device() {
	id=$(attribute "$node" vendor):$(attribute "$node" device)
	subsystem=$(attribute "$node" subsystem_vendor):$(attribute "$node" subsystem_device)
	if [ "$id $subsystem" != "$2 $3" ]; then
		log "$1: found $id subsystem $subsystem, expected $2 subsystem $3: left alone"
		return 1
	fi
}

held() {
	[ -e "$ROOT/sys/bus/pci/drivers/vfio-pci/$1" ]
}

main() {
	[ -r "$TABLE" ] || return 0
	addresses=
	while read -r topology id subsystem _ || [ -n "$topology" ]; do
		case $topology in
		'' | '#'*) continue ;;
		esac
		find_device "$topology" || continue
		is_device "$topology" "$id" "$subsystem" || continue
		address=${node##*/}
		if ! write_sys "/sys/bus/pci/devices/$address/driver_override" vfio-pci; then
			log "$topology: $address takes no driver_override: left alone"
			continue
		fi
		# Drivers that are built into the kernel were there first.
		if [ -e "$node/driver" ] && ! held "$address"; then
			write_sys "/sys/bus/pci/devices/$address/driver/unbind" "$address" ||
				log "$topology: $address does not leave its driver"
		fi
		addresses="$addresses $address"
	done <"$TABLE"
	[ -n "$addresses" ] || return 0

	# Takes every device whose override names it, and that no driver holds.
	modprobe vfio-pci || log "vfio-pci cannot be loaded"
	for address in $addresses; do
		# With vfio-pci built in or loaded before, nothing has looked at the device again.
		held "$address" || write_sys /sys/bus/pci/drivers/vfio-pci/bind "$address"
		if held "$address"; then
			log "$address is held by vfio-pci"
		else
			log "$address is not held by vfio-pci"
		fi
	done
}

main
# Whatever happened here must not keep the host from booting.
exit 0
