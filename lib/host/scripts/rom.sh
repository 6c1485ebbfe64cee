# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, TAB, NL, value, node and records are common.sh's
# Reads the ROM of one PCI function and leaves the function as it was. Reading it takes the bus from whoever works with
# the card, so nobody may.

# Function $1.
read_rom() {
	echo "passthrough-probe${TAB}1"
	folder=$ROOT/sys/bus/pci/devices/$1
	[ -d "$folder" ] || refuse "There is no PCI device at $1."
	[ -e "$folder/rom" ] || refuse "The device at $1 shows no ROM: it has none, or the firmware gave it no room."
	lock_host
	driver=
	locate "$folder/driver" && driver=${node##*/}
	case $driver in
	'') ;;
	vfio-pci) in_use "$1" && refuse "A guest, or another program, works with $1: it has ${used}. Shut it down first." ;;
	*) refuse "The driver $driver works with $1. Give the device to vfio-pci (VfioBinding), or take the driver off, first." ;;
	esac
	enabled=
	awake=
	trap give_back EXIT
	trap 'exit 1' HUP INT TERM
	# A device that sleeps, or whose memory is switched off, reads as all ones.
	if get "$folder/power/control" && [ "$value" = auto ]; then
		write_sys "$folder/power/control" on && awake=yes
	fi
	if [ -z "$driver" ] && get "$folder/enable" && [ "$value" = 0 ]; then
		write_sys "$folder/enable" 1 && enabled=yes
	fi
	write_sys "$folder/rom" 1 || refuse "Unable to switch the ROM of $1 on: $words"
	emit rom "$(base64 -w 0 <"$folder/rom" 2>/dev/null)"
	emit end "$records"
}

give_back() {
	write_sys "$folder/rom" 0
	[ -z "$enabled" ] || write_sys "$folder/enable" 0
	[ -z "$awake" ] || write_sys "$folder/power/control" auto
}

refuse() {
	emit refused "$1"
	exit 1
}

# Where this host has been configured from here, no change runs meanwhile.
lock_host() {
	lock=$ROOT/var/lib/cdktf-passthrough/lock
	[ -e "$lock" ] || return 0
	exec 9>>"$lock"
	flock -w 30 9 || refuse "A change of this host is running: $(cat "$lock"). Wait for it to end."
}

# Whether a program has the device file of function $1, by its group or by itself; sets `used`.
in_use() {
	used=
	group=none
	locate "$ROOT/sys/bus/pci/devices/$1/iommu_group" && group=${node##*/}
	open=$(ls -l "$ROOT"/proc/[0-9]*/fd 2>/dev/null)
	for device in "/dev/vfio/$group" "$ROOT"/sys/bus/pci/devices/"$1"/vfio-dev/*; do
		[ "$device" = "/dev/vfio/$group" ] || device=/dev/vfio/devices/${device##*/}
		case $open$NL in
		*"-> $ROOT$device$NL"* | *"-> $device$NL"*) used="$device open" ;;
		esac
	done
	[ -n "$used" ]
}

# Value $2 into file $1; sets `words` to what is said against it.
write_sys() {
	words=$( { printf '%s' "$2" | tee "$1" >/dev/null; } 2>&1)
}
