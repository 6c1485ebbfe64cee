# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, NL, value and node are common.sh's; mount_points and the blocks are critical.sh's
# What the next boot looks for, mounted or not, and what would keep the host from coming back by itself:
#     hazard <words>

boot_disks() {
	fstab_disks
	crypttab_disks
	sealed_root
	sbd_disks
	managed_esps
	boot_choice
	command_line_disks
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

# Whether boot goes on without a disk that has the options $1 in fstab or crypttab.
spared() {
	case ,$1, in
	*,noauto,* | *,nofail,* | *,_netdev,* | *,x-systemd.automount,*) return 0 ;;
	esac
	return 1
}

# Without `nofail`, systemd waits for the disk and then stops in emergency mode, where no SSH answers.
fstab_disks() {
	[ -r "$ROOT/etc/fstab" ] || return 0
	while read -r spec point type options _; do
		case $spec in
		'#'* | '') continue ;;
		esac
		if ! named_block "$spec" && ! unlocked_block "$spec"; then
			missing_disk
			continue
		fi
		case $name in
		zram* | zd*) continue ;;
		esac
		case $type:$point in
		swap:*)
			new_block "$name" && block_use "$name" disk 1 "is swap in /etc/fstab"
			continue
			;;
		# Nothing that the author says makes the host boot without it.
		*:/) continue ;;
		esac
		if spared "$options"; then
			new_block "$name" && block_use "$name" disk 1 "is in /etc/fstab as $point"
		else
			block_use "$name" disk 2 "is in /etc/fstab as $point without nofail: without it boot stops"
		fi
	done <"$ROOT/etc/fstab"
}

new_block() {
	case $known_blocks in
	*" $1 "*) return 1 ;;
	esac
}

# A line of fstab whose disk is not there. What has other characters in its name is listed under another one.
missing_disk() {
	case $type:$spec in
	swap:* | *[!A-Za-z0-9/=:._-]*) return 0 ;;
	*:/dev/* | *:UUID=* | *:LABEL=* | *:PARTUUID=* | *:PARTLABEL=* | *:ID=*) ;;
	*) return 0 ;;
	esac
	spared "$options" && return
	case $mount_points in
	*"$NL$point$NL"*) return 0 ;;
	esac
	emit hazard "/etc/fstab wants $spec for $point, without nofail, and there is no such disk now, so the boot would stop in emergency mode. Add nofail to that line, or take it out"
}

# Sets `name` to the disk below the volume that crypttab unlocks as $1, where it is not unlocked now.
unlocked_block() {
	case $1 in
	/dev/mapper/*) ;;
	*) return 1 ;;
	esac
	[ -r "$ROOT/etc/crypttab" ] || return 1
	volume=${1#/dev/mapper/}
	while read -r target sealed _; do
		[ "$target" = "$volume" ] || continue
		named_block "$sealed"
		return
	done <"$ROOT/etc/crypttab"
	return 1
}

crypttab_disks() {
	unlocked=" "
	[ -r "$ROOT/etc/crypttab" ] || return 0
	while read -r target sealed key options _; do
		case $target in
		'#'* | '') continue ;;
		esac
		unlocked="$unlocked$target "
		named_block "$sealed" || continue
		disk=$name
		if spared "$options"; then
			block_use "$disk" disk 1 "is unlocked at boot as $target (/etc/crypttab)"
			continue
		fi
		case $root_blocks in
		# Below / in any case.
		*" $disk "*) block_use "$disk" disk 1 "is unlocked at boot as $target (/etc/crypttab)" ;;
		*) block_use "$disk" disk 2 "is unlocked at boot as $target (/etc/crypttab) without nofail: without it boot stops" ;;
		esac
		case $key in
		*:*=*) named_block "${key##*:}" && block_use "$name" disk 1 "holds the key of $target (/etc/crypttab)" ;;
		esac
		opens_by_itself "$target" "$disk" "${key:-none}" "$options" || emit hazard \
			"$target (/dev/$disk, /etc/crypttab) is unlocked at boot with a passphrase that somebody has to type"
	done <"$ROOT/etc/crypttab"
}

# Whether volume $1 on disk $2 needs nobody at boot: key $3, options $4.
opens_by_itself() {
	case $3 in
	none | -) ;;
	*) return 0 ;;
	esac
	case ,$4, in
	*,keyscript=* | *,tpm2-device=* | *,try-empty-password* | *,swap,* | *,tmp,* | *,tmp=*) return 0 ;;
	esac
	[ ! -e "$ROOT/etc/cryptsetup-keys.d/$1.key" ] || return 0
	# The header of a LUKS volume says in text what else opens it.
	tokens=$(head -c 2097152 "$ROOT/dev/$2" | grep -a -o -E '"type":"(clevis|systemd-tpm2)"|"tpm2-pin":true|LUKSMETA')
	case $tokens in
	*tpm2-pin* | '') return 1 ;;
	esac
}

# Below / there may be a volume that only the command line names.
sealed_root() {
	kernel_parameters
	for block in $root_blocks; do
		get "$ROOT/sys/class/block/$block/dm/uuid" || continue
		case $value in
		CRYPT-*) ;;
		*) continue ;;
		esac
		get "$ROOT/sys/class/block/$block/dm/name"
		case $unlocked in
		*" $value "*) continue ;;
		esac
		case " $parameters " in
		*" cryptkey="* | *" rd.luks.key="* | *" luks.key="* | *"luks.options="*tpm2-device=*) continue ;;
		esac
		for slave in "$ROOT/sys/class/block/$block"/slaves/*; do
			opens_by_itself "$value" "${slave##*/}" none "" || emit hazard \
				"$value (/dev/${slave##*/}), which / is on, is unlocked at boot with a passphrase that somebody has to type"
		done
	done
	if [ "$root_type" = zfs ] && has zfs; then
		sealed_dataset
	fi
}

# ZFS has no file that tells this.
sealed_dataset() {
	sealed=$(timeout 20 zfs get -H -o value encryptionroot "$root_device")
	case $sealed in
	'' | -) return 0 ;;
	esac
	[ "$(timeout 20 zfs get -H -o value keylocation "$sealed")" != prompt ] ||
		emit hazard "the ZFS dataset $sealed, which / is on, is unlocked at boot with a passphrase that somebody has to type"
}

