# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, TAB, NL, value, node and text are common.sh's
# What the host and this session live on, with every PCI function above it:
#     critical <address> <kind> <essential> <words>
# and what they live on and could not be traced, which nobody may guess about:
#     unresolved <words>

critical() {
	known_blocks=" "
	own_function=
	read_mounts
	mounted_disks
	swaps
	named_disks
	zfs_pools
	btrfs_members
	disks_in_use
	dormant_members
	network
	displays
	serial_consoles
	usb_devices
	guest_disks
	containers
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
		pci_use "$below" "$2" "$3" "$4 ($chain)" || block_below "$2" "$3" "$4" ||
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
	*/virtual/* | */rbd/*) ;;
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

# Sets `parameters` to the running kernel's, without those that the shell would take for file patterns.
kernel_parameters() {
	parameters=
	get "$ROOT/proc/cmdline"
	set -f
	for parameter in $value; do
		case $parameter in
		*[*?[]*) ;;
		*) parameters="$parameters $parameter" ;;
		esac
	done
	set +f
}

# Sets `name` to the kernel's name of what fstab, crypttab or the command line call $1.
named_block() {
	spec=$1
	case $spec in
	*=\"*\") spec=${spec%%=*}=$(printf '%s' "${spec#*=}" | tr -d '"') ;;
	esac
	case $spec in
	/dev/*) block_name "$spec" ;;
	UUID=*) block_name "/dev/disk/by-uuid/${spec#*=}" ;;
	LABEL=*) block_name "/dev/disk/by-label/${spec#*=}" ;;
	PARTUUID=*) block_name "/dev/disk/by-partuuid/${spec#*=}" ;;
	PARTLABEL=*) block_name "/dev/disk/by-partlabel/${spec#*=}" ;;
	ID=*) block_name "/dev/disk/by-id/${spec#*=}" ;;
	*) return 1 ;;
	esac
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
			for (k = 1; k <= keys; k++) {
				key = order[k]
				print key "\t" points[key] (number[key] > 3 ? " and " (number[key] - 3) " more" : "")
			}
		}
	' "$ROOT/proc/self/mountinfo")
	mount_points=$NL
	while IFS=$TAB read -r type point _; do
		[ "$type" != point ] || mount_points="$mount_points$point$NL"
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
			else
				emit unresolved "carries $points: the kernel shows no block device $device"
			fi
			;;
		device) device_use "$device" "$kind" "carries $points" ;;
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

# What boot looks for, mounted or not. What is not there now cannot be given away.
named_disks() {
	while read -r spec point _; do
		case $spec in
		'#'* | '') continue ;;
		esac
		case $mount_points in
		*"$NL$point$NL"*) continue ;;
		esac
		named_block "$spec" || continue
		case $known_blocks in
		*" $name "*) continue ;;
		esac
		block_use "$name" disk 1 "is in /etc/fstab for $point"
	done <"$ROOT/etc/fstab"
	while read -r target spec _; do
		case $target in
		'#'* | '') continue ;;
		esac
		named_block "$spec" && block_use "$name" disk 1 "is unlocked at boot as $target (/etc/crypttab)"
	done <"$ROOT/etc/crypttab"
	while read -r uuid _; do
		case $uuid in
		'#'* | '') continue ;;
		esac
		block_name "/dev/disk/by-uuid/$uuid" &&
			block_use "$name" esp 1 "holds the EFI system partition (ESP) $uuid, which the host boots from"
	done <"$ROOT/etc/kernel/proxmox-boot-uuids"
	kernel_parameters
	for parameter in $parameters; do
		case $parameter in
		resume=*) named_block "${parameter#*=}" && block_use "$name" disk 1 "is what the host resumes from (resume=)" ;;
		root=*)
			named_block "${parameter#*=}" || continue
			case $known_blocks in
			*" $name "*) ;;
			*) block_use "$name" disk 1 "is root= of the kernel command line" ;;
			esac
			;;
		esac
	done
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

# Signatures that udev found on disks that nothing uses now.
dormant_members() {
	found=$(grep -s -H '^E:ID_FS_TYPE=' "$ROOT"/run/udev/data/b*)
	while read -r line; do
		signature=${line##*E:ID_FS_TYPE=}
		case $signature in
		LVM2_member | linux_raid_member | zfs_member | crypto_LUKS | ceph_bluestore | bcache | drbd) ;;
		*) continue ;;
		esac
		number=${line%:E:ID_FS_TYPE=*}
		locate "$ROOT/sys/dev/block/${number##*/b}" || continue
		case $known_blocks in
		*" ${node##*/} "*) ;;
		*) block_use "${node##*/}" disk 0 "holds a $signature that nothing uses now" ;;
		esac
	done <<-END
		$found
	END
}

