# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT and value are common.sh's, target and the like change.sh's
# The steps of a trial boot. Nothing here touches what the host boots by default.

trial_sources=/etc/cdktf-passthrough/trial
trial_entry=cdktf-passthrough-trial

# Room for the trial's image $1, before anything is written: that of the largest image that is there, and some more.
check_trial_space() {
	folder=$ROOT${1%/*}
	# It is made beside an old one of ours, which stays until then.
	[ -d "$folder" ] || folder=${folder%/*}
	largest=$(find "$ROOT"/boot -maxdepth 1 -name 'init*' -printf '%k\n' 2>/dev/null | sort -n | tail -n 1)
	check_space "$folder" "$((${largest:-65536} + 8192))" "the image of the trial boot"
}

# Step $1, seconds $2: builder $3 makes the image $5 of a trial of kernel $4.
trial_image() {
	step "$1" "build $5 for $4"
	image=$ROOT$5
	must "make room for $5" rm -f "$image.new"
	must "make the folder of $5" mkdir -p "${image%/*}"
	case $3 in
	initramfs-tools) trial_image_of_debian "$2" "$4" "$5.new" ;;
	dracut) trial_image_of_dracut "$2" "$4" "$5.new" ;;
	*) fail failed "There is no trial boot with $3" ;;
	esac
	must "write $5" sync "$image.new"
	must "write $5" mv -T "$image.new" "$image"
	sync "${image%/*}" 2>/dev/null || sync
}

# Seconds $1, kernel $2, image $3: with a copy of the builder's own folder.
trial_image_of_debian() {
	copy=$trial_sources/initramfs-tools
	must "copy initramfs-tools' folder" rm -rf "$ROOT$copy"
	must "copy initramfs-tools' folder" mkdir -p "$ROOT$copy"
	must "copy initramfs-tools' folder" cp -a "$ROOT/etc/initramfs-tools/." "$ROOT$copy"
	must "copy initramfs-tools' folder" mkdir -p "$ROOT$copy/hooks" "$ROOT$copy/scripts/init-top"
	# Under the names of those that the default's image is made with, if it is.
	must "add the trial's hook" cp -p "$ROOT$trial_sources/hook" "$ROOT$copy/hooks/cdktf-passthrough"
	must "add the trial's script" cp -p "$ROOT$trial_sources/early" "$ROOT$copy/scripts/init-top/00-cdktf-passthrough"
	if [ -e "$ROOT$trial_sources/initramfs-modules" ]; then
		words=$(cat "$ROOT$trial_sources/initramfs-modules" 2>&1 >>"$ROOT$copy/modules") || fail failed "Unable to add the trial's modules: $words"
	fi
	execute "$1" mkinitramfs -d "$copy" -o "$3" "$2"
	[ -s "$ROOT$3" ] || fail failed "mkinitramfs exited with 0 and made no $3"
	rm -rf "$ROOT${copy:?}"
}

# Seconds $1, kernel $2, image $3: the trial's module in the place of the one that the default's image is made with.
trial_image_of_dracut() {
	execute "$1" dracut --force --omit cdktf-passthrough --add cdktf-passthrough-trial "$3" "$2"
	[ -s "$ROOT$3" ] || fail failed "dracut exited with 0 and made no $3"
	has lsinitrd || return 0
	lsinitrd "$ROOT$3" 2>/dev/null </dev/null | grep -q 'etc/cdktf-passthrough/trial$' ||
		fail failed "The trial's image holds nothing of the trial. Look for what leaves it out: omit_dracutmodules, or a modules.d somewhere else."
}

# Step $1: loader $2 starts the entry of file $3 once. It must be the one with the tag $5, and its image $4 be there.
trial_next() {
	step "$1" "have $2 start the trial once"
	if get "$ROOT/sys/kernel/kexec_loaded" && [ "$value" = 1 ]; then
		fail failed "A kernel is loaded for kexec, and a reboot would start that one, past the boot loader. Unload it with kexec -u, then deploy again."
	fi
	grep -qF -e "$5" "$ROOT$3" 2>/dev/null ||
		fail changed "$3 does not hold the trial's entry any more. Plan again."
	[ -s "$ROOT$4" ] || fail changed "The trial's image $4 is gone. Remove $3, then plan again."
	case $2 in
	grub)
		must "have GRUB start the trial once" grub-reboot "$trial_entry"
		grub_chose /boot/grub "$trial_entry" || fail failed "grub-reboot exited with 0, but /boot/grub/grubenv holds no next_entry=$trial_entry. The host was not rebooted."
		;;
	grub-bls)
		must "have GRUB start the trial once" grub2-editenv /boot/grub2/grubenv set "next_entry=$(entry_name "$3")"
		grub_chose /boot/grub2 "$(entry_name "$3")" || fail failed "grub2-editenv exited with 0, but /boot/grub2/grubenv holds no next_entry=$(entry_name "$3"). The host was not rebooted."
		;;
	systemd-boot)
		must "have systemd-boot start the trial once" bootctl set-oneshot "${3##*/}"
		one_shot
		[ "$value" = "${3##*/}" ] ||
			fail failed "bootctl exited with 0, but the firmware's variable LoaderEntryOneShot is ${value:-not there}, not ${3##*/}. The host was not rebooted."
		;;
	*) fail failed "There is no trial boot with $2" ;;
	esac
}

