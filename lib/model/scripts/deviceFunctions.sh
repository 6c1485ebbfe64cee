# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # ROOT is set, and words and node are read, by what this is put into
# What the programs have in common that stand on a host and find devices there.

log() {
	{ echo "cdktf-passthrough: $*" >>"$ROOT/dev/kmsg"; } 2>/dev/null || :
}

# Value $2 into file $1 of /sys; sets `words` to what is said against it. An embedded host has a tee that acts as its
# kernel; an initramfs may have no tee at all.
write_sys() {
	if [ -n "$ROOT" ]; then
		words=$( { printf '%s' "$2" | tee "$ROOT$1" >/dev/null; } 2>&1)
	else
		words=$( { printf '%s' "$2" >"$1"; } 2>&1)
	fi
}

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
