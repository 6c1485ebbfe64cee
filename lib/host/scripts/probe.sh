# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, value, node and records are common.sh's, own_custom is trialProbe.sh's
# Reads everything that a decision may need, and decides nothing. A record a line, its kind first; the last one tells
# how many there are, so that an answer that was cut off is told from a short one.

probe() {
	echo "passthrough-probe${TAB}1"
	identity
	boot
	pci
	sriov
	usb
	mediated
	files
	script_lines
	proxmox
	libvirt
	libvirt_services
	opennebula
	critical
	emit end "$records"
}

# One field that is there or not: kind $1, file $2.
attribute() {
	get "$2" && emit "$1" "$value"
}

identity() {
	emit user "$(id -u)"
	[ -z "$ROOT" ] || emit embedded
	attribute machine-id "$ROOT/etc/machine-id"
	attribute hostname "$ROOT/proc/sys/kernel/hostname"
	attribute boot-id "$ROOT/proc/sys/kernel/random/boot_id"
	emit architecture "$(uname -m)"
	get "$ROOT/proc/sys/kernel/osrelease" || value=$(uname -r)
	release=$value
	emit release "$release"
	attribute command-line "$ROOT/proc/cmdline"
	while read -r key _ processor; do
		case $key in
		vendor_id) emit cpu-vendor "${processor#: }" ;;
		flags)
			case " $processor " in
			*" vmx "* | *" svm "*) emit cpu-virtualization ;;
			esac
			break
			;;
		esac
	done <"$ROOT/proc/cpuinfo"
	attribute product "$ROOT/sys/class/dmi/id/sys_vendor"
	attribute product "$ROOT/sys/class/dmi/id/product_name"
	while read -r key value _; do
		[ "$key" = MemTotal: ] || continue
		emit memory "$value"
		break
	done <"$ROOT/proc/meminfo"
	[ ! -d "$ROOT/sys/firmware/efi" ] || emit efi
	for table in DMAR IVRS; do
		[ ! -e "$ROOT/sys/firmware/acpi/tables/$table" ] || emit acpi-table "$table"
	done
	for unit in "$ROOT"/sys/class/iommu/*; do
		[ ! -e "$unit" ] || emit iommu-unit "${unit##*/}"
	done
}

boot() {
	for tool in flock sha256sum base64 awk od modprobe ip timeout sync df zpool \
		update-grub proxmox-boot-tool update-initramfs mkinitramfs dracut mkinitcpio \
		grub-mkconfig grub2-mkconfig grubby bootctl kernel-install sdbootutil \
		transactional-update rpm-ostree nodectl; do
		has "$tool" && emit tool "$tool"
	done
	boot_evidence
	trial_evidence
	for kernel in "$ROOT"/boot/vmlinuz-*; do
		[ ! -e "$kernel" ] || emit kernel "${kernel#"$ROOT/boot/vmlinuz-"}"
	done
	if [ -s "$ROOT/etc/kernel/proxmox-boot-uuids" ] && has proxmox-boot-tool; then
		emit boot-tool-status "$(timeout 60 proxmox-boot-tool status | base64 -w 0)"
	fi
	[ ! -r "$ROOT/etc/default/grub" ] || emit grub "$(grub_settings | base64 -w 0)"
}

