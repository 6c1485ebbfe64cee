import { debianIntel } from "../debianIntel";
import type { Profile } from "../types";
import { server } from "./server";

const trixie = `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
ID=debian
`;
const kernels = ["6.12.9+deb13-amd64", "6.12.12+deb13-amd64"];

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
