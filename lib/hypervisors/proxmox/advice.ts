import type { Advice } from "../../model/advice";
import type { HostFacts, PciDevice } from "../../model/facts";
import { functionsOf, slotOf } from "../../model/pciAddress";
import { parsePciValue, pciAddresses, pciKey } from "./hostpci";
import { configured, parseVmConfig } from "./vmConfig";

interface Guest {
  readonly settings: Readonly<Record<string, string>>;
  readonly devices: readonly PciDevice[];
}

interface GuestRule {
  readonly name: string;
  /** What it looks at, and when it applies, in words. */
  readonly applies: string;
  readonly source: string;
  /** Settings of a VM that do not do what they were written for, and what is wrong with them. */
  find(guest: Guest): { key: string; words: string }[];
}

/** Rules about the VMs that others configured; the stack's own are checked as they are declared. */
export const guestRules: readonly GuestRule[] = [
  {
    name: "romfile-path",
    applies: "`romfile=` with a path in a VM of the node",
    source: "Proxmox VE, qm(1): romfile is a name below /usr/share/kvm",
    find: ({ settings }) =>
      pciSettings(settings)
        .filter(([, value]) => parsePciValue(value)?.["romfile"]?.includes("/") === true)
        .map(([key]) => ({
          key,
          words:
            "keeps the VM from starting: Proxmox VE takes the name of a file in /usr/share/kvm, not a path. A RomFile puts one there",
        })),
  },
  {
    name: "boot-order-of-passed-disk",
    applies: "`boot: order=` of a VM with devices that names a disk which the VM does not have",
    source: "Proxmox VE, qm(1): boot",
    find({ settings }) {
      const order = /(?:^|,)order=([^,]*)/.exec(settings["boot"] ?? "")?.[1]?.split(";") ?? [];
      const missing = order.filter((name) => name !== "" && settings[name] === undefined);
      return missing.length === 0 || pciSettings(settings).length === 0
        ? []
        : [
            {
              key: "boot",
              words: `names ${missing.join(" and ")}, which the VM does not have: a disk on a passed controller boots as that controller's slot, such as hostpci0`,
            },
          ];
    },
  },
  {
    name: "audio-alone",
    applies: "a VM's `hostpciN` that has the sound of a graphics card and not the card",
    source: "The Proxmox guide gives both to hostpci0, and the second takes the place of the first",
    find({ settings, devices }) {
      const taken = pciSettings(settings).flatMap(([key, value]) =>
        pciAddresses(value).flatMap((address) =>
          functionsOf(devices, address).map((device) => ({ key, device })),
        ),
      );
      return taken
        .filter(({ device }) => device.class.startsWith("0403"))
        .flatMap(({ key, device }) => {
          const card = devices.find(
            (other) => slotOf(other.address) === slotOf(device.address) && other.class.startsWith("03"),
          );
          return card === undefined || taken.some(({ device: other }) => other.address === card.address)
            ? []
            : [
                {
                  key,
                  words:
                    `hands over the sound of ${card.address} ${card.name}`.trimEnd() +
                    " alone: a slot that names no function takes the card and its sound",
                },
              ];
        });
    },
  },
  {
    name: "usb-xhci",
    applies: "`usbN: xhci,...` in a VM of the node",
    source: "Proxmox VE, qm(1): usb[n]",
    find: ({ settings }) =>
      Object.entries(settings)
        .filter(([key, value]) => /^usb\d+$/.test(key) && /^xhci\b/.test(value))
        .map(([key]) => ({ key, words: "is nothing that Proxmox VE knows: usb3=1 is what is meant" })),
  },
];

/** What others configured of this node's VMs that does not do what it was written for. */
export function guestAdvice({ proxmox, devices }: Pick<HostFacts, "proxmox" | "devices">): Advice[] {
  return Object.entries(proxmox?.vms ?? {})
    .filter(([, { node }]) => node === proxmox?.node)
    .flatMap(([id, { config }]) => {
      const settings = configured(parseVmConfig(config));
      return guestRules.flatMap(({ name, source, find }) =>
        find({ settings, devices }).map(({ key, words }) => ({
          rule: name,
          source,
          where: `VM ${id}`,
          text: `${key}: ${settings[key] ?? ""}`,
          words,
        })),
      );
    });
}

/** VMs of this node with SeaBIOS whose first display is a passed card, in words. */
export function guestsWithVga({ proxmox }: Pick<HostFacts, "proxmox">): string[] {
  return Object.entries(proxmox?.vms ?? {})
    .filter(([, { node }]) => node === proxmox?.node)
    .flatMap(([id, { config }]) => {
      const settings = configured(parseVmConfig(config));
      if (settings["bios"] === "ovmf") return [];
      return pciSettings(settings)
        .filter(([, value]) => parsePciValue(value)?.["x-vga"] === "1")
        .map(([key]) => `VM ${id} (${key})`);
    });
}

function pciSettings(settings: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(settings).filter(([key]) => pciKey.test(key));
}
