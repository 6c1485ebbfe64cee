# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, TAB, NL, value, node and text are common.sh's
# What the host and this session live on, with every PCI function above it:
#     critical <address> <kind> <essential> <words>
# <essential> is 0 for what is worth a warning only, 1 for what is refused unless the author allows it, and 2 for what
# the next boot would stop without. What they live on and could not be traced, which nobody may guess about:
#     unresolved <words>

critical() {
	known_blocks=" "
	root_blocks=" "
	own_function=
	read_mounts
	mounted_disks
	swaps
	zfs_pools
	btrfs_members
	boot_disks
	disks_in_use
	dormant_members
	network
	displays
	consoles
	chipset
	usb_devices
	guests
	cd /
}

# Prints a use for each PCI function on the way to node $1: kind $2, essential $3, words $4. False if there is none.
pci_use() {
	on_pci=1
	physical=
	components=${1#/sys/devices/}/
	while [ -n "$components" ]; do
		component=${components%%/*}
		components=${components#*/}
		case $component in
		????:??:??.? | ?????:??:??.?) ;;
		*) continue ;;
		esac
		on_pci=0
		emit critical "$component" "$2" "$3" "$4"
		if locate "$ROOT/sys/bus/pci/devices/$component/physfn"; then
			physical=$node
			own_function=$component
		elif [ "$2" = network ]; then
			virtual_functions "$component" "$4"
		fi
	done
	if [ -n "$physical" ]; then
		# A physical function takes its virtual ones along.
		pci_use "$physical" "$2" "$3" "$4, through a virtual function of it"
		on_pci=0
		own_function=
	fi
	return $on_pci
}

virtual_functions() {
	for virtual in "$ROOT/sys/bus/pci/devices/$1"/virtfn*; do
		locate "$virtual" || continue
		[ "${node##*/}" = "$own_function" ] || emit critical "${node##*/}" network 0 "is a virtual function of $1, which $2"
	done
}

# Follows block device $1 (its name in /sys/class/block) down to PCI functions: kind $2, essential $3, words $4.
block_use() {
	block_queue="$1|"
	block_seen=" "
	block_level=$3
	while [ -n "$block_queue" ]; do
		entry=${block_queue%%"$NL"*}
		block_queue=${block_queue#"$entry"}
		block_queue=${block_queue#"$NL"}
		block=${entry%%|*}
		chain=${entry#*|}
		case $block_seen in
		*" $block "*) continue ;;
		esac
		block_seen="$block_seen$block "
		known_blocks="$known_blocks$block "
		if ! locate "$ROOT/sys/class/block/$block"; then
			emit unresolved "$4 (${chain:+$chain on }$block): the kernel shows no such block device"
			continue
		fi
		below=$node
		label=/dev/$block
		get "$ROOT$below/dm/name" && label=/dev/mapper/$value
		chain=${chain:+$chain on }$label
		# Boot does without one disk of a mirror.
		if [ "$block_level" = 2 ] && get "$ROOT$below/md/level"; then
			case $value in
			raid1 | raid4 | raid5 | raid6 | raid10) block_level=1 ;;
			esac
		fi
		pci_use "$below" "$2" "$block_level" "$4 ($chain)" || block_below "$2" "$block_level" "$4" ||
			emit unresolved "$4 ($chain): no PCI device found below it"
	done
	return 0
}

# As block_use, for device file $1 of something in use: kind $2, words $3.
device_use() {
	if block_name "$1"; then
		block_use "$name" "$2" 1 "$3"
	else
		emit unresolved "$3: there is no $1"
	fi
}

block_push() {
	block_queue="$block_queue${block_queue:+$NL}$1|$chain"
}

# What carries block device `block`, whose node `below` has no PCI function above it; false if nothing can be told.
block_below() {
	case $below in
	*/nvme-subsystem/*) nvme_paths "$1" "$2" "$3 ($chain)" && return ;;
	*/nvme-fabrics/*) nvme_fabrics "${below%/*}" "$3 ($chain)" && return ;;
	*/session[0-9]*) iscsi_session "$3 ($chain)" && return ;;
	*/rbd/*) rbd_monitors "$3 ($chain)" && return ;;
	*/virtual/*) ;;
	# On a bus that is not PCI, such as an SD card or a virtual machine's own.
	*) return 0 ;;
	esac
	pushed=1
	for slave in "$ROOT$below"/slaves/*; do
		[ -e "$slave" ] || continue
		block_push "${slave##*/}"
		pushed=0
	done
	if [ -e "$ROOT$below/partition" ]; then
		whole=${below%/*}
		block_push "${whole##*/}"
		pushed=0
	fi
	for cache in "$ROOT$below"/bcache/cache/cache[0-9]*; do
		locate "$cache" && pci_use "${node%/bcache}" "$1" "$2" "$3 ($chain, its cache)" && pushed=0
	done
	if get "$ROOT$below/loop/backing_file"; then
		pushed=0
		# A file lies on a mounted file system, which is there on its own account.
		case $value in
		/dev/*) block_name "$value" && block_push "$name" ;;
		esac
	fi
	case $block in
	# Memory, and volumes of ZFS pools, whose disks are found by the pool.
	zram* | ram* | zd*) pushed=0 ;;
	esac
	return $pushed
}

# The head of an NVMe namespace with several possible paths has no PCI parent; its subsystem's controllers do.
nvme_paths() {
	found=1
	subsystem=${below#*/nvme-subsystem/}
	subsystem=$ROOT${below%%/nvme-subsystem/*}/nvme-subsystem/${subsystem%%/*}
	for controller in "$subsystem"/nvme[0-9]*; do
		case ${controller##*/nvme} in
		*[!0-9]*) continue ;;
		esac
		locate "$controller" || continue
		if pci_use "$node" "$1" "$2" "$3"; then
			found=0
		else
			nvme_fabrics "$node" "$3" && found=0
		fi
	done
	return $found
}

