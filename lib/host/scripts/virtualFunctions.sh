# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # what is read and set here is common.sh's and change.sh's
# Virtual functions of a physical one: making them, and going back to what was before.

# Step $1: the functions of table $2, of physical function $3 with the id $4. Count $5 where they are made anew, else
# empty; addresses $6 are allowed; then the numbers of those that are there and are to be set.
make_functions() {
	step "$1" "make the virtual functions of $3: ${5:-as they are}"
	table=$2
	still_there "$3" "$4"
	[ -z "$5" ] || free_functions "$3" "$6"
	shift 6
	execute 240 sh "$ROOT/etc/cdktf-passthrough/virtual-functions" "$ROOT$table" "$@" 9>&-
}

# Step $1: physical function $2 with the id $3 gets count $4 and drivers_autoprobe $5; addresses $6 are allowed.
reset_functions() {
	step "$1" "back to $4 virtual functions of $2"
	device=/sys/bus/pci/devices/$2
	still_there "$2" "$3"
	get "$ROOT$device/sriov_numvfs"
	if [ "$value" != "$4" ]; then
		free_functions "$2" "$6"
		must "take the virtual functions of $2 away" write_sys "$device/sriov_numvfs" 0
		[ ! -e "$ROOT$device/sriov_drivers_autoprobe" ] ||
			must "let drivers take virtual functions of $2" write_sys "$device/sriov_drivers_autoprobe" "$5"
		[ "$4" = 0 ] || must "make $4 virtual functions of $2" write_sys "$device/sriov_numvfs" "$4"
	fi
}

# A new count takes every function of physical function $1 away, and resets its link: neither the host nor a guest may
# live on one of them. Addresses $2 are allowed.
free_functions() {
	allowed=" $2 "
	findings=$(critical 2>/dev/null)
	refusals=
	refuse_uses "$1" "$1"
	for virtual in "$ROOT/sys/bus/pci/devices/$1"/virtfn*; do
		locate "$virtual" || continue
		refuse_uses "${node##*/}" "${node##*/}"
		refuse_guests "${node##*/}"
	done
	cd /
	[ -z "$refusals" ] || fail critical "$refusals"
}

# Whoever runs a guest with function $1 has its group open, or the function itself, and the kernel would wait for it for
# ever.
refuse_guests() {
	for open in "$ROOT/sys/bus/pci/devices/$1"/iommu_group "$ROOT/sys/bus/pci/devices/$1"/vfio-dev/*; do
		locate "$open" || continue
		holder=$(find "$ROOT"/proc/[0-9]*/fd \( -lname "/dev/vfio/${node##*/}" -o -lname "/dev/vfio/devices/${node##*/}" \) 2>/dev/null |
			sed -n '1s|.*/proc/\([0-9]*\)/.*|\1|p')
		[ -z "$holder" ] || refuse "$1 is held open by process $holder, which is likely a guest"
	done
}
