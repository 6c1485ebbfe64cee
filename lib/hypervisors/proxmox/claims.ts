import type { HostFacts } from "../../model/facts";
import { functionsOf, isPciAddress } from "../../model/pciAddress";
import { parsePciValue, pciAddresses, pciKey } from "./hostpci";
import { parseUsbValue, usbKey } from "./hostusb";
import { parseEntry, parseMapping } from "./mapping";
import type { Claim, SettingChange } from "../types";
import { allVms, type VirtualMachine } from "./virtualMachine";

/** Which VM of this node has which PCI function. A mapping of several devices does not say which one it takes. */
export function claims(facts: HostFacts): Claim[] {
  return allClaims(facts).filter(({ slot }) => pciKey.test(slot));
}

/** Those of USB devices too, whose addresses are `USB 1-4.2`. */
function allClaims(facts: HostFacts): Claim[] {
  return allVms(facts)
    .filter((vm) => vm.node === facts.proxmox?.node)
    .flatMap((vm) => claimsOf(facts, vm));
}

/** What other VMs have of the devices that arrive in this one; a mediated device is made for each VM anew. */
export function rivals(facts: HostFacts, vmId: string, changes: readonly SettingChange[]): Claim[] {
  const wanted = changes.flatMap(({ key, after }) =>
    after === null
      ? []
      : devicesIn(facts, key, after).map((address) => ({ address, shared: isMediated(key, after) })),
  );
  return allClaims(facts).filter(
    (claim) =>
      claim.vmId !== vmId &&
      wanted.some(({ address, shared }) => address === claim.address && !(shared && claim.shared)),
  );
}

/** The devices that a setting takes, as claims name them; none where it is no slot, or where it leaves a choice. */
export function devicesIn(facts: HostFacts, key: string, value: string): string[] {
  if (pciKey.test(key)) return functions(facts, value);
  return usbKey.test(key) ? usbDevices(facts, value).map((device) => `USB ${device}`) : [];
}

/** Ports, or the id of what is not plugged in. Of several devices with one id, a VM gets any. */
function usbDevices(facts: HostFacts, value: string): string[] {
  const { host, mapping } = parseUsbValue(value) ?? {};
  if (mapping === undefined) return usbNamed(facts, host ?? "spice");
  const all = parseMapping(facts.proxmox?.mappingFiles.usb ?? "", mapping)?.entries ?? [];
  const [only, ...more] = all.map(parseEntry).filter(({ node }) => node === facts.proxmox?.node);
  return only === undefined || more.length > 0 ? [] : usbNamed(facts, only["path"] ?? only["id"] ?? "spice");
}

function usbNamed({ usbDevices: plugged }: HostFacts, host: string): string[] {
  if (host === "spice") return [];
  if (!host.includes(":")) return [host];
  const there = plugged.filter(({ id }) => id === host);
  return there.length > 1 ? [] : [there[0]?.port ?? host];
}

/** The functions that a value names; an address where nothing is stays as it is. */
export function functions(facts: Pick<HostFacts, "devices" | "proxmox">, value: string): string[] {
  return [...pciAddresses(value), ...mappedAddresses(facts, value)].flatMap((address) => {
    const there = functionsOf(facts.devices, address).map((device) => device.address);
    return there.length > 0 ? there : [address];
  });
}

/** What a mapping takes of this node, where it leaves no choice: of several devices, a VM gets a free one. */
function mappedAddresses({ proxmox }: Pick<HostFacts, "proxmox">, value: string): string[] {
  const name = parsePciValue(value)?.["mapping"];
  if (name === undefined || proxmox === null) return [];
  const all = parseMapping(proxmox.mappingFiles.pci, name)?.entries ?? [];
  const [only, ...more] = all.map(parseEntry).filter(({ node }) => node === proxmox.node);
  return only === undefined || more.length > 0 ? [] : (only["path"] ?? "").split(";").filter(isPciAddress);
}

/** Both what the VM runs with and what it has at its next start. */
function claimsOf(facts: HostFacts, vm: VirtualMachine): Claim[] {
  const now = vm.running ? held(facts, vm.current) : new Map<string, Held>();
  const next = held(facts, vm.configured);
  return [...new Map([...now, ...next])].map(([key, { address, slot, shared }]) => ({
    address,
    vmId: vm.id,
    vmName: vm.name,
    slot,
    running: vm.running,
    inUse: now.has(key),
    configured: next.has(key),
    shared,
  }));
}

type Held = Pick<Claim, "address" | "slot" | "shared">;

function held(facts: HostFacts, config: Readonly<Record<string, string>>): Map<string, Held> {
  return new Map(
    Object.entries(config).flatMap(([slot, value]) =>
      devicesIn(facts, slot, value).map((address) => [
        `${slot} ${address}`,
        { address, slot, shared: isMediated(slot, value) },
      ]),
    ),
  );
}

function isMediated(key: string, value: string): boolean {
  return pciKey.test(key) && parsePciValue(value)?.["mdev"] !== undefined;
}