# Follows network interface $1 down to PCI functions: words $2. False if there are none.
net_use() {
	net_queue="$1|1|"
	net_seen=" "
	net_reached=1
	while [ -n "$net_queue" ]; do
		entry=${net_queue%%"$NL"*}
		net_queue=${net_queue#"$entry"}
		net_queue=${net_queue#"$NL"}
		interface=${entry%%|*}
		entry=${entry#*|}
		essential=${entry%%|*}
		chain=${entry#*|}
		case $net_seen in
		*" $interface "*) continue ;;
		esac
		net_seen="$net_seen$interface "
		locate "$ROOT/sys/class/net/$interface" || continue
		over=$node
		chain=${chain:+$chain on }$interface
		case $over in
		*/virtual/*) net_below ;;
		*)
			net_reached=0
			pci_use "$over" network "$essential" "$2 ($chain)"
			;;
		esac
	done
	return $net_reached
}

net_push() {
	net_queue="$net_queue${net_queue:+$NL}$1|$2|$chain"
}

net_below() {
	if get "$ROOT$over/bonding/slaves"; then
		members=$value
		for member in $members; do
			spare=$essential
			[ "$spare" = 0 ] || ! has_twin || spare=0
			net_push "$member" "$spare"
		done
		return
	fi
	for port in "$ROOT$over"/lower_*; do
		[ -e "$port" ] && net_push "${port##*/lower_}" "$essential"
	done
	for port in "$ROOT$over"/brif/*; do
		[ -e "$port" ] && net_push "${port##*/}" "$essential"
	done
	# The ports of an Open vSwitch hang below one device of the system's, whichever bridge they are in.
	[ ! -e "$ROOT$over/upper_ovs-system" ] || net_push ovs-system "$essential"
}

# Whether another of `members` has a link, on another card: a card's ports leave together.
has_twin() {
	card_of "$member"
	own=$card
	for other in $members; do
		[ "$other" != "$member" ] || continue
		get "$ROOT/sys/class/net/$other/carrier" || continue
		card_of "$other"
		[ "$value" != 1 ] || [ "$card" = "$own" ] || return 0
	done
	return 1
}

card_of() {
	card=$1
	if locate "$ROOT/sys/class/net/$1/device"; then
		card=${node##*/}
		card=${card%.*}
	fi
}

# Sets `interfaces` to those that hold address $1.
interfaces_of() {
	interfaces=
	while read -r _ interface family address _; do
		case $family in
		inet | inet6) ;;
		*) continue ;;
		esac
		interface=${interface%%@*}
		[ "${address%%/*}" != "$1" ] || interfaces="$interfaces ${interface%:}"
	done <<-END
		$addresses
	END
}

# The interface that packets to address $1 leave by: words $2.
route_use() {
	case $1 in
	*[!0-9.]*)
		case $1 in
		*:*) ;;
		*)
			emit unresolved "$2: the way to $1 is not known by its name alone"
			return 0
			;;
		esac
		;;
	esac
	way=" $(ip -o route get "$1") "
	case $way in
	*" dev lo "*) return 0 ;;
	*" dev "*) ;;
	*)
		emit unresolved "$2: there is no route to $1"
		return 0
		;;
	esac
	way=${way#* dev }
	carry "${way%% *}" "$2"
}

# As net_use, for what must not be lost from sight: below a tunnel, every interface with a route may be what it uses.
carry() {
	net_use "$1" "$2" && return
	carried=1
	for routed in $routed_interfaces; do
		[ "$routed" != "$1" ] && net_use "$routed" "may carry the tunnel $1, which $2" && carried=0
	done
	[ $carried = 0 ] || emit unresolved "$2 ($1): no network device found below it"
	return 0
}

network() {
	routes=$(
		ip -o route show
		ip -o -6 route show
	)
	addresses=$(ip -o addr show)
	routed_interfaces=
	default_interfaces=
	while read -r destination way; do
		way=" $way "
		while :; do
			case $way in
			*" dev "*) ;;
			*) break ;;
			esac
			way=${way#* dev }
			interface=${way%% *}
			case " $routed_interfaces lo " in
			*" $interface "*) ;;
			*) routed_interfaces="$routed_interfaces $interface" ;;
			esac
			[ "$destination" = default ] || continue
			case " $default_interfaces " in
			*" $interface "*) ;;
			*) default_interfaces="$default_interfaces $interface" ;;
			esac
			way=" ${way#* }"
		done
	done <<-END
		$routes
	END
	session_interface
	for default in $default_interfaces; do
		carry "$default" "carries the default route"
	done
	corosync_rings
}

session_interface() {
	set -f
	# shellcheck disable=SC2086 # four words
	set -- ${SSH_CONNECTION:-}
	set +f
	local_address=${3:-}
	if [ -z "$local_address" ]; then
		emit unresolved "carries this session: SSH_CONNECTION does not tell its address"
		return
	fi
	local_address=${local_address#::ffff:}
	case $local_address in
	*%*) interfaces=${local_address#*%} ;;
	*) interfaces_of "$local_address" ;;
	esac
	[ -n "$interfaces" ] || emit unresolved "carries this SSH session: no interface has the address $local_address"
	for own in $interfaces; do
		carry "$own" "carries this SSH session"
	done
}

