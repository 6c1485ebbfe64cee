import type { Machine } from "../machine";
import { changeSurroundings, onlineNodes, surroundingsOf } from "./cluster";
import { startVm } from "./startVm";
import { configurationPath, isRunning, QmError, setRunning } from "./vm";

interface Migration {
  readonly id: string;
  /** Node that has the VM. */
  readonly from: string;
  readonly target: string;
  /** It may move while it runs. */
  readonly online: boolean;
}

/** Moves a VM between nodes: its configuration goes there, and where it ran it runs on. Other nodes are names. */
export function migrateVm(machine: Machine, { id, from, target, online }: Migration): void {
  const own = machine.profile.proxmox?.node ?? "";
  const known = [own, ...surroundingsOf(machine).nodes.map(({ name }) => name)];
  const text = machine.files.read(configurationPath(machine, id, from));
  if (text === null)
    throw new QmError(`Configuration file 'nodes/${from}/qemu-server/${id}.conf' does not exist`, 2);
  if (target === from)
    throw new QmError("400 Parameter verification failed.\ntarget: target is local node.", 255);
  if (!known.includes(target)) throw new QmError(`no such cluster node '${target}'`, 255);
  if (!onlineNodes(machine).includes(target)) throw new QmError(`node '${target}' is not online`, 255);

  const elsewhere = surroundingsOf(machine).runningElsewhere;
  const runs = from === own ? isRunning(machine, id) : elsewhere.includes(id);
  if (runs && !online) throw new QmError("can't migrate running VM without --online", 255);
  const devices = [...text.matchAll(/^(hostpci\d+|usb\d+):(?!.*\bmapping=)/gm)].map(([, slot = ""]) => slot);
  if (devices.length > 0)
    throw new QmError(`can't migrate VM which uses local devices: ${devices.join(", ")}`, 255);

  machine.files.write(configurationPath(machine, id, target), text);
  machine.files.remove(configurationPath(machine, id, from));
  if (from === own) setRunning(machine, id, false);
  else if (target === own && runs) startVm(machine, id);
  const others = elsewhere.filter((one) => one !== id);
  changeSurroundings(machine, { runningElsewhere: runs && target !== own ? [...others, id] : others });
}
