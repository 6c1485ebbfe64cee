import { desiredSettings } from "../declaration";
import type { Problem } from "../../types";
import { startsDiffer } from "../vmChange";
import { bootable, isQ35 } from "../vmSettings";
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

/** A device reaches all memory of the guest, so none of it can be taken back. */
export function ballooning({ vm, after, changes, title }: Context): Problem[] {
  const minimum = Number(after["balloon"] ?? "");
  const memory = Number((after["memory"] ?? "512").replace(/^current=/, "").split(",")[0]);
  if (arrivingPci(changes).length === 0 || !(minimum > 0 && minimum < memory)) return [];
  return [
    warning(
      `Ballooning of ${title} has no effect`,
      `A VM with a PCI device keeps all its memory (${memory} MiB), and balloon is ${minimum} MiB. ` +
        `Switch it off: \`qm set ${vm.id} --balloon 0\`.`,
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
