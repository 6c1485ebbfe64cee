import { archImages } from "../bootImages";
import type { Profile } from "../types";
import { server } from "./server";

const packages = { "6.6.64-1-lts": "linux-lts", "6.12.4-arch1-1": "linux" };
const root = "UUID=2f6f1c1e-5a0b-4a57-9d3f-0f0a30c0de01";

const system = {
  osRelease: `NAME="Arch Linux"
PRETTY_NAME="Arch Linux"
ID=arch
BUILD_ID=rolling
`,
  kernels: Object.keys(packages),
  packages,
  initramfs: "mkinitcpio",
  images: archImages(packages),
} as const;

const entry = (title: string, kernel: string, image: string) =>
  `# Created by hand\ntitle   ${title}\nlinux   /vmlinuz-${kernel}\ninitrd  /intel-ucode.img\ninitrd  /${image}.img\noptions root=${root} rw\n`;

/** Entries written by hand, and an initramfs of systemd. */
export const archSystemdBoot: Profile = server({
  ...system,
  name: "arch-systemd-boot",
  summary: "Arch Linux, systemd-boot, an initramfs of systemd by mkinitcpio",
  hostname: "arch",
  bootLoader: { kind: "loader-entries", root, esps: [], esp: "/boot" },
  files: {
    "/etc/mkinitcpio.conf": `MODULES=()
BINARIES=()
FILES=()
HOOKS=(base systemd autodetect microcode modconf kms keyboard sd-vconsole block filesystems fsck)
`,
    "/boot/loader/loader.conf": "default  arch.conf\ntimeout  4\n",
    "/boot/loader/entries/arch.conf": entry("Arch Linux", "linux", "initramfs-linux"),
    "/boot/loader/entries/arch-fallback.conf": entry(
      "Arch Linux (fallback initramfs)",
      "linux",
      "initramfs-linux-fallback",
    ),
    "/boot/loader/entries/arch-lts.conf": entry("Arch Linux LTS", "linux-lts", "initramfs-linux-lts"),
  },
});

/** A menu made by grub-mkconfig, and an initramfs of busybox. */
export const archGrub: Profile = server({
  ...system,
  name: "arch-grub",
  summary: "Arch Linux, GRUB, an initramfs of busybox by mkinitcpio",
  hostname: "archgrub",
  bootLoader: {
    kind: "grub-mkconfig",
    root,
    esps: [],
    menu: "/boot/grub/grub.cfg",
    mkconfig: "grub-mkconfig",
  },
  files: {
    "/etc/mkinitcpio.conf": `MODULES=()
BINARIES=()
FILES=()
HOOKS=(base udev autodetect microcode modconf kms keyboard keymap consolefont block filesystems fsck)
`,
    "/etc/default/grub": `# GRUB boot loader configuration

GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR="Arch"
GRUB_CMDLINE_LINUX_DEFAULT="loglevel=3 quiet"
GRUB_CMDLINE_LINUX=""
`,
  },
});