boot_evidence() {
	[ ! -e "$ROOT/run/ostree-booted" ] || emit ostree
	emit root-options "$(awk '$5 == "/" { options = $6 } END { print options }' "$ROOT/proc/self/mountinfo")"
	for variable in LoaderInfo StubInfo LoaderEntryDefault LoaderEntryOneShot; do
		file=$ROOT/sys/firmware/efi/efivars/$variable-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
		# Four bytes of attributes, then text of two bytes a letter. The kernel lets nobody seek in them, as tail does in
		# what looks like a file: it gets a pipe.
		# shellcheck disable=SC2002
		[ ! -r "$file" ] || emit efi-variable "$variable" "$(cat "$file" | tail -c +5 | tr -d '\000')"
	done
	for menu in "$ROOT"/boot/grub2/grub.cfg "$ROOT"/boot/grub/grub.cfg "$ROOT"/boot/efi/EFI/*/grub.cfg; do
		[ -r "$menu" ] && grep -q '^### BEGIN /etc/grub.d/' "$menu" && emit grub-menu "${menu#"$ROOT"}"
	done
	for folder in "$ROOT"/lib/modules/*; do
		version=${folder##*/}
		package=
		get "$folder/pkgbase" && package=$value && emit kernel-package "$version" "$package"
		[ ! -e "$folder/vmlinuz" ] || emit kernel "$version"
		for image in "$ROOT/boot/initramfs-$version.img" "$ROOT/boot/initrd.img-$version" "$ROOT/boot/initrd-$version" \
			"$ROOT/boot/initramfs-${package:-none}.img" \
			"$ROOT"/boot/*/"$version"/initrd "$ROOT"/efi/*/"$version"/initrd "$ROOT"/boot/efi/*/"$version"/initrd; do
			[ ! -f "$image" ] || emit image "$version" "${image#"$ROOT"}"
		done
	done
}

# As update-grub evaluates it, but without our own file.
grub_settings() (
	GRUB_CMDLINE_LINUX='' GRUB_CMDLINE_LINUX_DEFAULT='' GRUB_DEFAULT='' GRUB_ENABLE_BLSCFG=''
	set -e
	# shellcheck source=/dev/null
	. "$ROOT/etc/default/grub" >/dev/null
	for settings in "$ROOT"/etc/default/grub.d/*.cfg; do
		case $settings in
		*/zz-cdktf-passthrough.cfg) continue ;;
		esac
		# shellcheck source=/dev/null
		[ ! -e "$settings" ] || . "$settings" >/dev/null
	done
	printf '%s\0%s\0%s\0%s' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" "$GRUB_DEFAULT" "$GRUB_ENABLE_BLSCFG"
)

