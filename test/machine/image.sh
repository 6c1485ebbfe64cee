#!/bin/sh
# Makes the disk $2 from the file system in the folder $1, which starts with the kernel and initramfs in $3 until the
# machine has installed its own boot loader. No loop device. Room for either kind of boot loader: GRUB's own partition
# and one for UEFI, behind the root file system.
set -eu

root=$1
disk=$2
first=$3
size=4096 # MiB
filesystem=$((size - 132))

cp "$first"/boot/vmlinuz-* "$disk.kernel"
cp "$first"/boot/initrd.img-* "$disk.initrd"
cp "$root/etc/ssh/ssh_host_ed25519_key.pub" "$disk.hostkey"

rm -f "$disk.raw"
truncate -s "${size}M" "$disk.raw"
sfdisk -q --label gpt "$disk.raw" <<END
start=1MiB, size=${filesystem}MiB, type=linux, name=root
size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=grub
size=128MiB, type=uefi, name=esp
END
mke2fs -q -F -t ext4 -L root -d "$root" -E offset=1048576,lazy_itable_init=1 "$disk.raw" "$((filesystem * 1024))k"
qemu-img convert -O qcow2 "$disk.raw" "$disk"
rm -f "$disk.raw"
