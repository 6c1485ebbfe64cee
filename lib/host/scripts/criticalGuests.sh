# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, NL, TAB, value and node are common.sh's; name and known_blocks are critical.sh's
# What guests and programs of the host use.

guests() {
	if proxmox_node; then
		proxmox_guests
	fi
	libvirt_disks
	docker_containers
	mediated_devices
	open_devices
}

# Sets `guests` to the folder of this Proxmox node.
proxmox_node() {
	[ -d "$ROOT/etc/pve" ] || return 1
	get "$ROOT/proc/sys/kernel/hostname"
	guests=$ROOT/etc/pve/nodes/$value
	locate "$ROOT/etc/pve/local" && guests=$ROOT$node
	[ -d "$guests" ]
}

# Whole disks that virtual machines and containers have, the parents of mediated devices, and what of /dev a container
# has: containers share the host's kernel, and so the device itself.
proxmox_guests() {
	found=$(grep -s -H -E \
		'^(scsi|sata|virtio|ide|mp|rootfs|dev)[0-9]*: */dev/|^hostpci[0-9]+:.*mdev=|^\[|/dev/(dri|nvidia|kfd|snd)' \
		"$guests"/qemu-server/*.conf "$guests"/lxc/*.conf)
	last=
	snapshot=
	while read -r line; do
		file=${line%%.conf:*}
		guest=${file##*/}
		line=${line#*.conf:}
		if [ "$file" != "$last" ]; then
			last=$file
			snapshot=
		fi
		# What a snapshot has is nobody's now; a change that waits counts.
		case $line in
		'[PENDING]'*) continue ;;
		'['*) snapshot=yes ;;
		esac
		[ -z "$snapshot" ] || continue
		slot=${line%%:*}
		setting=${line#*:}
		setting=${setting#"${setting%%[! ]*}"}
		case $file:$slot in
		*/qemu-server/*:hostpci*)
			setting=${setting#host=}
			mediated_parent "${setting%%,*}" "$slot of the virtual machine $guest"
			;;
		*/qemu-server/*)
			block_name "${setting%%,*}" && block_use "$name" guest 1 "is the disk $slot of the virtual machine $guest"
			;;
		*)
			case $setting in
			*/dev/dri* | *nvidia* | */dev/kfd* | */dev/snd*) container_devices "$setting" ;;
			*) block_name "${setting%%,*}" && block_use "$name" guest 1 "is $slot of the container $guest" ;;
			esac
			;;
		esac
	done <<-END
		$found
	END
}

# What of /dev setting $1 of container `guest` names.
container_devices() {
	if [ -d "$ROOT/sys/fs/cgroup/lxc/$guest" ] || [ -d "$ROOT/sys/fs/cgroup/lxc.monitor/$guest" ]; then
		set -- "$1" 1 "is used by the running container $guest"
	else
		set -- "$1" 0 "is meant for the container $guest, which does not run"
	fi
	device_nodes "$@"
}

# The functions behind the device files that $1 names: essential $2, words $3.
device_nodes() {
	case $1 in
	*/dev/nvidia*)
		nvidia=${1#*/dev/nvidia}
		nvidia_cards "${nvidia%%[!0-9]*}" "$2" "$3"
		;;
	*/dev/dri/by-path/pci-*)
		card=${1#*/dev/dri/by-path/pci-}
		locate "$ROOT/sys/bus/pci/devices/${card%%-*}" && pci_use "$node" guest "$2" "$3"
		;;
	*/dev/dri/[a-z]*)
		card=${1#*/dev/dri/}
		class_devices "$2" "$3" "$ROOT/sys/class/drm/${card%%[!a-zA-Z0-9]*}"
		;;
	*/dev/dri*) class_devices "$2" "$3" "$ROOT"/sys/class/drm/card[0-9] "$ROOT"/sys/class/drm/card[0-9][0-9] ;;
	*/dev/kfd*) driver_devices amdgpu "$2" "$3" ;;
	*/dev/snd*) class_devices "$2" "$3" "$ROOT"/sys/class/sound/card[0-9]* ;;
	esac
}

# Essential $1, words $2, then entries of /sys/class.
class_devices() {
	level=$1
	use=$2
	shift 2
	for entry; do
		locate "$entry/device" && pci_use "$node" guest "$level" "$use"
	done
}

# Driver $1, essential $2, words $3.
driver_devices() {
	for function in "$ROOT/sys/bus/pci/drivers/$1"/*:*:*.*; do
		locate "$function" && pci_use "$node" guest "$2" "$3"
	done
}

# NVIDIA's driver numbers its cards; without a number any may be meant: number $1, essential $2, words $3.
nvidia_cards() {
	[ -n "$1" ] || {
		driver_devices nvidia "$2" "$3"
		return
	}
	for card in "$ROOT"/proc/driver/nvidia/gpus/*; do
		[ -r "$card/information" ] || continue
		while IFS=: read -r key minor; do
			case $key in
			"Device Minor"*) ;;
			*) continue ;;
			esac
			[ "${minor##*[!0-9]}" = "$1" ] && locate "$ROOT/sys/bus/pci/devices/${card##*/}" &&
				pci_use "$node" guest "$2" "$3"
		done <"$card/information"
	done
}

