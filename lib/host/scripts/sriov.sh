# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, value and node are common.sh's
# Which functions can make virtual ones, and those that are there.

sriov() {
	for total in "$ROOT"/sys/bus/pci/devices/*/sriov_totalvfs; do
		get "$total" && physical_function "${total%/*}" "$value"
	done
}

# Folder $1, which makes $2 virtual functions at most.
physical_function() {
	physical=${1##*/}
	port=
	for port in "$1"/net/*; do
		[ -e "$port" ] || port=
		break
	done
	port=${port##*/}
	get "$1/sriov_offset"
	offset=$value
	get "$1/sriov_stride"
	stride=$value
	get "$1/sriov_vf_device"
	model=$value
	get "$1/sriov_drivers_autoprobe"
	autoprobe=$value
	get "$1/sriov_numvfs"
	emit sriov "$physical" "$2" "$value" "$offset" "$stride" "$model" "$autoprobe" "$port"
	[ "${value:-0}" != 0 ] || return 0
	for virtual in "$1"/virtfn*; do
		locate "$virtual" && emit virtual-function "$physical" "${virtual##*/virtfn}" "${node##*/}"
	done
	# Only the kernel's own protocol tells what the card keeps for each.
	[ -z "$port" ] || emit virtual-function-settings "$physical" "$(ip -o link show dev "$port")"
}
