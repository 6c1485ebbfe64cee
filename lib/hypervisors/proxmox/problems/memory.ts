import { allVms, describeVm } from "../virtualMachine";
import type { Problem } from "../../types";
import { pciKey } from "../hostpci";
import { arrivingPci, error, isArriving, warning, type Context } from "./context";

type Config = Readonly<Record<string, string>>;

/** MiB of a VM; Proxmox VE gives 512 where nothing is said. */
export function memoryOf(config: Config): number {
  return Number((config["memory"] ?? "512").replace(/^current=/, "").split(",")[0]);
}

/** MiB that a VM keeps for good: a device reaches all memory of its guest, so none of it can be taken back. */
function pinned(config: Config): number {
  return Object.keys(config).some((key) => pciKey.test(key)) ? memoryOf(config) : 0;
}

/** Whether what is pinned fits into the host, with what else runs or starts with it. */
export function memorySum({ facts, proxmox, vm, after, changes, host, title }: Context): Problem[] {
  const total = Math.floor(facts.memory / 1024);
  if (total === 0 || pinned(after) === 0) return [];
  if (arrivingPci(changes).length === 0 && !isArriving(changes, "memory")) return [];
  const own = memoryOf(after);
  if (own >= total) {
    return [
      error(
        `${title} needs more memory than ${host} has`,
        `A VM with a PCI device keeps all its memory: ${own} MiB, and the host has ${total} MiB. Give the VM less.`,
      ),
    ];
  }
  const others = allVms(facts).filter(
    (other) =>
      other.id !== vm.id &&
      other.node === proxmox.node &&
      (other.running || other.configured["onboot"] === "1"),
  );
  const needed = others.reduce((sum, { configured }) => sum + memoryOf(configured), own);
  if (needed < total) return [];
  const kept = others.reduce((sum, { configured }) => sum + pinned(configured), own);
  const list = others.map(
    (other) =>
      `\n  ${describeVm(other)}: ${memoryOf(other.configured)} MiB${pinned(other.configured) > 0 ? ", kept for good" : ""}`,
  );
  return [
    warning(
      `The memory of ${host} does not suffice for ${title} beside the VMs that run or start with it`,
      `A VM with a PCI device keeps all its memory. Together they need ${needed} MiB, ${kept} MiB of it for good, and the ` +
        `host has ${total} MiB, of which it needs some for itself (ZFS takes more):\n  ${title}: ${own} MiB, kept for good` +
        list.join(""),
    ),
  ];
}

/** Memory that a guest is to give back never comes. */
export function ballooning({ vm, after, changes, title }: Context): Problem[] {
  const minimum = Number(after["balloon"] ?? "");
  const memory = memoryOf(after);
  if (pinned(after) === 0 || !(minimum > 0 && minimum < memory)) return [];
  if (arrivingPci(changes).length === 0 && !isArriving(changes, "balloon")) return [];
  return [
    warning(
      `Ballooning of ${title} has no effect`,
      `A VM with a PCI device keeps all its memory (${memory} MiB), and balloon is ${minimum} MiB. ` +
        `Switch it off: declare \`balloon: 0\`, or \`qm set ${vm.id} --balloon 0\`.`,
    ),
  ];
}