# An NVMe controller over the network: its address reads `traddr=10.0.0.5,trsvcid=4420`.
nvme_fabrics() {
	get "$ROOT$1/address" || return 1
	case $value in
	*traddr=*) ;;
	*) return 1 ;;
	esac
	value=${value#*traddr=}
	route_use "${value%%,*}" "$2"
}

iscsi_session() {
	session=${below#*/session}
	session=${session%%/*}
	for connection in "$ROOT/sys/class/iscsi_connection/connection$session":*; do
		if get "$connection/persistent_address" || get "$connection/address"; then
			route_use "$value" "$1"
			return
		fi
	done
	return 1
}

# A mapped RBD image: its configuration begins with the monitors, such as `10.0.0.1:6789,10.0.0.2:6789`.
rbd_monitors() {
	image=${below#*/rbd/}
	get "$ROOT/sys/bus/rbd/devices/${image%%/*}/config_info" || return 1
	monitors=${value%% *}
	set -f
	IFS=,
	# shellcheck disable=SC2086 # a list
	set -- "$1" $monitors
	unset IFS
	set +f
	words=$1
	shift
	for monitor; do
		server_use "$monitor" "$words"
	done
}

# Sets `name` to the kernel's name of device file $1; false if there is no such block device now.
block_name() {
	name=${1#/dev/}
	case $name in
	*/*)
		name=$(readlink -f -- "$ROOT$1") || return 1
		name=${name#"$ROOT/dev/"}
		case $name in
		*/*) name=${name%%/*}!${name#*/} ;;
		esac
		;;
	esac
	[ -n "$name" ] && [ -e "$ROOT/sys/class/block/$name" ]
}

# Sets `mounts` to lines of <kind> <device> <mount points>, a line for each device, and `mount_points` to all of them.
read_mounts() {
	mounts=$(awk '
		function add(key, point) {
			if (!(key in points)) order[++keys] = key
			number[key]++
			if (number[key] <= 3) points[key] = points[key] (number[key] > 1 ? ", " : "") point
		}
		{
			for (i = 7; i < NF && $i != "-"; i++);
			type = $(i + 1); source = $(i + 2); options = $(i + 3); point = $5
			print "point\t" point
			if (point == "/") root = type == "zfs" ? "root\tzfs\t" source : $3 ~ /^0:/ ? "root\tdevice\t" source : "root\tblock\t" $3
			if ($3 !~ /^0:/) add("block\t" $3, point)
			else if (type == "zfs") { split(source, dataset, "/"); add("zfs\t" dataset[1], point) }
			else if (source ~ /^\/dev\/[^:]*/ && type ~ /^(btrfs|bcachefs)$/) {
				members = split(source, member, ":")
				for (m = 1; m <= members; m++) add("device\t" member[m], point)
			}
			else if (type ~ /^(nfs|nfs4|cifs|smb3|ceph|fuse\..*)$/ && (type !~ /^fuse/ || source ~ /:/)) {
				server = options
				if (sub(/^(.*,)?addr=/, "", server)) sub(/,.*/, "", server)
				else { server = source; sub(/^.*@/, "", server); sub(/^\/\//, "", server); sub(/[:,\/].*/, "", server) }
				add("server\t" server, point)
			}
			else if (type == "9p") add("virtio\t9pnet_virtio", point)
			else if (type == "virtiofs") add("virtio\tvirtiofs", point)
			else if (type == "overlay" && point == "/") {
				lower = options; sub(/^(.*,)?lowerdir=/, "", lower); sub(/,.*/, "", lower)
				add("overlay\t" lower, point)
			}
			else if (point == "/" && type !~ /^(rootfs|tmpfs|ramfs|overlay)$/) add("unknown\t" type, point)
		}
		END {
			if (root != "") print root
			for (k = 1; k <= keys; k++) {
				key = order[k]
				print key "\t" points[key] (number[key] > 3 ? " and " (number[key] - 3) " more" : "")
			}
		}
	' "$ROOT/proc/self/mountinfo")
	mount_points=$NL
	root_type=
	root_device=
	while IFS=$TAB read -r type point source; do
		case $type in
		point) mount_points="$mount_points$point$NL" ;;
		root)
			root_type=$point
			root_device=$source
			;;
		esac
	done <<-END
		$mounts
	END
}

mounted_disks() {
	[ "$mount_points" != "$NL" ] || emit unresolved "the mounted file systems: /proc/self/mountinfo cannot be read"
	pools=
	while IFS=$TAB read -r type device points; do
		kind=disk
		case ", $points," in
		*", /boot/efi,"* | *", /efi,"*) kind=esp ;;
		esac
		case $type in
		block)
			if locate "$ROOT/sys/dev/block/$device"; then
				block_use "${node##*/}" "$kind" 1 "carries $points"
				below_root block "$device"
			else
				emit unresolved "carries $points: the kernel shows no block device $device"
			fi
			;;
		device)
			device_use "$device" "$kind" "carries $points"
			below_root device "$device"
			;;
		zfs) pools="$pools$device$TAB$points$NL" ;;
		server) route_use "$device" "carries $points from $device" ;;
		virtio)
			for shared in "$ROOT/sys/bus/virtio/drivers/$device"/virtio*; do
				locate "$shared" && pci_use "$node" disk 1 "carries $points"
			done
			;;
		overlay) overlay_root "$device" ;;
		unknown) emit unresolved "carries / ($device): that kind of file system cannot be traced" ;;
		esac
	done <<-END
		$mounts
	END
}

