#!/bin/sh
# Written by cdktf-passthrough: makes the image of a trial boot of what was declared, in the place of what /etc holds.
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
FOLDER=$ROOT/etc/cdktf-passthrough/trial
TARGET=$DESTDIR/etc/cdktf-passthrough

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

set -e
rm -rf "$TARGET" "$DESTDIR/etc/modprobe.d/zz-cdktf-passthrough.conf"
mkdir -p "$TARGET" "$DESTDIR/etc/modprobe.d"
for file in devices modprobe.conf modules.conf; do
	if [ -e "$FOLDER/$file" ]; then
		cp -p "$FOLDER/$file" "$TARGET/$file"
	fi
done
cp -p "$FOLDER/bind" "$TARGET/early"
if [ -e "$FOLDER/modprobe.conf" ]; then
	cp -p "$FOLDER/modprobe.conf" "$DESTDIR/etc/modprobe.d/zz-cdktf-passthrough.conf"
fi
