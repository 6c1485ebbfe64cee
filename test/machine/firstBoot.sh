#!/bin/sh
# What the new machine does at its first start, with Debian's tools: its own boot loader, and an initramfs that knows
# which file system it starts from.
set -eu
release=$(uname -r)
esp=/dev/disk/by-partlabel/esp

if command -v bootctl >/dev/null && command -v mkfs.vfat >/dev/null; then
  mkfs.vfat -n ESP "$esp"
  echo 'LABEL=ESP /boot/efi vfat umask=0077 0 1' >>/etc/fstab
  mkdir -p /boot/efi
  mount /boot/efi
  # shellcheck source=/dev/null
  . /etc/default/grub
  mkdir -p /etc/kernel
  echo "root=LABEL=root ro $GRUB_CMDLINE_LINUX" >/etc/kernel/cmdline
  rm -r /etc/default/grub
  bootctl install
  echo 'timeout 0' >/boot/efi/loader/loader.conf
fi
if command -v dracut >/dev/null; then
  dracut --force "/boot/initrd.img-$release" "$release"
else
  update-initramfs -u
fi
if command -v grub-install >/dev/null; then
  grub-install /dev/vda
  update-grub
else
  kernel-install add "$release" "/boot/vmlinuz-$release"
fi
sync