# The block devices just followed are below `/`, if that is of kind $1 on $2.
below_root() {
	[ "$root_type" = "$1" ] || return 0
	case $root_device in
	"$2" | "$2"/* | "$2":* | *:"$2" | *:"$2":*) root_blocks="$root_blocks${block_seen# }" ;;
	esac
}

# Every mount counts on its own; a lower directory that is below none of them cannot be seen from here.
overlay_root() {
	set -f
	IFS=:
	# shellcheck disable=SC2086 # a list
	set -- $1
	unset IFS
	set +f
	for lower; do
		path=$lower
		while [ -n "$path" ]; do
			case $mount_points in
			*"$NL$path$NL"*) break ;;
			esac
			path=${path%/*}
		done
		[ -n "$path" ] || emit unresolved "carries / (overlay): its lower directory $lower is on no mounted file system"
	done
}

swaps() {
	while read -r file type _; do
		[ "$type" != partition ] || device_use "$file" disk "is swap in use"
	done <"$ROOT/proc/swaps"
}

# A pool may carry volumes only, so every imported one counts, mounted or not.
zfs_pools() {
	[ -n "$pools" ] || [ -e "$ROOT/sys/module/zfs" ] || return 0
	# A pool whose disks are gone may never answer.
	pool_members=$(timeout 20 zpool list -vHPL | awk -F '\t' '
		/^[^\t]/ { pool = $1 }
		/^\t/ { for (i = 2; i <= NF; i++) if ($i != "") { if ($i ~ /^\/dev\//) print pool "\t" $i; break } }
	')
	while IFS=$TAB read -r pool device; do
		[ -n "$pool" ] || continue
		points=
		case $NL$pools in
		*"$NL$pool$TAB"*)
			points=${pools#*"$pool$TAB"}
			points=" with ${points%%"$NL"*}"
			;;
		esac
		device_use "$device" disk "is in the ZFS pool $pool$points"
		below_root zfs "$pool"
	done <<-END
		$pool_members
	END
	while IFS=$TAB read -r pool points; do
		[ -n "$pool" ] || continue
		case $NL$pool_members in
		*"$NL$pool$TAB"*) ;;
		*) emit unresolved "carries $points: zpool does not tell the disks of the ZFS pool $pool" ;;
		esac
	done <<-END
		$pools
	END
}

# A mount names one member of several.
btrfs_members() {
	for member in "$ROOT"/sys/fs/btrfs/*/devices/*; do
		[ -e "$member" ] || continue
		case $known_blocks in
		*" ${member##*/} "*) continue ;;
		esac
		block_use "${member##*/}" disk 1 "is part of a mounted btrfs file system"
	done
}

