import type { Machine } from "../machine";
import { parseVmConfiguration, printVmConfiguration, type VmConfiguration } from "./vmConfiguration";

/** `qm` said no: its words on stderr, and its exit code. */
export class QmError extends Error {
  constructor(
    message: string,
    readonly code = 255,
  ) {
    super(message);
  }
}

export function configurationPath(
  { profile }: Machine,
  id: string,
  node = profile.proxmox?.node ?? "",
): string {
  return `/etc/pve/nodes/${node}/qemu-server/${id}.conf`;
}

/** The VMs of this node. */
export function vmIds({ files, profile }: Machine): string[] {
  const names = files.list(`/etc/pve/nodes/${profile.proxmox?.node ?? ""}/qemu-server`);
  return names.flatMap((name) => /^(\d+)\.conf$/.exec(name)?.[1] ?? []).sort((a, b) => Number(a) - Number(b));
}

export function readVm(machine: Machine, id: string): { configuration: VmConfiguration; text: string } {
  const text = machine.files.read(configurationPath(machine, id));
  if (text === null) {
    const node = machine.profile.proxmox?.node ?? "";
    throw new QmError(`Configuration file 'nodes/${node}/qemu-server/${id}.conf' does not exist`, 2);
  }
  return { configuration: parseVmConfiguration(text), text };
}

export function saveVm(machine: Machine, id: string, configuration: VmConfiguration): void {
  machine.files.replace(configurationPath(machine, id), printVmConfiguration(configuration));
}

const pidFile = (id: string) => `/run/qemu-server/${id}.pid`;
/** Number of a VM's QEMU process. */
export const processOf = (id: string) => 4_000_000 + Number(id);

export function isRunning({ files }: Machine, id: string): boolean {
  return files.exists(pidFile(id));
}

/** QEMU's pid file and the process it names. */
export function setRunning({ files }: Machine, id: string, running: boolean): void {
  const proc = `/proc/${processOf(id)}`;
  files.remove(proc);
  files.remove(pidFile(id));
  if (!running) return;
  files.write(pidFile(id), `${processOf(id)}\n`);
  files.write(`${proc}/cmdline`, ["/usr/bin/kvm", "-id", id, "-daemonize", ""].join("\0"));
  files.write(`${proc}/comm`, "kvm\n");
}
