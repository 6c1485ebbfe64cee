#!/bin/sh
# What the new machine does at its first start, with Debian's tools: its own boot loader, and an initramfs that knows
# which file system it starts from.
set -eu
grub-install /dev/vda
update-initramfs -u
update-grub
sync