pci() {
	drivers=" "
	ids=" "
	groups=" "
	shows_buses=
	for folder in "$ROOT"/sys/bus/pci/devices/*/secondary_bus_number; do
		[ ! -e "$folder" ] || shows_buses=yes
	done
	# Those with more than the first 256 bytes.
	extended=$(find "$ROOT"/sys/bus/pci/devices/*/config -size +1 2>/dev/null)$NL
	for folder in "$ROOT"/sys/bus/pci/devices/*; do
		locate "$folder" && pci_device "$folder" "$node"
	done
	for group in $groups; do
		while read -r _ _ type; do
			emit reserved "$group" "$type"
		done <"$ROOT/sys/kernel/iommu_groups/$group/reserved_regions"
	done
	pci_names
	modules
}

# Folder $1, which stands at $2.
pci_device() {
	address=${1##*/}
	hex "$1/vendor" && vendor=$value
	hex "$1/device" && device=$value
	hex "$1/class" && class=$value
	hex "$1/revision" && revision=$value
	hex "$1/subsystem_vendor" && subsystem=$value
	hex "$1/subsystem_device" && subsystem=$subsystem$TAB$value
	ids="$ids$vendor:$device "
	path=
	rest=${2#/sys/devices/}/
	while [ -n "$rest" ]; do
		case ${rest%%/*} in
		????:??:??.? | ?????:??:??.?) path="$path${path:+ }${rest%%/*}" ;;
		esac
		rest=${rest#*/}
	done
	driver=
	if locate "$1/driver"; then
		driver=${node##*/}
		case $drivers in
		*" $driver "*) ;;
		*) drivers="$drivers$driver " ;;
		esac
	fi
	group=
	if locate "$1/iommu_group"; then
		group=${node##*/}
		case $groups in
		*" $group "*) ;;
		*) groups="$groups$group " ;;
		esac
	fi
	physical=
	locate "$1/physfn" && physical=${node##*/}
	get "$1/driver_override"
	override=$value
	get "$1/boot_vga"
	boot_vga=$value
	get "$1/modalias"
	modalias=$value
	# Before Linux 5.15 the kernel only says that there is a way.
	get "$1/reset_method" || { [ ! -e "$1/reset" ] || value=default; }
	reset=$value
	value=
	for number in "$1"/nvme/nvme*/serial; do
		get "$number"
	done
	serial=$value
	macs=
	for port in "$1"/net/*; do
		permanent_mac "$port" && macs="$macs${macs:+ }$value"
	done
	pcie_serial "$1"
	# Only what has a bus below it is a bridge. Reading the configuration space would wake a sleeping device, so that is
	# for kernels before 4.13, which show no bus numbers.
	header=
	if [ -e "$1/secondary_bus_number" ]; then
		header=01
	elif [ -z "$shows_buses" ]; then
		case $class in
		06*) header=$(od -An -v -tx1 -j14 -N1 "$1/config") ;;
		esac
	fi
	emit device "$address" "$vendor" "$device" "$subsystem" "$class" "$revision" "$path" "$header" "$driver" "$override" \
		"$group" "$boot_vga" "$modalias" "$physical" "$reset" "$serial" \
		"$macs" "$number"
}

# Of the interface in folder $1. A bond gives its members an address that is not theirs, and a made-up one is another
# at the next boot.
permanent_mac() {
	get "$1/bonding_slave/perm_hwaddr" && return
	get "$1/addr_assign_type" && [ "$value" = 1 ] && return 1
	get "$1/address"
}

# Sets `number` to the PCI Express serial number of the device in folder $1, as lspci writes it. It stands among the
# extended capabilities, each with its id and where the next one is; nothing but their heads is read, as some devices
# fail when the rest is. Virtual functions have none, and what sleeps is not woken.
pcie_serial() {
	number=
	[ -z "$physical" ] || return 0
	case $class in
	06* | 08*) return ;;
	esac
	case $extended in
	*"$1/config$NL"*) ;;
	*) return ;;
	esac
	get "$1/power/runtime_status" && [ "$value" = suspended ] && return
	next=256
	while [ "$next" -ge 256 ] && [ "$next" -lt 4096 ]; do
		at=$next
		capability=$(od -An -v -tx1 -j "$at" -N 12 "$1/config" 2>/dev/null)
		# shellcheck disable=SC2086 # a word each byte
		set -- "$1" $capability
		[ $# -eq 13 ] || return 0
		next=$((0x$5 << 4 | 0x$4 >> 4))
		case $3$2 in
		0003)
			number=${13}-${12}-${11}-${10}-$9-$8-$7-$6
			return
			;;
		0000 | ffff) return ;;
		esac
		# Only forward, so that no list is without an end.
		[ "$next" -gt "$at" ] || return 0
	done
}

# As get, without 0x.
hex() {
	get "$1"
	value=${value#0x}
}

# What is plugged in, without root hubs and interfaces.
usb() {
	for device in "$ROOT"/sys/bus/usb/devices/*-*; do
		case ${device##*/} in
		*:*) continue ;;
		esac
		get "$device/idVendor" || continue
		id=$value
		get "$device/idProduct"
		id=$id:$value
		get "$device/bDeviceClass"
		class=$value
		get "$device/product"
		name=$value
		get "$device/devnum"
		emit usb "${device##*/}" "$id" "$class" "$value" "$name"
	done
}

# Each stands below the device that makes it.
mediated() {
	for device in "$ROOT"/sys/bus/mdev/devices/*; do
		locate "$device" || continue
		parent=${node%/*}
		locate "$device/mdev_type"
		emit mediated "${device##*/}" "${parent##*/}" "${node##*/}"
	done
}