# Prints what GRUB calls the entry of file $1.
entry_name() {
	basename "$1" .conf
}

# Sets `value` to the entry that systemd-boot is to start once, as the firmware keeps it: text of two bytes a letter
# behind four bytes of attributes. The kernel lets nobody seek there.
one_shot() {
	# shellcheck disable=SC2002
	value=$(cat "$ROOT/sys/firmware/efi/efivars/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f" 2>/dev/null |
		tail -c +5 | tr -d '\000')
}

# Whether GRUB, whose environment block is in folder $1, starts entry $2 at the next boot.
grub_chose() {
	grep -qx -e "next_entry=$2" "$ROOT$1/grubenv" 2>/dev/null
}

# Has GRUB forget that with its program $3.
grub_forget() {
	grub_chose "$1" "$2" || return 0
	note "next_entry still stood: GRUB did not forget it"
	must "have GRUB forget the trial" "$3" "$1/grubenv" unset next_entry
	! grub_chose "$1" "$2" || fail failed "$1/grubenv still holds next_entry=$2, though $3 took it out: the next boot would start the trial."
}

# Step $1: what loader $2 and the running kernel still have of a trial with the entry $3 and the image $4.
trial_end() {
	step "$1" "take the trial boot away"
	touch_host
	case $2 in
	grub) grub_forget /boot/grub "$trial_entry" grub-editenv ;;
	grub-bls) grub_forget /boot/grub2 "$(entry_name "$3")" grub2-editenv ;;
	systemd-boot)
		one_shot
		if [ "$value" = "${3##*/}" ]; then
			note "LoaderEntryOneShot still stood: systemd-boot did not forget it, or has not started since"
			must "have systemd-boot forget the trial" bootctl set-oneshot ""
			one_shot
			[ "$value" != "${3##*/}" ] || fail failed "The firmware's variable LoaderEntryOneShot is still ${3##*/}, though bootctl took it out: the next boot would start the trial."
		fi
		;;
	esac
	must "remove $4" rm -f "$ROOT$4" "$ROOT$4.new"
	rmdir "$ROOT${4%/*}" 2>/dev/null
	must "remove what the trial carried over" rm -rf "$ROOT${trial_sources:?}/initramfs-tools" \
		"$ROOT/run/modprobe.d/zz-cdktf-passthrough-trial.conf" "$ROOT/run/modules-load.d/zz-cdktf-passthrough-trial.conf"
}
