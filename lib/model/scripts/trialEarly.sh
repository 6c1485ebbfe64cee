#!/bin/sh
# Written by cdktf-passthrough: the early script of a trial boot. What is declared for modprobe and modules-load goes
# into /run, where the booted system reads it as it reads /etc, and which the next boot starts without.
PREREQ=""

prereqs() {
	echo "$PREREQ"
}

case "${1:-}" in
prereqs)
	prereqs
	exit 0
	;;
esac

ROOT=${PASSTHROUGH_ROOT:-}
FOLDER=$ROOT/etc/cdktf-passthrough

read -r words <"$ROOT/proc/cmdline"
case " $words " in
*" cdktf_passthrough.trial="*) ;;
*) exit 0 ;;
esac

# File $1 of ours into folder $2 of /run. An initramfs may have no cp.
carry() {
	[ -r "$FOLDER/$1" ] || return 0
	mkdir -p "$ROOT/run/$2"
	while read -r line || [ -n "$line" ]; do
		printf '%s\n' "$line"
	done <"$FOLDER/$1" >"$ROOT/run/$2/zz-cdktf-passthrough-trial.conf"
}

carry modprobe.conf modprobe.d
carry modules.conf modules-load.d
sh "$FOLDER/early"
# Whatever happened here must not keep the host from booting.
exit 0