# Without them a cluster's nodes fence themselves.
sbd_disks() {
	for settings in "$ROOT/etc/default/sbd" "$ROOT/etc/sysconfig/sbd"; do
		[ -r "$settings" ] || continue
		while read -r line; do
			case $line in
			SBD_DEVICE=*) ;;
			*) continue ;;
			esac
			line=$(printf '%s' "${line#*=}" | tr -d "\"'" | tr ';' ' ')
			for file in $line; do
				block_name "$file" && block_use "$name" disk 1 "is a fencing disk of the cluster (SBD)"
			done
		done <"$settings"
	done
}

# Proxmox keeps them unmounted.
managed_esps() {
	[ -r "$ROOT/etc/kernel/proxmox-boot-uuids" ] || return 0
	while read -r uuid _; do
		case $uuid in
		'#'* | '') continue ;;
		esac
		block_name "/dev/disk/by-uuid/$uuid" &&
			block_use "$name" esp 1 "holds the EFI system partition (ESP) $uuid, which the host boots from"
	done <"$ROOT/etc/kernel/proxmox-boot-uuids"
}

# The firmware keeps its boot options as device paths, laid out by the UEFI specification.
boot_choice() {
	global=8be4df61-93ca-11d2-aa0d-00e098032b8c
	[ -r "$ROOT/sys/firmware/efi/efivars/BootCurrent-$global" ] || return 0
	number=$(od -An -v -tx1 "$ROOT/sys/firmware/efi/efivars/BootCurrent-$global" | awk '{ print toupper($6 $5) }')
	[ -r "$ROOT/sys/firmware/efi/efivars/Boot$number-$global" ] || return 0
	choices=$(od -An -v -tx1 "$ROOT/sys/firmware/efi/efivars/Boot$number-$global" | awk '
		function digit(letter) { return index("0123456789abcdef", letter) - 1 }
		function number(at,  low, high) {
			low = byte[at]; high = byte[at + 1]
			return digit(substr(low, 1, 1)) * 16 + digit(substr(low, 2)) + 256 * (digit(substr(high, 1, 1)) * 16 + digit(substr(high, 2)))
		}
		function text(from, to,  all, step) {
			all = ""
			step = from > to ? -1 : 1
			for (; from != to + step; from += step) all = all byte[from]
			return all
		}
		{ for (i = 1; i <= NF; i++) byte[size++] = $i }
		END {
			# The attributes of the variable and of the option, the length of the paths, then words of two bytes a letter.
			paths = number(8)
			for (at = 10; at + 1 < size && byte[at] byte[at + 1] != "0000"; at += 2);
			at += 2
			end = at + paths
			for (; at + 4 <= size && at < end; at += size_of) {
				size_of = number(at + 2)
				if (size_of < 4) break
				kind = byte[at] byte[at + 1]
				if (kind == "0401" && byte[at + 41] == "02")
					print "partition " text(at + 27, at + 24) "-" text(at + 29, at + 28) "-" text(at + 31, at + 30) "-" text(at + 32, at + 33) "-" text(at + 34, at + 39)
				else if (kind == "0401" && byte[at + 41] == "01")
					print "partition " text(at + 27, at + 24) "-" byte[at + 4]
				else if (kind == "030b")
					print "mac " byte[at + 4] ":" byte[at + 5] ":" byte[at + 6] ":" byte[at + 7] ":" byte[at + 8] ":" byte[at + 9]
			}
		}
	')
	while read -r kind id; do
		case $kind in
		partition)
			block_name "/dev/disk/by-partuuid/$id" && new_block "$name" &&
				block_use "$name" esp 1 "is what the firmware booted from (BootCurrent $number)"
			;;
		mac)
			for interface in "$ROOT"/sys/class/net/*; do
				get "$interface/address" && [ "$value" = "$id" ] && locate "$interface" &&
					pci_use "$node" network 1 "is what the firmware booted from (BootCurrent $number, ${interface##*/})"
			done
			;;
		esac
	done <<-END
		$choices
	END
}

command_line_disks() {
	kernel_parameters
	for parameter in $parameters; do
		case $parameter in
		resume=*) resume_disk "${parameter#*=}" "resume=" ;;
		root=*)
			named_block "${parameter#*=}" && new_block "$name" &&
				block_use "$name" disk 1 "is root= of the kernel command line"
			;;
		esac
	done
	get "$ROOT/etc/initramfs-tools/conf.d/resume" || return 0
	case $value in
	RESUME=*)
		resume=${value#*=}
		named_block "$resume" && new_block "$name" && resume_disk "$resume" /etc/initramfs-tools/conf.d/resume
		;;
	esac
}

resume_disk() {
	named_block "$1" && block_use "$name" disk 1 "is what the host resumes from ($2)"
}
