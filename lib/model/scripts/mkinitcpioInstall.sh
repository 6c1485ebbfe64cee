#!/bin/sh
# shellcheck disable=SC2154 # BUILDROOT is mkinitcpio's
# Written by cdktf-passthrough: mkinitcpio's build hook. It packs what holds devices by vfio-pci from boot on, for an
# init of busybox (a hook) and for one of systemd (a unit). mkinitcpio sources this file.

build() {
	for module in vfio vfio_iommu_type1 vfio_pci; do
		add_module "$module"
	done

	if [ -e "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/modules" ]; then
		while read -r module; do
			case $module in
			'' | '#'*) ;;
			*) add_module "$module" ;;
			esac
		done <"${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/modules"
	fi

	for file in devices early; do
		if [ -e "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/$file" ]; then
			add_file "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/$file" "/etc/cdktf-passthrough/$file"
		fi
	done
	if [ -e "${PASSTHROUGH_ROOT:-}/etc/modprobe.d/zz-cdktf-passthrough.conf" ]; then
		add_file "${PASSTHROUGH_ROOT:-}/etc/modprobe.d/zz-cdktf-passthrough.conf" /etc/modprobe.d/zz-cdktf-passthrough.conf
	fi
	# The hook `base` has them, and an initramfs of systemd may do without it.
	[ -e "$BUILDROOT/usr/bin/sh" ] || add_binary bash /usr/bin/sh
	[ -e "$BUILDROOT/usr/bin/modprobe" ] || add_binary modprobe

	add_runscript
	mkdir -p "$BUILDROOT/usr/lib/systemd/system/sysinit.target.wants"
	cat >"$BUILDROOT/usr/lib/systemd/system/cdktf-passthrough.service" <<'END'
[Unit]
Description=Hold devices by vfio-pci
DefaultDependencies=no
Before=systemd-udevd.service systemd-udev-trigger.service systemd-modules-load.service

[Service]
Type=oneshot
ExecStart=-/usr/bin/sh /etc/cdktf-passthrough/early
END
	add_symlink /usr/lib/systemd/system/sysinit.target.wants/cdktf-passthrough.service ../cdktf-passthrough.service
}

help() {
	echo "Holds the devices of /etc/cdktf-passthrough/devices by vfio-pci from boot on."
}
