import type { Machine } from "../machine";
import { qm } from "../proxmox/qm";
import { isRunning, readVm, vmIds } from "../proxmox/vm";
import { failed, type Program } from "./program";

const pveversion: Program = (_call, machine) => {
  const version = machine.profile.proxmox?.version ?? "";
  return { output: `pve-manager/${version}/0a1b2c3d4e5f6a7b (running kernel: ${machine.release})\n` };
};

/** What the API answers to `get`, by path. */
const resources: Readonly<Record<string, (machine: Machine) => unknown>> = {
  "/nodes": ({ profile }) => [
    {
      node: profile.proxmox?.node,
      status: "online",
      type: "node",
      id: `node/${profile.proxmox?.node ?? ""}`,
    },
  ],
  "/version": ({ profile }) => ({
    version: profile.proxmox?.version,
    release: profile.proxmox?.version.replace(/\.\d+$/, ""),
  }),
  "/cluster/status": ({ profile }) => [
    {
      type: "node",
      name: profile.proxmox?.node,
      id: `node/${profile.proxmox?.node ?? ""}`,
      online: 1,
      local: 1,
      nodeid: 0,
      ip: profile.network.address,
    },
  ],
  "/cluster/resources": (machine) =>
    vmIds(machine).map((id) => ({
      id: `qemu/${id}`,
      type: "qemu",
      vmid: Number(id),
      node: machine.profile.proxmox?.node,
      name: readVm(machine, id).configuration.current["name"],
      status: isRunning(machine, id) ? "running" : "stopped",
    })),
  "/cluster/tasks": () => [],
};

const pvesh: Program = ({ arguments: args }, machine) => {
  const [verb = "", path = ""] = args;
  const resource = verb === "get" || verb === "ls" ? resources[path.replace(/\/$/, "")] : undefined;
  if (!resource) return failed(`No '${verb}' handler defined for '${path}'`, 2);
  return { output: `${JSON.stringify(resource(machine))}\n` };
};

/** Programs of a Proxmox VE node. */
export const proxmoxPrograms: Readonly<Record<string, Program>> = { pveversion, pvesh, qm };