# One pass over the host's pci.ids, however many devices there are.
pci_names() {
	for list in "$ROOT/usr/share/misc/pci.ids" "$ROOT/usr/share/hwdata/pci.ids"; do
		[ -r "$list" ] || continue
		names=$(awk -v ids="$ids" '
			BEGIN {
				for (n = split(ids, id, " "); n > 0; n--) {
					wanted[id[n]] = 1
					vendors[substr(id[n], 1, 4)] = 1
				}
			}
			/^C / { exit }
			/^[0-9a-f]/ {
				vendor = substr($0, 1, 4)
				known = vendor in vendors
				if (known) { maker = substr($0, 7); print vendor "\t" maker }
				next
			}
			known && /^\t[0-9a-f]/ {
				key = vendor ":" substr($0, 2, 4)
				if (key in wanted) print key "\t" maker " " substr($0, 8)
			}
		' "$list")
		while IFS=$TAB read -r key name; do
			[ -z "$key" ] || emit name "$key" "$name"
		done <<-END
			$names
		END
		return
	done
}

# Those that drive a device here, and those of passthrough itself.
modules() {
	names=$drivers
	for driver in $drivers; do
		locate "$ROOT/sys/bus/pci/drivers/$driver/module" && names="$names${node##*/} "
	done
	loaded=" "
	for module in $names; do
		underscored "$module"
		case $loaded in
		*" $module "*) ;;
		*) loaded="$loaded$module " && module_parameters "$ROOT/sys/module/$module" ;;
		esac
	done
	for module in "$ROOT"/sys/module/vfio* "$ROOT"/sys/module/kvm*; do
		case $loaded in
		*" ${module##*/} "*) ;;
		*) module_parameters "$module" ;;
		esac
	done
	builtin=$(awk -v names="$loaded" '
		BEGIN { for (n = split(names, name, " "); n > 0; n--) wanted[name[n]] = 1 }
		{
			sub(/^.*\//, ""); sub(/\.ko.*$/, ""); gsub(/-/, "_")
			if ($0 ~ /^vfio/ || $0 in wanted) print
		}
	' "$ROOT/lib/modules/$release/modules.builtin")
	for module in $builtin; do
		emit builtin "$module"
	done
}

# Sets `module` to name $1 as the kernel writes it.
underscored() {
	module=$1
	while :; do
		case $module in
		*-*) module=${module%%-*}_${module#*-} ;;
		*) return ;;
		esac
	done
}

module_parameters() {
	[ -d "$1" ] || return
	emit module "${1##*/}"
	for parameter in "$1"/parameters/*; do
		get "$parameter" && emit parameter "${1##*/}" "${parameter##*/}" "$value"
	done
}

# An OpenNebula front end is where its commands and the probes that it hands to its hosts are.
opennebula() {
	[ -d "$ROOT/var/lib/one/remotes" ] && has onehost && has onevm && has onetemplate && has onevnet || return 0
	emit opennebula
	opennebula_answer opennebula-hosts onehost list -j
	opennebula_answer opennebula-vms onevm list -j --extended
	opennebula_answer opennebula-templates onetemplate list -j
	opennebula_answer opennebula-networks onevnet list -j
}

# What oneadmin's command prints, as kind $1; or its words where it fails twice.
opennebula_answer() {
	kind=$1
	shift
	if answer=$(as_oneadmin "$@" 2>/dev/null) || answer=$(as_oneadmin "$@" 2>&1); then
		emit "$kind" "$(printf '%s\n' "$answer" | base64 -w 0)"
	else
		answer=$(printf '%s: %s' "$*" "$answer" | head -c 2000)
		emit opennebula-failure "$(printf '%s' "$answer" | base64 -w 0)"
	fi
}

as_oneadmin() {
	timeout -k 10 60 sudo -n -H -u oneadmin -- "$@" </dev/null
}