corosync_rings() {
	for configuration in "$ROOT/etc/pve/corosync.conf" "$ROOT/etc/corosync/corosync.conf"; do
		[ -r "$configuration" ] || continue
		while read -r key ring_address _; do
			case $key in
			ring[0-9]*_addr:) ;;
			*) continue ;;
			esac
			case $ring_address in
			*[!0-9.]*) ring_address=$(awk -v name="$ring_address" '
				/^[^#]/ { for (i = 2; i <= NF; i++) if ($i == name) { print $1; exit } }
			' "$ROOT/etc/hosts") ;;
			esac
			[ -n "$ring_address" ] || continue
			interfaces_of "$ring_address"
			for ring in $interfaces; do
				carry "$ring" "carries a cluster ring of this node (corosync, $ring_address)"
			done
		done <"$configuration"
		return
	done
}

displays() {
	for attribute in "$ROOT"/sys/bus/pci/devices/*/boot_vga; do
		get "$attribute" || continue
		[ "$value" = 1 ] || continue
		function=${attribute%/boot_vga}
		# Given away already: the host shows nothing there.
		locate "$function/driver" && [ "${node##*/}" = vfio-pci ] && continue
		locate "$function" && pci_use "$node" display 1 "is the display that the firmware chose (boot VGA)"
	done
	for framebuffer in "$ROOT"/sys/class/graphics/fb[0-9]*; do
		locate "$framebuffer/device" || locate "$framebuffer" || continue
		screen=$node
		get "$framebuffer/name"
		pci_use "$screen" display 1 "shows the console (framebuffer ${framebuffer##*/}${value:+, $value})"
	done
}

serial_consoles() {
	kernel_parameters
	for parameter in $parameters; do
		case $parameter in
		console=ttyS*) ;;
		*) continue ;;
		esac
		tty=${parameter#console=}
		tty=${tty%%,*}
		locate "$ROOT/sys/class/tty/$tty/device" || locate "$ROOT/sys/class/tty/$tty" || continue
		pci_use "$node" console 1 "is the serial console $tty"
	done
}

# A warning: a keyboard is missed only by who stands before the machine. Disks and networks below count on their own.
usb_devices() {
	found=
	controllers=$NL
	for device in "$ROOT"/sys/bus/usb/devices/*; do
		case ${device##*/} in
		*:* | usb*) continue ;;
		esac
		# A hub.
		get "$device/bDeviceClass" && [ "$value" = 09 ] && continue
		locate "$device" || continue
		controller=${node%%/usb[0-9]*}
		get "$device/product" || {
			get "$device/idVendor"
			vendor=$value
			get "$device/idProduct"
			value=$vendor:$value
		}
		found="$found$controller$TAB$value$NL"
		case $controllers in
		*"$NL$controller$NL"*) ;;
		*) controllers="$controllers$controller$NL" ;;
		esac
	done
	while read -r controller; do
		[ -n "$controller" ] || continue
		products=
		while IFS=$TAB read -r owner product; do
			[ "$owner" != "$controller" ] || products="$products$product$NL"
		done <<-END
			$found
		END
		enumerate "$products"
		pci_use "$controller" usb 0 "has USB devices: $text"
	done <<-END
		$controllers
	END
}

# Sets `guests` to the folder of this Proxmox node.
proxmox_node() {
	get "$ROOT/proc/sys/kernel/hostname"
	guests=$ROOT/etc/pve/nodes/$value
	locate "$ROOT/etc/pve/local" && guests=$ROOT$node
	[ -d "$guests" ]
}

# Whole disks that a virtual machine has.
guest_disks() {
	proxmox_node || return 0
	found=$(grep -s -H -E '^(scsi|sata|virtio|ide)[0-9]+: */dev/' "$guests"/qemu-server/*.conf)
	while read -r line; do
		[ -n "$line" ] || continue
		guest=${line%%.conf:*}
		guest=${guest##*/}
		line=${line#*.conf:}
		slot=${line%%:*}
		disk=${line#*:}
		disk=${disk#"${disk%%[! ]*}"}
		block_name "${disk%%,*}" && block_use "$name" guest 1 "is the disk $slot of the virtual machine $guest"
	done <<-END
		$found
	END
}

# Containers share the host's kernel, and so the device itself.
containers() {
	proxmox_node || return 0
	found=$(grep -s -H -E '/dev/(dri|nvidia)' "$guests"/lxc/*.conf)
	while read -r line; do
		[ -n "$line" ] || continue
		guest=${line%%.conf:*}
		guest=${guest##*/}
		[ -d "$ROOT/sys/fs/cgroup/lxc/$guest" ] || [ -d "$ROOT/sys/fs/cgroup/lxc.monitor/$guest" ] || continue
		case $line in
		*/dev/nvidia*) container_devices "$guest" "$ROOT"/sys/bus/pci/drivers/nvidia/*:*:*.* ;;
		*/dev/dri/*)
			card=${line#*/dev/dri/}
			card=${card%%[!a-zA-Z0-9]*}
			container_devices "$guest" "$ROOT/sys/class/drm/$card/device"
			;;
		*) container_devices "$guest" "$ROOT"/sys/class/drm/card[0-9]*/device ;;
		esac
	done <<-END
		$found
	END
}

container_devices() {
	guest=$1
	shift
	for device; do
		locate "$device" && pci_use "$node" guest 1 "is used by the running container $guest"
	done
}
