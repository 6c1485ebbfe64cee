#!/bin/sh
# The file system of a Debian 12 host in the folder $1.
# $2 is `base`: made by debootstrap, without a boot loader; the public key $3 may log in as root. MIRROR is a Debian
# mirror, by default the one that apt uses here. Any other $2 makes a copy of it the file system of a host that boots
# in that way: grub, dracut or systemd-boot.
set -eu

root=$1
kind=$2
key=${3:-}
here=$(cd "$(dirname "$0")" && pwd)

unpack() {
  # shellcheck disable=SC2016 # apt's own variable
  mirror=${MIRROR:-$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Codename: bookworm' | head -n 1)}
  if [ -z "$mirror" ]; then
    echo "apt knows no mirror of Debian 12 (bookworm) here: run apt-get update, or set MIRROR to one." >&2
    exit 1
  fi
  debootstrap --variant=minbase \
    --include=systemd-sysv,dbus,udev,kmod,procps,iproute2,openssh-server,pciutils,initramfs-tools,zstd \
    bookworm "$root" "$mirror"
  echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/bench"
  cp -R "$here/files/." "$root/"
  mkdir -p "$root/root/.ssh"
  cp "$key" "$root/root/.ssh/authorized_keys"
  chmod 700 "$root/root/.ssh"
  chmod 600 "$root/root/.ssh/authorized_keys"
}

inside() {
  DEBIAN_FRONTEND=noninteractive LC_ALL=C chroot "$root" "$@"
}

# What is true on the machine that builds must not leak in: no service starts, no device is probed.
install_packages() {
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  inside apt-get -qy --no-install-recommends -o Dpkg::Options::=--force-confold install "$@"
  inside apt-get -qy clean
  rm -f "$root/usr/sbin/policy-rc.d"
}

base() {
  install_packages linux-image-amd64
  inside systemctl -q enable systemd-networkd ssh serial-getty@ttyS0
  # Timers, per-login services and what no scenario looks at only cost time on an emulated processor.
  inside systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
    fstrim.timer dpkg-db-backup.timer systemd-networkd-wait-online.service getty@tty1.service \
    systemd-update-utmp.service systemd-update-utmp-runlevel.service systemd-binfmt.service \
    systemd-pcrphase.service systemd-pcrphase-sysinit.service modprobe@drm.service modprobe@fuse.service \
    modprobe@configfs.service modprobe@dm_mod.service modprobe@loop.service dev-hugepages.mount \
    dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount sys-fs-fuse-connections.mount
  # Nobody's desktop: a login starts no service manager of its own.
  sed -i '/pam_systemd/d' "$root/etc/pam.d/common-session"
}

install_grub() {
  echo 'grub-pc grub-pc/install_devices_empty boolean true' | inside debconf-set-selections
  install_packages grub-pc "$@"
}

[ "$kind" != base ] || unpack
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
trap 'umount "$root/dev" "$root/proc"' EXIT
case $kind in
base) base ;;
grub)
  install_grub libvirt-daemon-system libvirt-clients qemu-system-x86 busybox-static
  # libvirt runs where a scenario starts it; the others do not wait for it.
  inside systemctl -q disable libvirtd.service libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket \
    libvirt-guests.service virtlogd.socket virtlogd-admin.socket virtlockd.socket virtlockd-admin.socket
  ;;
# In the place of initramfs-tools.
dracut) install_grub dracut ;;
# Its boot loader needs the machine's own firmware: see firstBoot.sh.
systemd-boot) install_packages systemd-boot dosfstools ;;
*)
  echo "$kind: base, grub, dracut or systemd-boot" >&2
  exit 2
  ;;
esac
[ "$kind" = base ] || rm -f "$root"/var/lib/apt/lists/*_*