# Whole files in three forks, however many there are. `cat` and `wc` may see different moments, hence the second look.
files() {
	set --
	for file in "$ROOT"/etc/os-release "$own_custom" \
		"$ROOT"/etc/modprobe.d/*.conf "$ROOT"/etc/modules "$ROOT"/etc/modules-load.d/*.conf \
		"$ROOT"/etc/initramfs-tools/modules "$ROOT"/etc/initramfs-tools/hooks/cdktf-passthrough \
		"$ROOT"/etc/initramfs-tools/scripts/init-top/00-cdktf-passthrough "$ROOT"/etc/cdktf-passthrough/* "$ROOT"/etc/cdktf-passthrough/trial/* \
		"$ROOT"/etc/kernel/cmdline "$ROOT"/etc/kernel/proxmox-boot-uuids "$ROOT"/etc/kernel/*boot-pin \
		"$ROOT"/etc/default/grub "$ROOT"/etc/default/grub.d/*.cfg "$ROOT"/boot/grub/grubenv "$ROOT"/boot/grub2/grubenv \
		"$ROOT"/boot/loader/loader.conf "$ROOT"/efi/loader/loader.conf "$ROOT"/boot/efi/loader/loader.conf \
		"$ROOT"/boot/loader/entries/*.conf "$ROOT"/efi/loader/entries/*.conf "$ROOT"/boot/efi/loader/entries/*.conf \
		"$ROOT"/etc/dracut.conf.d/zz-cdktf-passthrough.conf "$ROOT"/usr/lib/dracut/modules.d/99cdktf-passthrough/* \
		"$ROOT"/usr/lib/dracut/modules.d/98cdktf-passthrough-trial/* \
		"$ROOT"/etc/mkinitcpio.conf.d/zz-cdktf-passthrough.conf "$ROOT"/etc/mkinitcpio.d/*.preset \
		"$ROOT"/etc/initcpio/install/cdktf-passthrough "$ROOT"/etc/initcpio/hooks/cdktf-passthrough \
		"$ROOT"/etc/systemd/system/cdktf-passthrough-*.service \
		"$ROOT"/etc/systemd/system/multi-user.target.wants/cdktf-passthrough-*.service \
		"$ROOT"/var/lib/cdktf-passthrough/record.json "$ROOT"/var/lib/cdktf-passthrough/pending \
		"$ROOT"/var/lib/cdktf-passthrough/drain.json \
		"$ROOT"/var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf "$ROOT"/etc/libvirt/qemu.conf \
		"$ROOT"/etc/pve/nodes/*/qemu-server/*.conf "$ROOT"/etc/pve/local/lxc/*.conf "$ROOT"/etc/pve/mapping/*.cfg \
		"$ROOT"/etc/pve/ha/resources.cfg "$ROOT"/etc/pve/replication.cfg; do
		case $file in
		*"$NL"*) continue ;;
		esac
		if [ -f "$file" ] && [ -r "$file" ]; then
			set -- "$@" "$file"
			emit file "${file#"$ROOT"}"
		fi
	done
	for _ in 1 2 3; do
		before=$(wc -c "$@")
		content=$(cat "$@" | base64 -w 0)
		[ "$before" != "$(wc -c "$@")" ] || break
	done
	while read -r size _; do
		[ $# -gt 0 ] || break
		shift
		emit size "$size"
	done <<-END
		$before
	END
	emit content "$content"
}

# What else gives devices to drivers at boot; never whole files, which may hold anything.
script_lines() {
	set --
	for file in "$ROOT"/etc/rc.local "$ROOT"/etc/rc.d/rc.local "$ROOT"/usr/local/bin/*vfio* \
		"$ROOT"/usr/local/sbin/*vfio* "$ROOT"/etc/systemd/system/*vfio*.service \
		"$ROOT"/etc/initramfs-tools/scripts/*/*vfio* "$ROOT"/etc/dracut.conf "$ROOT"/etc/dracut.conf.d/*.conf; do
		case $file in
		*cdktf-passthrough* | *"$NL"*) continue ;;
		esac
		[ ! -f "$file" ] || set -- "$@" "$file"
	done
	[ $# -gt 0 ] || return 0
	found=$(grep -IHn -E 'new_id|driver_override|/sys/bus/pci/|_drivers\+?=|_dracutmodules\+?=' "$@" | head -n 200)
	while read -r line; do
		[ -z "$line" ] || emit script-line "${line#"$ROOT"}"
	done <<-END
		$found
	END
}

proxmox() {
	[ -d "$ROOT/etc/pve" ] || return 0
	version=$(awk '
		/^Package: / { found = ($2 == "pve-manager") }
		found && /^Version: / { print $2; exit }
	' "$ROOT/var/lib/dpkg/status")
	if [ -z "$version" ] && has pveversion; then
		version=$(pveversion)
		version=${version#pve-manager/}
		version=${version%%/*}
	fi
	[ -n "$version" ] || return 0
	get "$ROOT/proc/sys/kernel/hostname"
	locate "$ROOT/etc/pve/local" && value=${node##*/}
	emit proxmox "$value" "$version"
	for pid in "$ROOT"/run/qemu-server/*.pid; do
		get "$pid" && [ -d "$ROOT/proc/$value" ] && pid=${pid##*/} && emit running "${pid%.pid}"
	done
	for container in "$ROOT"/etc/pve/local/lxc/*.conf; do
		[ -e "$container" ] || continue
		for id in $(running_containers); do
			emit running-container "$id"
		done
		break
	done
	for folder in "$ROOT"/etc/pve/nodes/*; do
		[ ! -d "$folder" ] || emit node "${folder##*/}"
	done
	# A bridge of Open vSwitch is known by its name alone. What belongs to one guest is none.
	for folder in "$ROOT"/sys/class/net/*; do
		case ${folder##*/} in
		'*' | tap* | veth* | fwbr* | fwln* | fwpr*) ;;
		*) emit interface "${folder##*/}" ;;
		esac
	done
	rom_files
}

