#!/bin/sh
# shellcheck disable=SC2154 # moddir is dracut's
# Written by cdktf-passthrough: dracut's module that holds devices by vfio-pci from boot on. dracut sources this file.

check() {
	return 0
}

depends() {
	return 0
}

installkernel() {
	# Drivers that no device of this machine needs yet are packed too.
	hostonly='' instmods vfio vfio_iommu_type1 vfio_iommu_spapr_tce vfio_virqfd vfio_pci
}

install() {
	inst_hook pre-udev 00 "$moddir/pre-udev.sh"
	for file in /etc/cdktf-passthrough/devices /etc/modprobe.d/zz-cdktf-passthrough.conf; do
		if [ -e "${PASSTHROUGH_ROOT:-}$file" ]; then
			inst_simple "${PASSTHROUGH_ROOT:-}$file" "$file"
		fi
	done
	inst_script "${PASSTHROUGH_ROOT:-}/etc/cdktf-passthrough/early" /etc/cdktf-passthrough/early
}