# LVM, md, LUKS and multipath that nothing has mounted: the disks of guests.
disks_in_use() {
	last=
	for holder in "$ROOT"/sys/class/block/*/holders/*; do
		[ -e "$holder" ] || continue
		held=${holder%/holders/*}
		held=${held##*/}
		[ "$held" != "$last" ] || continue
		last=$held
		case $known_blocks in
		*" $held "*) continue ;;
		esac
		names=
		for user in "$ROOT/sys/class/block/$held/holders"/*; do
			label=/dev/${user##*/}
			get "$ROOT/sys/class/block/${user##*/}/dm/name" && label=/dev/mapper/$value
			names="$names$label$NL"
		done
		enumerate "$names"
		block_use "$held" disk 1 "belongs to $text"
	done
}

# Signatures that udev found on disks that nothing uses now: data that whoever gets the disk may destroy.
dormant_members() {
	found=$(grep -s -H -E '^E:ID_FS_(TYPE|UUID)=' "$ROOT"/run/udev/data/b*)
	uuids=$NL
	while read -r line; do
		case $line in
		*:E:ID_FS_UUID=*) uuids="$uuids${line%%:E:*} ${line##*E:ID_FS_UUID=}$NL" ;;
		esac
	done <<-END
		$found
	END
	while read -r line; do
		case ${line##*E:ID_FS_TYPE=} in
		LVM2_member) signature="LVM volume group" ;;
		linux_raid_member | isw_raid_member | ddf_raid_member) signature="RAID array" ;;
		zfs_member) signature="ZFS pool" ;;
		crypto_LUKS) signature="LUKS volume" ;;
		ceph_bluestore) signature="Ceph OSD" ;;
		bcache) signature="bcache" ;;
		drbd) signature="DRBD device" ;;
		*) continue ;;
		esac
		number=${line%:E:ID_FS_TYPE=*}
		locate "$ROOT/sys/dev/block/${number##*/b}" || continue
		case $known_blocks in
		*" ${node##*/} "*) continue ;;
		esac
		block=${node##*/}
		[ "$signature" != "LVM volume group" ] || volume_group "$number"
		block_use "$block" disk 1 "bears the signature of a $signature, whose data nothing of the host uses now"
	done <<-END
		$found
	END
}

# Adds the name of the volume group to `signature`: LVM keeps the ids of the members of each. $1: udev's file.
volume_group() {
	case $uuids in
	*"$NL$1 "*) ;;
	*) return 0 ;;
	esac
	uuid=${uuids#*"$NL$1 "}
	uuid=${uuid%%"$NL"*}
	backup=$(grep -s -l -F "\"$uuid\"" "$ROOT"/etc/lvm/backup/*) || return 0
	backup=${backup%%"$NL"*}
	signature="$signature (${backup##*/})"
}