# A ROM of the author's ends in .rom or .bin; what else lies there is QEMU's own.
rom_files() {
	set --
	for rom in "$ROOT"/usr/share/kvm/*; do
		[ -f "$rom" ] || continue
		emit rom "${rom##*/}"
		case ${rom##*/} in
		*[!A-Za-z0-9._+-]*) ;;
		*.rom | *.bin) set -- "$@" "$rom" ;;
		esac
	done
	[ $# -gt 0 ] || return 0
	digests=$(sha256sum "$@")
	while read -r digest rom; do
		emit rom-digest "${rom##*/}" "$digest"
	done <<-END
		$digests
	END
}

# Read only, which also the hosts of oVirt allow. One call lists, one prints every definition; no name of a domain, which
# may hold anything, reaches a command. The random word keeps what is printed from passing for a heading; virsh's echo
# ends no line.
libvirt() {
	has virsh || return 0
	if ! domains=$(timeout 60 virsh -q -r -c qemu:///system \
		"list --all --uuid; echo ' active '; list --uuid; echo ' persistent '; list --all --persistent --uuid; echo ' autostart '; list --all --autostart --uuid" \
		2>&1 </dev/null); then
		emit libvirt-complaint "$(printf '%s' "$domains" | base64 -w 0)"
		return
	fi
	get /proc/sys/kernel/random/uuid
	word=$value
	emit libvirt "$word"
	emit domains "$(domain_definitions | gzip -c | base64 -w 0)"
}

# One daemon for everything, or one for guests of QEMU: what reads qemu.conf.
libvirt_services() {
	for service in libvirtd.service virtqemud.service; do
		for folder in usr/lib lib etc; do
			[ -e "$ROOT/$folder/systemd/system/$service" ] && emit libvirt-service "$service" && break
		done
	done
}

domain_definitions() {
	list=all
	commands=
	for entry in $domains; do
		case $entry in
		active | persistent | autostart)
			list=$entry
			continue
			;;
		esac
		case $list in
		all) commands="$commands echo $word configured $entry; dumpxml --inactive $entry;" ;;
		active) commands="$commands echo $word live $entry; dumpxml $entry;" ;;
		*) printf '%s %s %s\n' "$word" "$list" "$entry" ;;
		esac
		# The kernel takes 128 KiB as one argument.
		[ "${#commands}" -lt 100000 ] || flush_commands
	done
	flush_commands
}

flush_commands() {
	[ -z "$commands" ] || timeout 120 virsh -q -r -c qemu:///system "$commands" </dev/null
	commands=
}
