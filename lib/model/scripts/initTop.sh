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

# shellcheck source=lib/model/scripts/deviceFunctions.sh
. deviceFunctions.sh

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
