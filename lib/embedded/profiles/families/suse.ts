import { suseImages } from "../bootImages";
import type { Profile } from "../types";
import { server } from "./server";

export const opensuse: Profile = server({
  name: "opensuse",
  summary: "openSUSE Leap 15.6, GRUB's menu made by grub2-mkconfig, dracut",
  hostname: "leap",
  osRelease: `NAME="openSUSE Leap"
VERSION="15.6"
ID="opensuse-leap"
ID_LIKE="suse opensuse"
VERSION_ID="15.6"
PRETTY_NAME="openSUSE Leap 15.6"
`,
  kernels: ["6.4.0-150600.23.22-default", "6.4.0-150600.23.25-default"],
  initramfs: "dracut",
  images: suseImages,
  bootLoader: {
    kind: "grub-mkconfig",
    root: "UUID=2f6f1c1e-5a0b-4a57-9d3f-0f0a30c0de01",
    esps: [],
    menu: "/boot/grub2/grub.cfg",
    mkconfig: "grub2-mkconfig",
  },
  files: {
    "/etc/default/grub": `# If you change this file, run 'grub2-mkconfig -o /boot/grub2/grub.cfg' afterwards to update
# /boot/grub2/grub.cfg.

GRUB_DISTRIBUTOR=
GRUB_DEFAULT=saved
GRUB_TIMEOUT=8
GRUB_CMDLINE_LINUX_DEFAULT="splash=silent mitigations=auto quiet security=apparmor"
GRUB_CMDLINE_LINUX=""
GRUB_TERMINAL="gfxterm"
SUSE_BTRFS_SNAPSHOT_BOOTING="true"
`,
  },
});
