import type { Profile } from "../profiles/types";
import { updateGrub } from "./grub";
import { modprobe } from "./modprobe";
import type { Program } from "./program";
import { proxmoxPrograms } from "./proxmox";
import { proxmoxBootTool } from "./proxmoxBootTool";
import { systemPrograms, zfsPrograms } from "./system";
import { tee } from "./tee";
import { updateInitramfs } from "./updateInitramfs";

/** The programs on a host's PATH that act on the machine; all others are this system's own. */
export function programsOf(profile: Profile): Record<string, Program> {
  return {
    ...systemPrograms,
    modprobe,
    "update-initramfs": updateInitramfs,
    "update-grub": updateGrub,
    "embedded-tee": tee,
    ...(profile.zpools === "" ? {} : zfsPrograms),
    ...(profile.proxmox ? { "proxmox-boot-tool": proxmoxBootTool, ...proxmoxPrograms } : {}),
  };
}
