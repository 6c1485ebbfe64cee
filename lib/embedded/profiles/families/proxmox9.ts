import { debianIntel } from "../debianIntel";
import type { Profile } from "../types";
import { server } from "./server";

const esps = ["C1D2-0A01", "C1D2-0A02"] as const;

/** One ESP with systemd-boot, one with GRUB: each reads a file of its own. */
export const proxmox9: Profile = server({
  name: "proxmox-9-two-esps",
  summary: "Proxmox VE 9, proxmox-boot-tool with systemd-boot on one ESP and GRUB on the other",
  hostname: "pve9",
  osRelease: `PRETTY_NAME="Debian GNU/Linux 13 (trixie)"
NAME="Debian GNU/Linux"
VERSION_ID="13"
VERSION="13 (trixie)"
VERSION_CODENAME=trixie
ID=debian
`,
  kernels: ["6.14.8-2-pve", "6.14.11-1-pve"],
  bootLoader: {
    kind: "systemd-boot",
    root: "/dev/mapper/vg0-root",
    esps,
    espModes: { [esps[0]]: "uefi", [esps[1]]: "grub" },
  },
  files: {
    "/etc/kernel/cmdline": "root=/dev/mapper/vg0-root ro quiet\n",
    "/etc/kernel/proxmox-boot-uuids": `${esps.join("\n")}\n`,
    "/etc/default/grub": debianIntel.files["/etc/default/grub"] ?? "",
    "/etc/default/grub.d/proxmox-ve.cfg":
      'GRUB_DISTRIBUTOR="Proxmox VE GNU/Linux"\nGRUB_DISABLE_OS_PROBER=true\n',
  },
  proxmox: { node: "pve9", version: "9.0.10", vms: {}, romFiles: [] },
});
