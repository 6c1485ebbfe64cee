import { ceph, haManager, pvecm } from "../proxmox/cluster";
import { pct } from "../proxmox/pct";
import { pvesh } from "../proxmox/pvesh";
import { qm } from "../proxmox/qm";
import type { Program } from "./program";

const pveversion: Program = (_call, machine) => {
  const version = machine.profile.proxmox?.version ?? "";
  return { output: `pve-manager/${version}/0a1b2c3d4e5f6a7b (running kernel: ${machine.release})\n` };
};

/** Programs of a Proxmox VE node. */
export const proxmoxPrograms: Readonly<Record<string, Program>> = {
  pveversion,
  pvesh,
  qm,
  pct,
  pvecm,
  "ha-manager": haManager,
  ceph,
};
