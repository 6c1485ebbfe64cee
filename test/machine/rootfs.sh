#!/bin/sh
# Makes the file system of a Debian 12 host in the folder $1: debootstrap, then apt in a chroot.
# $2 is the public key that may log in as root. MIRROR is a Debian mirror, by default the one that apt uses here.
set -eu

root=$1
key=$2
# shellcheck disable=SC2016 # apt's own variable
mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)}
if [ -z "$mirror" ]; then
  echo "apt knows no mirror of Debian 12 (bookworm) here: run apt-get update, or set MIRROR to one." >&2
  exit 1
fi
here=$(cd "$(dirname "$0")" && pwd)

debootstrap --variant=minbase \
  --include=systemd-sysv,dbus,udev,kmod,procps,iproute2,openssh-server,pciutils,initramfs-tools,zstd \
  bookworm "$root" "$mirror"

# What was true on the machine that builds must not leak in: no service starts, no device is probed.
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/bench"

cp -R "$here/files/." "$root/"
mkdir -p "$root/root/.ssh"
cp "$key" "$root/root/.ssh/authorized_keys"
chmod 700 "$root/root/.ssh"
chmod 600 "$root/root/.ssh/authorized_keys"

mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
trap 'umount "$root/dev" "$root/proc"' EXIT

inside() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"
}
echo 'grub-pc grub-pc/install_devices_empty boolean true' | inside debconf-set-selections
inside apt-get -qy --no-install-recommends -o Dpkg::Options::=--force-confold install linux-image-amd64 grub-pc \
  libvirt-daemon-system libvirt-clients qemu-system-x86 busybox-static
inside systemctl -q enable systemd-networkd ssh serial-getty@ttyS0
# Timers and per-login services only cost time on an emulated processor.
inside systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
  fstrim.timer dpkg-db-backup.timer systemd-networkd-wait-online.service getty@tty1.service
# libvirt runs where a scenario starts it; the others do not wait for it.
inside systemctl -q disable libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket \
  libvirt-guests.service virtlogd.socket virtlogd-admin.socket virtlockd.socket virtlockd-admin.socket
inside apt-get -qy clean
rm -f "$root/usr/sbin/policy-rc.d" "$root"/var/lib/apt/lists/*_*
