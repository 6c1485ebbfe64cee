import { absentDevice, isAbsent } from "../../deviceProblems";
import { slotOf } from "../../../model/pciAddress";
import { describeDevice } from "../../../model/selector";
import { pciAddresses } from "../hostpci";
import { parseEntry, parseMapping } from "../mapping";
import type { Problem } from "../../types";
import { arrivingPci, error, isArriving, listed, warning, type Context } from "./context";

export function absentDevices(context: Context): Problem[] {
  const { facts, changes, moment } = context;
  return arrivingPci(changes).flatMap(({ key, value }) =>
    pciAddresses(value)
      .filter((address) => isAbsent(facts, address, moment))
      .map((address) => absentDevice(context, facts, address, key)),
  );
}

export function unknownMappings(context: Context): Problem[] {
  const { proxmox, pci, usb, changes, title } = context;
  const known = [
    ...pci.map((entry) => ({ ...entry, kind: "pci" as const, names: proxmox.pciMappings })),
    ...usb.map((entry) => ({ ...entry, kind: "usb" as const, names: proxmox.usbMappings })),
  ];
  return known.flatMap(({ key, options, kind: type, names }) => {
    const mapping = options["mapping"];
    const kind = type.toUpperCase();
    if (mapping === undefined || !isArriving(changes, key) || isProvided(context, `${type}/${mapping}`))
      return [];
    const entries = parseMapping(proxmox.mappingFiles[type], mapping)?.entries ?? [];
    const nodes = [...new Set(entries.map((entry) => parseEntry(entry)["node"] ?? ""))];
    if (names.includes(mapping) && (nodes.length === 0 || nodes.includes(proxmox.node))) return [];
    if (names.includes(mapping)) {
      return [
        error(
          `${kind} resource mapping ${mapping} has no device on ${proxmox.node}`,
          `${key} of ${title} names it, and the VM would not start. It has devices on ${nodes.join(", ")}. Add one of ` +
            "this node to it, or name the device by its address.",
          key,
        ),
      ];
    }
    return [
      error(
        `There is no ${kind} resource mapping ${mapping}`,
        `${key} of ${title} names it. ${listed("The cluster has", names, `no ${kind} mapping`)} ` +
          `Make it under Datacenter, Resource Mappings, or name the device by its address.`,
        key,
      ),
    ];
  });
}

/** The stack makes it before it changes the VM, so a plan does not look for it. */
function isProvided({ declaration, moment }: Context, name: string): boolean {
  return moment === "plan" && declaration.provided.includes(name);
}

export function unknownRomFiles(context: Context): Problem[] {
  const { proxmox, pci, changes, title } = context;
  return pci.flatMap(({ key, options }) => {
    const file = options["romfile"];
    if (file === undefined || !isArriving(changes, key) || isProvided(context, `rom/${file}`)) return [];
    if (proxmox.romFiles.includes(file)) return [];
    return [
      error(
        `There is no ROM file ${file} in /usr/share/kvm on ${proxmox.node}`,
        `${key} of ${title} names it. ${listed("The folder has", proxmox.romFiles, "no ROM file")} ` +
          "Copy the file there; a path is not possible.",
        key,
      ),
    ];
  });
}

/** Firmware runs a ROM for the device that it names alone. Proxmox VE gives the file to the first function of a slot. */
export function romOfAnother({ facts, declaration, pci, title, moment }: Context): Problem[] {
  if (moment === "apply") return [];
  return pci.flatMap(({ key, options, functions: [first] }) => {
    const file = options["romfile"] ?? "";
    const roms = (declaration.romIds?.[file] ?? "").split(" ").filter(Boolean);
    const device = facts.devices.find(({ address }) => address === first);
    if (roms.length === 0 || device === undefined || !Object.hasOwn(declaration.pci, key)) return [];
    const shown = (option: string, own: string) => options[option]?.replace(/^0x/i, "").toLowerCase() ?? own;
    const id = `${shown("vendor-id", device.vendor)}:${shown("device-id", device.device)}`;
    if (roms.includes(id)) return [];
    return [
      warning(
        `The ROM file ${file} is for ${roms.join(", ")}, and ${key} of ${title} is ${id}`,
        `${describeDevice(device)} gets it, and the guest's firmware does not run a ROM that names another device. Read the ` +
          `card's own with \`passthrough rom\`, or leave romfile out.`,
        key,
      ),
    ];
  });
}

export function assignedTwice({ pci, title }: Context): Problem[] {
  const first = new Map<string, string>();
  return pci
    .filter(({ options }) => options["mdev"] === undefined)
    .flatMap(({ key, functions: named }) =>
      named.flatMap((address) => {
        const other = first.get(address);
        first.set(address, other ?? key);
        if (other === undefined) return [];
        return [
          error(
            `${title} has ${address} twice`,
            `${other} and ${key} both name it (an address without a function names every function of the slot), and the ` +
              "VM would not start. Name it in one of them.",
            key,
          ),
        ];
      }),
    );
}

/** The guest sees one slot as one card; what `;` joins are its functions, or virtual functions of one network card. */
export function oneCardPerSlot({ facts, pci, changes, title }: Context): Problem[] {
  return pci.flatMap(({ key, functions: named }) => {
    const cards = facts.devices.filter(
      ({ address, physicalFunction }) => physicalFunction === null && named.includes(address),
    );
    if (new Set(cards.map(({ address }) => slotOf(address))).size < 2 || !isArriving(changes, key)) return [];
    return [
      error(
        `${key} of ${title} names several cards`,
        `The guest would see them as functions of one card:${cards.map((device) => `\n  ${describeDevice(device)}`).join("")}\n` +
          "Give each card a slot of its own. An id names every card of its kind: select one by its address.",
        key,
      ),
    ];
  });
}

/** Slots above usb4 are ports of a controller that QEMU has since 7.1 and that old guests cannot use. */
export function usbSlots({ after, usb, title, changes }: Context): Problem[] {
  const guest = after["ostype"] ?? "other";
  const [, windows] = /^win(\d+)$/.exec(guest) ?? [];
  const [, major = "8", minor = "0"] = /-(\d+)\.(\d+)/.exec(after["machine"] ?? "") ?? [];
  const old = Number(major) < 7 || (major === "7" && Number(minor) < 1);
  const reason =
    guest !== "l26" && !(windows !== undefined && Number(windows) > 7)
      ? `its OS type is ${guest}`
      : old
        ? `its machine is ${after["machine"] ?? ""}`
        : null;
  if (reason === null) return [];
  return usb
    .filter(({ key }) => Number(key.slice("usb".length)) > 4 && isArriving(changes, key))
    .map(({ key }) =>
      error(
        `${title} has no slot ${key}`,
        `usb5 to usb13 need machine version 7.1 or later and OS type l26 or win8 and later; ${reason}. Use usb0 to usb4.`,
        key,
      ),
    );
}
