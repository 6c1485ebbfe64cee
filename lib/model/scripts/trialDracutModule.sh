#!/bin/sh
# shellcheck disable=SC2154 # moddir and initdir are dracut's
# Written by cdktf-passthrough: dracut's module for the image of a trial boot, of what was declared in the place of what
# /etc holds. dracut sources this file.

# Only where it is asked for by name.
check() {
	return 255
}

depends() {
	return 0
}

installkernel() {
	# Drivers that no device of this machine needs yet are packed too.
	hostonly='' instmods vfio vfio_iommu_type1 vfio_iommu_spapr_tce vfio_virqfd vfio_pci
	if [ -e "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/trial/initramfs-modules" ]; then
		# shellcheck disable=SC2046 # a module each word
		hostonly='' instmods $(cat "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/trial/initramfs-modules")
	fi
}

install() {
	sources=${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/trial
	inst_hook pre-udev 00 "$moddir/pre-udev.sh"
	for file in devices modprobe.conf modules.conf; do
		if [ -e "$sources/$file" ]; then
			inst_simple "$sources/$file" "/etc/cdktf-passthrough/$file"
		fi
	done
	inst_script "$sources/early" /etc/cdktf-passthrough/trial
	inst_script "$sources/bind" /etc/cdktf-passthrough/early
	# What is there already would stay: dracut packs /etc/modprobe.d before.
	rm -f "${initdir:?}/etc/modprobe.d/zz-cdktf-passthrough.conf"
	if [ -e "$sources/modprobe.conf" ]; then
		inst_simple "$sources/modprobe.conf" /etc/modprobe.d/zz-cdktf-passthrough.conf
	fi
}
