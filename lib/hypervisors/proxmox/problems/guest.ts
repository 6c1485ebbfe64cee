import { desiredSettings } from "../declaration";
import type { Problem } from "../../types";
import { startsDiffer } from "../vmChange";
import { bootable, isQ35 } from "../vmSettings";
import { pciKey } from "../hostpci";
import { arrivingPci, error, isArriving, listed, warning, type Context } from "./context";

export function bootOrder({ after, declaration, title }: Context): Problem[] {
  const there = Object.keys(after).filter((key) => bootable.test(key));
  return (declaration.bootOrder ?? [])
    .filter((device) => !there.includes(device))
    .map((device) =>
      error(
        `The boot order of ${title} names ${device}, which the VM does not have`,
        `${listed("It has", there.sort(), "no device to boot from")} A disk on a passed controller is booted as that ` +
          "controller's slot, such as hostpci0.",
        "boot",
      ),
    );
}

export function machineChange({ vm, after, changes, title }: Context): Problem[] {
  if (!isArriving(changes, "machine") || isQ35(vm.configured["machine"]) === isQ35(after["machine"]))
    return [];
  return [
    warning(
      `The machine of ${title} changes to ${after["machine"] ?? "pc"}`,
      "It is another mainboard: in an installed guest network interfaces get other names, Windows may ask for " +
        "activation. Check the guest's network configuration after its next start.",
      "machine",
    ),
  ];
}

export function firmwareChange({ after, changes, title }: Context): Problem[] {
  if (!isArriving(changes, "bios")) return [];
  const ovmf = after["bios"] === "ovmf";
  const disk = ovmf && after["efidisk0"] === undefined;
  return [
    warning(
      `The firmware of ${title} changes to ${after["bios"] ?? "seabios"}`,
      `A guest installed with ${ovmf ? "SeaBIOS" : "OVMF"} may not boot with it.` +
        (disk ? " The VM has no efidisk0, so OVMF forgets its boot entries: add one with `qm set`." : ""),
      "bios",
    ),
  ];
}

export function memorySnapshots({ vm, changes, title }: Context): Problem[] {
  const names = Object.entries(vm.snapshots).flatMap(([name, snapshot]) =>
    snapshot["vmstate"] === undefined ? [] : [name],
  );
  if (names.length === 0 || arrivingPci(changes).length === 0) return [];
  return [
    warning(
      `${title} has snapshots with memory`,
      `Snapshots ${names.join(", ")} hold the state of a running guest without this device: rolling back to one takes the ` +
        "device away, and new ones cannot hold memory.",
    ),
  ];
}

/** What a VM with a device of this node can do no more. */
export function immobile({ proxmox, vm, pci, changes, title }: Context): Problem[] {
  if (arrivingPci(changes).length === 0) return [];
  const raw = pci.filter(({ options }) => options["host"] !== undefined).map(({ key }) => key);
  const isManaged = proxmox.highlyAvailable.includes(vm.id);
  const where =
    raw.length > 0
      ? `${raw.join(", ")} names a device of this node, and on another one the VM does not start, or with another device. ` +
        "A resource mapping names the device of each node."
      : "On another node it starts only where its resource mappings have a device.";
  return [
    ...(isManaged
      ? [
          warning(
            `${title} is highly available, and cannot be moved while it runs`,
            `The HA manager moves a VM live or starts it elsewhere; with a PCI device only the second can work. ${where}`,
          ),
        ]
      : []),
    ...(proxmox.replicated.includes(vm.id)
      ? [
          warning(
            `${title} is replicated, and cannot be migrated live`,
            `Its disks are on another node, but with a PCI device it can move only while it is stopped. ${where}`,
          ),
        ]
      : []),
    ...(!isManaged && proxmox.nodes.length > 1 && raw.length > 0 && takesFirst(vm.configured)
      ? [warning(`${title} can no longer be migrated`, `${where} Only a stopped VM moves.`)]
      : []),
  ];
}

/** So far it has no device that keeps it on its node. */
function takesFirst(config: Readonly<Record<string, string>>): boolean {
  return !Object.keys(config).some((key) => pciKey.test(key));
}

/** A passed card that is the guest's primary display leaves no place for a virtual one. */
export function display({ pci, after, changes, title }: Context): Problem[] {
  const primary = pci.find(({ key, options }) => options["x-vga"] === "1" && isArriving(changes, key));
  const vga = after["vga"];
  if (primary === undefined || vga === undefined || /^(?:type=)?none\b/.test(vga)) return [];
  return [
    warning(
      `The display ${vga} of ${title} has no effect`,
      `${primary.key} is its primary display (x-vga), and Proxmox VE then leaves the virtual one out. Declare vga: "none".`,
      "vga",
    ),
  ];
}

/** When a running VM takes the change. */
export function effect({ vm, declaration, changes, moment, title }: Context): Problem[] {
  const keys = declaration.restart ? Object.keys(desiredSettings(declaration)) : [];
  if (moment === "apply" || !startsDiffer(vm, keys, changes)) return [];
  return declaration.restart
    ? [
        warning(
          `${title} is restarted`,
          "It runs, and takes its settings by shutting down and starting again.",
        ),
      ]
    : [
        warning(
          `${title} takes the change at its next start`,
          `It runs; ${changes.map(({ key }) => key).join(", ")} stays pending until it is shut down and started. A reboot ` +
            "from inside the guest is not enough. `restart: true` lets the apply do it.",
        ),
      ];
}
