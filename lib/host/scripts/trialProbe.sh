# shellcheck shell=sh
# shellcheck disable=SC2034,SC2154 # ROOT, node and value are common.sh's; own_custom is for probe.sh
# What tells whether the boot loader can start another entry once.

own_custom=

trial_evidence() {
	loader_variables
	menu=$ROOT/boot/grub/grub.cfg
	block=/boot/grub/grubenv
	if [ ! -r "$menu" ]; then
		menu=$ROOT/boot/grub2/grub.cfg
		block=/boot/grub2/grubenv
	fi
	[ -r "$menu" ] || return 0
	# Red Hat has a link to the ESP there.
	if [ -L "$ROOT$block" ]; then
		block=$(readlink -m -- "$ROOT$block")
		block=${block#"$ROOT"}
	fi
	# The mount that it is on: the longest path, the last of those mounted there.
	place=$(awk -v block="$block" '
		index(block, ($5 == "/" ? $5 : $5 "/")) == 1 && length($5) >= longest {
			longest = length($5)
			for (field = 7; $field != "-" && field < NF; field++);
			found = $(field + 1) " " $3
		}
		END { print found }
	' "$ROOT/proc/self/mountinfo")
	locate "$ROOT/sys/dev/block/${place##* }" || node=
	emit grub-folder "${place%% *}" "$node"
	if [ -e "$ROOT/boot/grub/custom.cfg" ]; then
		get "$ROOT/boot/grub/custom.cfg"
		case $value in
		"# Written by cdktf-passthrough."*) own_custom=$ROOT/boot/grub/custom.cfg ;;
		*) emit grub-custom-foreign ;;
		esac
	fi
	emit grub-entries "$(grub_entries | base64 -w 0)"
}

# Whether the menu obeys next_entry, reads custom.cfg and starts saved_entry; then the first entry of each kernel, whole.
grub_entries() {
	awk '
		/next_entry/ { once = 1 }
		/source .*custom\.cfg/ { custom = 1 }
		/set default="\$\{?saved_entry\}?"/ { saved = 1 }
		/^[ \t]*menuentry / { entry = ""; inside = 1; kernel = "" }
		inside { entry = entry $0 "\n" }
		inside && $1 ~ /^linux/ { kernel = $2 }
		inside && /^[ \t]*}[ \t]*$/ {
			inside = 0
			if (kernel != "" && !(kernel in seen)) {
				seen[kernel] = 1
				all = all "kernel " kernel "\n" entry
			}
		}
		END { print "menu " (once + 0) " " (custom + 0) " " (saved + 0); printf "%s", all }
	' "$menu"
}

# What systemd-boot can do, by the first byte of the variable that says it, and whether variables may be written.
loader_variables() {
	features=$ROOT/sys/firmware/efi/efivars/LoaderFeatures-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f
	[ -r "$features" ] || return 0
	# Four bytes of attributes come first. The kernel lets nobody seek there: see boot_evidence.
	# shellcheck disable=SC2002
	emit loader-variables "$(cat "$features" | od -An -v -tu1 -j4 -N1 | tr -d ' ')" "$(awk '
		$5 == "/sys/firmware/efi/efivars" {
			for (field = 7; $field != "-" && field < NF; field++);
			way = ($6 "," $(field + 3)) ~ /(^|,)ro(,|$)/ ? "ro" : "rw"
		}
		END { print way }
	' "$ROOT/proc/self/mountinfo")"
}
