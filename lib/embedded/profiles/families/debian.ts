import { debianIntel } from "../debianIntel";
import type { Disk, Profile } from "../types";
import { server } from "./server";

const trixie = `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
ID=debian
`;
const kernels = ["6.12.9+deb13-amd64", "6.12.12+deb13-amd64"];

const plainRoot = "5f3c1d52-8b0e-4a53-9c55-0d6f7f0a2c11";

/** / on a partition of its own, which GRUB can write to: no LVM, no RAID. */
export const debianPlain: Profile = {
  ...debianIntel,
  name: "debian-plain",
  summary: "Debian 12, GRUB, / on an ext4 partition",
  hostname: "plain",
  devices: debianIntel.devices.map((device) =>
    device.gives?.disks === undefined
      ? device
      : { ...device, gives: { ...device.gives, disks: device.gives.disks.map(plainDisk) } },
  ),
  stackedDisks: [],
  mounts: debianIntel.mounts.replace(/^(30 1 )253:0(.*) \/dev\/mapper\/vg0-root /m, "$18:2$2 /dev/sda2 "),
  swaps: "",
  bootLoader: { kind: "grub", root: `UUID=${plainRoot}`, esps: [] },
  files: {
    ...debianIntel.files,
    "/etc/fstab": `UUID=${plainRoot} / ext4 errors=remount-ro 0 1\nUUID=C1D2-0A01 /boot/efi vfat umask=0077 0 1\n`,
  },
};

function plainDisk(disk: Disk): Disk {
  const [esp, root] = disk.partitions;
  return esp === undefined || root === undefined || disk.name !== "sda"
    ? { ...disk, partitions: [] }
    : { ...disk, partitions: [esp, { sectors: root.sectors, uuid: plainRoot, type: "ext4" }] };
}

/** dracut in the place of initramfs-tools; its images have Debian's names. */
export const debianDracut: Profile = server({
  name: "debian-dracut",
  summary: "Debian 13, GRUB, dracut",
  hostname: "trixie",
  osRelease: trixie,
  kernels,
  initramfs: "dracut",
  bootLoader: { kind: "grub", root: "/dev/mapper/vg0-root", esps: [] },
  files: { "/etc/default/grub": debianIntel.files["/etc/default/grub"] ?? "" },
});

/** Entries and copies on the ESP, made by kernel-install of /etc/kernel/cmdline. */
export const debianSystemdBoot: Profile = server({
  name: "debian-systemd-boot",
  summary: "Debian 13, systemd-boot with entries by kernel-install, initramfs-tools",
  hostname: "sdboot",
  osRelease: trixie,
  kernels,
  bootLoader: {
    kind: "loader-entries",
    root: "/dev/mapper/vg0-root",
    esps: [],
    esp: "/boot/efi",
    kernelInstall: true,
  },
  files: {
    "/etc/kernel/cmdline": "root=/dev/mapper/vg0-root ro quiet\n",
    "/boot/efi/loader/loader.conf": "#timeout 3\n#console-mode keep\n",
  },
});
