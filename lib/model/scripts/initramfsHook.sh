#!/bin/sh
# Written by cdktf-passthrough: puts vfio-pci and the table of devices that it holds from boot on into the initramfs.
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

# shellcheck source=/dev/null
. "$ROOT/usr/share/initramfs-tools/hook-functions"

manual_add_modules vfio
manual_add_modules vfio_iommu_type1
manual_add_modules vfio_pci
# Part of vfio since Linux 6.2; naming it there only makes a warning.
for module in "$ROOT/lib/modules/${version:-}"/kernel/drivers/vfio/vfio_virqfd.ko*; do
	if [ -e "$module" ]; then
		manual_add_modules vfio_virqfd
	fi
done

if [ -e "$ROOT/etc/cdktf-passthrough/modules" ]; then
	while read -r module; do
		case $module in
		'' | '#'*) ;;
		*) manual_add_modules "$module" ;;
		esac
	done <"$ROOT/etc/cdktf-passthrough/modules"
fi

if [ -e "$ROOT/etc/cdktf-passthrough/devices" ]; then
	mkdir -p "$DESTDIR/etc/cdktf-passthrough"
	cp -p "$ROOT/etc/cdktf-passthrough/devices" "$DESTDIR/etc/cdktf-passthrough/devices"
fi
