#!/bin/sh
# Makes the disk $2 from the file system in the folder $1: one ext4 partition. No loop device, no boot loader yet: the
# machine installs its own at its first start, which is given this kernel and initramfs from outside.
set -eu

root=$1
disk=$2
size=4096 # MiB

cp "$root"/boot/vmlinuz-* "$disk.kernel"
cp "$root"/boot/initrd.img-* "$disk.initrd"
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$disk.hostkey"

rm -f "$disk.raw"
truncate -s "${size}M" "$disk.raw"
echo '2048,,L,*' | sfdisk -q --label dos "$disk.raw"
mke2fs -q -F -t ext4 -L root -d "$root" -E offset=1048576,lazy_itable_init=1 "$disk.raw" "$(((size - 1) * 1024))k"
qemu-img convert -O qcow2 "$disk.raw" "$disk"
rm -f "$disk.raw"