# Those that are defined, and those that run without being defined, as oVirt's and OpenNebula's may.
libvirt_disks() {
	found=$(grep -s -H -o -E "<(source dev|device path)=['\"]/dev/[^'\"&]*" \
		"$ROOT"/etc/libvirt/qemu/*.xml "$ROOT"/run/libvirt/qemu/*.xml "$ROOT"/etc/libvirt/storage/*.xml)
	last=
	while read -r line; do
		[ -n "$line" ] || continue
		file=${line%%.xml:*}
		disk=/dev/${line##*[\'\"]/dev/}
		# The definition and the running domain name the same one.
		[ "${file##*/} $disk" != "$last" ] || continue
		last="${file##*/} $disk"
		block_name "$disk" || continue
		case $file in
		*/storage/*) block_use "$name" guest 1 "belongs to the storage pool ${file##*/} of libvirt" ;;
		*) block_use "$name" guest 1 "is the disk $disk of the domain ${file##*/}" ;;
		esac
	done <<-END
		$found
	END
}

docker_containers() {
	found=$(grep -s -l -E '"PathOnHost":"/dev/(dri|nvidia|kfd|snd)|"Driver":"nvidia"' \
		"$ROOT"/var/lib/docker/containers/*/hostconfig.json)
	while read -r file; do
		[ -n "$file" ] || continue
		settings=$(grep -o -E '"PathOnHost":"/dev/[^"]*"|"Driver":"nvidia"' "$file")
		state=$(grep -o -E '"Running":true|"Name":"/[^"]*"' "${file%/*}/config.v2.json")
		container=${state#*\"Name\":\"/}
		container=${container%%\"*}
		case $state in
		*'"Running":true'*) set -- 1 "is used by the running container $container (Docker)" ;;
		*) set -- 0 "is meant for the container $container (Docker), which does not run" ;;
		esac
		while read -r setting; do
			case $setting in
			*nvidia\") nvidia_cards "" "$@" ;;
			*) device_nodes "$setting" "$@" ;;
			esac
		done <<-LIST
			$settings
		LIST
	done <<-END
		$found
	END
}

# Function $1, or its slot, is split among guests: words $2.
mediated_parent() {
	parent=$1
	case $parent in
	*:*:*) ;;
	*:*) parent=0000:$parent ;;
	*) return 0 ;;
	esac
	case $parent in
	*.?) ;;
	*) parent=$parent.0 ;;
	esac
	locate "$ROOT/sys/bus/pci/devices/$parent" && pci_use "$node" guest 1 "is the parent of the mediated device $2"
}

mediated_devices() {
	for mediated in "$ROOT"/sys/bus/mdev/devices/*; do
		locate "$mediated" && pci_use "${node%/*}" guest 1 "is the parent of the mediated device ${mediated##*/}, which exists now"
	done
	for mediated in "$ROOT"/etc/mdevctl.d/*:*:*.*/*; do
		[ -f "$mediated" ] || continue
		parent=${mediated%/*}
		mediated_parent "${parent##*/}" "${mediated##*/} of /etc/mdevctl.d"
	done
}

# Which programs have disks, graphics and NVIDIA cards open: one look at every process, without a fork for each.
open_devices() {
	has find || return 0
	# shellcheck disable=SC2185 # a list of folders
	found=$(find "$ROOT"/proc/[0-9]*/fd -maxdepth 1 \( -lname '*/dev/dri/*' -o -lname '*/dev/nvidia[0-9]*' -o \
		-lname '*/dev/kfd' -o -lname '*/dev/sd[a-z]*' -o -lname '*/dev/nvme[0-9]*n[0-9]*' -o \
		-lname '*/dev/vd[a-z]*' -o -lname '*/dev/md[0-9]*' -o -lname '*/dev/rbd[0-9]*' \) \
		-printf '%h %l\n' 2>/dev/null | sort -u)
	while read -r process file; do
		[ -n "$file" ] || continue
		process=${process#"$ROOT/proc/"}
		process=${process%/fd}
		get "$ROOT/proc/$process/comm"
		case $value in
		# They look after whatever is there.
		systemd-logind | systemd-udevd | *udev-worker* | udevadm | plymouthd | multipathd | smartd | udisksd | blkid | lvm | pvs | \
			nvidia-smi | nvidia-persiste*) continue ;;
		esac
		program="the program $value (process $process)"
		case $file in
		*/dev/dri/* | */dev/nvidia* | */dev/kfd) device_nodes "/dev/${file##*/dev/}" 1 "is used by $program" ;;
		*)
			name=${file##*/dev/}
			[ -e "$ROOT/sys/class/block/$name" ] && new_block "$name" &&
				block_use "$name" guest 1 "is open in $program"
			;;
		esac
	done <<-END
		$found
	END
}
