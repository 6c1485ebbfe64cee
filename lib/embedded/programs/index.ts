import { openNebulaPrograms } from "../opennebula/programs";
import type { Profile } from "../profiles/types";
import { virsh } from "../libvirt/virsh";
import { updateGrub } from "./grub";
import { grubEditenv, grubReboot } from "./grubEnvironment";
import { dracut, lsinitrd } from "./dracut";
import { grubby } from "./grubby";
import { grubMkconfig } from "./grubMkconfig";
import { bootctl, kernelInstall } from "./kernelInstall";
import { lsinitcpio, mkinitcpio } from "./mkinitcpio";
import { mkinitramfs } from "./mkinitramfs";
import { modprobe } from "./modprobe";
import { failed, type Program } from "./program";
import { proxmoxPrograms } from "./proxmox";
import { proxmoxBootTool } from "./proxmoxBootTool";
import { systemPrograms, zfsPrograms } from "./system";
import { tee } from "./tee";
import { updateInitramfs } from "./updateInitramfs";

const builders: Readonly<Record<NonNullable<Profile["initramfs"]>, Readonly<Record<string, Program>>>> = {
  "initramfs-tools": { "update-initramfs": updateInitramfs, mkinitramfs },
  dracut: { dracut, lsinitrd },
  mkinitcpio: { mkinitcpio, lsinitcpio },
};

function loaderPrograms({ bootLoader }: Profile): Record<string, Program> {
  switch (bootLoader.kind) {
    case "grub":
    case "systemd-boot":
      return { "update-grub": updateGrub, "grub-reboot": grubReboot, "grub-editenv": grubEditenv };
    case "grub-mkconfig":
      return { [bootLoader.mkconfig ?? "grub-mkconfig"]: grubMkconfig };
    case "bls":
      return { "grub2-mkconfig": grubMkconfig, "grub2-editenv": grubEditenv, grubby };
    case "loader-entries":
      return { bootctl, ...(bootLoader.kernelInstall ? { "kernel-install": kernelInstall } : {}) };
  }
}

const bystander: Program = ({ program }) => failed(`${program}: not for an embedded host`);

/** The programs on a host's PATH that act on the machine; all others are this system's own. */
export function programsOf(profile: Profile): Record<string, Program> {
  return {
    ...systemPrograms,
    modprobe,
    ...builders[profile.initramfs ?? "initramfs-tools"],
    ...loaderPrograms(profile),
    ...Object.fromEntries((profile.bystanders ?? []).map((name) => [name, bystander])),
    "embedded-tee": tee,
    ...(profile.zpools === "" ? {} : zfsPrograms),
    ...(profile.libvirt ? { virsh } : {}),
    ...(profile.proxmox ? { "proxmox-boot-tool": proxmoxBootTool, ...proxmoxPrograms } : {}),
    ...(profile.openNebula ? openNebulaPrograms : {}),
  };
}
