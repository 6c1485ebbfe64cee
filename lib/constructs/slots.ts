import { Token } from "cdktf";
import type { IConstruct } from "constructs";
import {
  criteriaIn,
  notTaken,
  type HypervisorTakes,
  type PciNic,
  type PciRequest,
  type PciSlot,
  type UsbSlot,
  type DeviceSelector as WrittenSelector,
} from "../schema";
import { BoundDevice } from "./BoundDevice";
import { claimedBy, type Claim, type ClaimedDevice } from "./claims";
import { checkSelector, writtenSelector, type DeviceSelector } from "./DeviceSelector";
import * as errors from "./errors";
import * as valid from "./validation";

/** Something of the stack that a slot names and that must be there before: a resource mapping, a ROM file. */
export interface Provided {
  /** As a VM's configuration names it. */
  readonly slotValue: string;
  /** Of which kind it is there, and its name: `pci/gpu`. */
  readonly provides: string;
  readonly fqn: string;
  /** @internal */
  _addUser(vmId: string): void;
}

/** A resource mapping of PCI devices that the stack declares. */
export interface ProvidedMapping extends Provided {
  /** @internal */
  _claim(host: IConstruct, by: string): Claim[];
}

/** A file on one host. */
export interface ProvidedFile extends Provided {
  readonly host: IConstruct;
  /** The devices that it is for, `vvvv:dddd` each. */
  readonly romIds: readonly string[];
}

/** A virtual network of one front end. */
export interface ProvidedNetwork extends Provided {
  readonly frontEnd: IConstruct;
}

/** What OpenNebula picks a device by: ids in hex, any of them, or one address. */
export interface PciRequestProps {
  /**
   * Vendor id, such as `10de`.
   * @default any
   */
  readonly vendor?: string;
  /**
   * Device id, such as `11bf`.
   * @default any
   */
  readonly device?: string;
  /**
   * PCI class, such as `0300`.
   * @default any
   */
  readonly class?: string;
  /**
   * Exactly the function at this address of the VM's host, such as `07:00.0`.
   * @default none; ids are given
   */
  readonly shortAddress?: string;
}

/** What a passed-through NIC gets of a virtual network. */
export interface PciNicProps {
  /** An OpenNebulaNetwork, or the name of one that is there; its driver is `dummy` or `802.1Q`. */
  readonly network: string | ProvidedNetwork;
  /**
   * Name of the user whose network it is.
   * @default the VM's owner
   */
  readonly networkUname?: string;
  /**
   * MAC address.
   * @default the network's next
   */
  readonly mac?: string;
  /**
   * IPv4 address.
   * @default the network's next
   */
  readonly ip?: string;
  /**
   * IPv6 address.
   * @default the network's next
   */
  readonly ip6?: string;
  /**
   * VLAN that the guest tags.
   * @default the network's
   */
  readonly vlanId?: number;
}

/** What stands in one PCI slot. Each hypervisor takes some of the options, and names in an error what it takes. */
export interface PciSlotProps {
  /**
   * A device of a VfioBinding; or one that is held otherwise, by its address or, with Proxmox VE and libvirt, by
   * whatever else selects it on the host. Only a VfioBinding remembers the MAC address and the serial number of a drive
   * while a VM has the device.
   * @default none; `mapping` is set
   */
  readonly device?: BoundDevice | { readonly address: string } | DeviceSelector;
  /**
   * A PciMapping, or the name of a resource mapping that the cluster has.
   * @default none; `device` is set
   */
  readonly mapping?: string | ProvidedMapping;
  /**
   * Any device of a kind, instead of `device`: OpenNebula picks a free one.
   * @default none; `device` is set
   */
  readonly request?: PciRequestProps;
  /**
   * The device is a NIC that OpenNebula connects to a virtual network.
   * @default none
   */
  readonly nic?: PciNicProps;
  /**
   * Profile of a virtual GPU, as `onehost show` lists it.
   * @default none
   */
  readonly profile?: string;
  /**
   * Show it to the guest as a PCI Express device. Needs a q35 machine.
   * @default false
   */
  readonly pcie?: boolean;
  /**
   * Show its option ROM to the guest.
   * @default true
   */
  readonly rombar?: boolean;
  /**
   * ROM file: with Proxmox VE a RomFile, or the name of one that is in /usr/share/kvm; with libvirt its absolute path on
   * the host.
   * @default the device's own ROM
   */
  readonly romfile?: string | ProvidedFile;
  /**
   * The guest's primary display.
   * @default false
   */
  readonly xVga?: boolean;
  /**
   * Mediated device: with Proxmox VE the type of the one to create on the device, with libvirt the UUID of one, instead
   * of `device`.
   * @default none
   */
  readonly mdev?: string;
  /**
   * Legacy mode for Intel graphics. Needs machine pc and vga none.
   * @default false
   */
  readonly legacyIgd?: boolean;
  /**
   * `keep`: do not rebind the device when the VM starts.
   * @default "vfio"
   */
  readonly driver?: "vfio" | "keep";
  /**
   * Vendor id shown to the guest, `0x` and four hex digits.
   * @default the device's own
   */
  readonly vendorId?: string;
  /**
   * Device id shown to the guest.
   * @default the device's own
   */
  readonly deviceId?: string;
  /**
   * Subsystem vendor id shown to the guest.
   * @default the device's own
   */
  readonly subVendorId?: string;
  /**
   * Subsystem device id shown to the guest.
   * @default the device's own
   */
  readonly subDeviceId?: string;
  /**
   * The hypervisor takes it from its driver when the VM starts, and gives it back afterwards. A device that a
   * VfioBinding holds stays on vfio-pci in either case.
   * @default true
   */
  readonly managed?: boolean;
  /**
   * Let the guest have any option ROM of it, its own or a file.
   * @default true
   */
  readonly rom?: boolean;
  /**
   * Its place among what the guest boots from, from 1.
   * @default it is not booted from
   */
  readonly bootOrder?: number;
  /**
   * Where the guest sees it: `dddd:bb:dd.f`, or `dddd:bb:dd` to keep the functions of a card together.
   * @default the hypervisor chooses
   */
  readonly guestAddress?: string;
  /**
   * The VM holds it with the others of its IOMMU group, and the guest does not see it.
   * @default false
   */
  readonly unassigned?: boolean;
  /**
   * Alias of the VM's interface that stands in for it during a migration, such as `ua-backup0`.
   * @default none
   */
  readonly teaming?: string;
  /**
   * A running VM gets and loses it at once, and not at its next start.
   * @default false
   */
  readonly live?: boolean;
}

/** What stands in one USB slot: one of `host`, `spice` and `mapping`. */
export interface UsbSlotProps {
  /**
   * `vvvv:pppp`, or `bus-port[.port...]`.
   * @default none
   */
  readonly host?: string;
  /**
   * A SPICE redirection port.
   * @default false
   */
  readonly spice?: boolean;
  /**
   * A UsbMapping, or the name of a resource mapping that the cluster has.
   * @default none
   */
  readonly mapping?: string | Provided;
  /**
   * A USB 3 device or port.
   * @default false
   */
  readonly usb3?: boolean;
  /**
   * Its place among what the guest boots from, from 1.
   * @default it is not booted from
   */
  readonly bootOrder?: number;
  /**
   * Whether the VM starts where it is not plugged in: `optional` always, `requisite` only where it arrives from another
   * host.
   * @default "mandatory"
   */
  readonly startupPolicy?: "mandatory" | "requisite" | "optional";
  /**
   * A running VM gets and loses it at once, and not at its next start.
   * @default false
   */
  readonly live?: boolean;
}

type Slots<T> = Readonly<Record<string, T>>;

/** @param path of the VM's construct */
export function checkPciSlots(
  path: string,
  slots: Slots<PciSlotProps>,
  machine: string | undefined,
  { pciSources, romfile }: HypervisorTakes,
): void {
  const written = pciSlots(slots, (device) => (selectOf(device) === null ? "" : null));
  for (const [name, slot] of Object.entries(slots)) {
    checkSource(`${path}: pci.${name}`, written[name] ?? {}, pciSources);
    checkPciSlot(`${path}: pci.${name}`, slot, machine);
    if (romfile) valid.check(romfileRules[romfile], `${path}: pci.${name}.romfile`, slotValue(slot.romfile));
  }
  const [first, second] = Object.keys(slots).filter((name) => slots[name]?.xVga);
  if (first !== undefined && second !== undefined) throw errors.secondPrimaryDisplay(path, first, second);
}

const romfileRules = { name: valid.isRomfile, path: valid.isRomfilePath } as const;

function checkPciSlot(where: string, slot: PciSlotProps, machine: string | undefined): void {
  const { request, nic } = slot;
  for (const id of ["vendor", "device", "class"] as const)
    valid.check(valid.isShortHex, `${where}.request.${id}`, request?.[id]);
  valid.check(valid.isShortAddress, `${where}.request.shortAddress`, request?.shortAddress);
  valid.check(valid.isOpenNebulaName, `${where}.nic.network`, slotValue(nic?.network));
  valid.check(valid.isMac, `${where}.nic.mac`, nic?.mac);
  valid.check(valid.isVlanId, `${where}.nic.vlanId`, nic?.vlanId);
  const { device } = slot;
  if (device !== undefined && !(device instanceof BoundDevice)) {
    if (isAddress(device)) valid.check(valid.isAddresses, `${where}.device`, device.address);
    else checkSelector(`${where}.device`, device, false);
  }
  valid.check(valid.isVmValue, `${where}.mapping`, slotValue(slot.mapping));
  valid.check(valid.isVmValue, `${where}.mdev`, slot.mdev);
  valid.check(valid.isAddress, `${where}.guestAddress`, slot.guestAddress);
  valid.check(valid.isBootOrder, `${where}.bootOrder`, slot.bootOrder);
  valid.check(valid.isSlotDriver, `${where}.driver`, slot.driver);
  for (const id of ["vendorId", "deviceId", "subVendorId", "subDeviceId"] as const) {
    valid.check(valid.isHexId, `${where}.${id}`, slot[id]);
  }
  if (slot.pcie) {
    valid.check(
      (at, value: string) => {
        if (!isQ35(value)) throw errors.pcieWithoutQ35(at, value);
      },
      where,
      machine,
    );
  }
  if (slot.legacyIgd) {
    valid.check(
      (at, value: string) => {
        if (isQ35(value)) throw errors.legacyIgdWithQ35(at, value);
      },
      where,
      machine,
    );
  }
}

function isQ35(machine: string): boolean {
  return /q35/.test(machine);
}

export function checkUsbSlots(
  path: string,
  slots: Slots<UsbSlotProps>,
  { usbSources }: HypervisorTakes,
): void {
  const written = usbSlots(slots);
  for (const [name, slot] of Object.entries(slots)) {
    const where = `${path}: usb.${name}`;
    checkSource(where, written[name] ?? {}, usbSources);
    valid.check(valid.isUsbHost, `${where}.host`, slot.host);
    valid.check(valid.isVmValue, `${where}.mapping`, slotValue(slot.mapping));
    valid.check(valid.isBootOrder, `${where}.bootOrder`, slot.bootOrder);
  }
}

function slotValue(named: string | Provided | undefined): string | undefined {
  return typeof named === "object" ? named.slotValue : named;
}

/** The ROM files of the stack that slots name, by name: the devices that each is for. */
export function romIdsOf(slots: Slots<PciSlotProps>): Record<string, string> {
  return Object.fromEntries(
    Object.values(slots).flatMap(({ romfile }) =>
      typeof romfile === "object" ? [[romfile.slotValue, romfile.romIds.join(" ")]] : [],
    ),
  );
}

/** What of the stack the slots name. */
export function providedFor(pci: Slots<PciSlotProps>, usb: Slots<UsbSlotProps>): Provided[] {
  const named = [
    ...Object.values(pci).flatMap(({ mapping, romfile, nic }) => [mapping, romfile, nic?.network]),
    ...Object.values(usb).map(({ mapping }) => mapping),
  ];
  return named.flatMap((one) => (typeof one === "object" ? [one] : []));
}

function checkSource<T extends object>(where: string, slot: Partial<T>, sources: readonly (keyof T)[]): void {
  // `spice: false` names nothing either.
  const given = sources.filter((source) => (slot[source] ?? false) !== false);
  if (given.length === 0) throw errors.slotWithoutSource(where, propNames(sources));
  if (given.length > 1) throw errors.slotWithManySources(where, propNames(given));
}

function propNames(attributes: readonly PropertyKey[]): string[] {
  return [...new Set(attributes.map(propName))];
}

/** An attribute's name as the constructs write it: there `device` takes a selector too. */
function propName(attribute: PropertyKey): string {
  if (attribute === "select") return "device";
  return String(attribute).replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** @throws an Error for a slot, an option or a setting that the VM's hypervisor does not know. */
export function checkTaken(
  path: string,
  takes: HypervisorTakes,
  declared: Parameters<typeof notTaken>[1],
): void {
  const [first] = notTaken(takes, declared);
  if (first === undefined) return;
  const props = first.path.map((name, at) => (at === 1 ? name : propName(name)));
  const last = props.pop() ?? "";
  const where = [path, props.join(".")].filter(Boolean).join(": ");
  if (first.kind === "slot") throw errors.unknownSlot(where, last, first.expected.join());
  throw errors.notTaken(where, last, takes.title, propNames(first.expected));
}

/** What the slots take from the host. */
export function slotClaims(path: string, host: IConstruct, slots: Slots<PciSlotProps>): Claim[] {
  return Object.entries(slots).flatMap(([name, { device, mapping, mdev }]) => {
    if (typeof mapping === "object" && mdev === undefined)
      return mapping._claim(host, `${path}: pci.${name}`);
    if (device === undefined) return [];
    return [{ by: `${path}: pci.${name}`, device: claimedOf(device), shared: mdev !== undefined }];
  });
}

/** Devices of bindings whose host is not the VM's place are taken there too: an engine's VMs run on hosts of the stack. */
export function claimBoundElsewhere(path: string, place: IConstruct, slots: Slots<PciSlotProps>): void {
  for (const [name, slot] of Object.entries(slots)) {
    if (!(slot.device instanceof BoundDevice)) continue;
    const { host } = slot.device.binding;
    if (host !== place) host._claimElsewhere?.(slotClaims(path, host, { [name]: slot }));
  }
}

function claimedOf(device: NamedDevice): ClaimedDevice {
  if (device instanceof BoundDevice) return { ...claimedBy(device.selector), bound: device.toString() };
  return isAddress(device) ? { address: device.address } : claimedBy(writtenSelector(device));
}

/** USB devices that the slots name themselves; of alike ones, each is told by its port. */
export function usbClaims(path: string, slots: Slots<UsbSlotProps>): Claim[] {
  return Object.entries(slots).flatMap(([name, { host }]) =>
    host === undefined || Token.isUnresolved(host)
      ? []
      : [{ by: `${path}: usb.${name}`, device: { usb: host.replace(/0x/gi, "") } }],
  );
}

type NamedDevice = NonNullable<PciSlotProps["device"]>;

/** Nothing but an address: also of several functions, and known without the host. */
export function isAddress(
  device: { readonly address: string } | DeviceSelector,
): device is { address: string } {
  const given = criteriaIn(writtenSelector(device));
  return given.length === 1 && given[0] === "address" && !("count" in device);
}

/** How a slot names its device: by what its binding resolves it to, or by what is known without the host. */
export type AddressOf = (device: NamedDevice) => string | null;

/** Every function of a bound device once its binding knows them, joined by `;`: OpenNebula takes functions alone. */
export const resolvedFunctions: AddressOf = (device) => {
  if (!(device instanceof BoundDevice)) return resolvedAddress(device);
  const { binding, key } = device;
  return `\${join(";", [for address, one in ${binding.fqn}.functions : address if one.device == ${JSON.stringify(key)}])}`;
};

export const resolvedAddress: AddressOf = (device) =>
  device instanceof BoundDevice || isAddress(device) ? device.address : null;

export const literalAddress: AddressOf = (device) => {
  if (!(device instanceof BoundDevice)) return resolvedAddress(device);
  const [only, ...others] = criteriaIn(device.selector);
  return only === "address" && others.length === 0 ? device.selector.address : null;
};

export function pciSlots(slots: Slots<PciSlotProps>, addressOf: AddressOf): Record<string, PciSlot> {
  return mapValues(slots, (slot) => ({
    device: slot.device === undefined ? null : addressOf(slot.device),
    select: slot.device === undefined ? null : selectOf(slot.device),
    mapping: slotValue(slot.mapping) ?? null,
    request: slot.request === undefined ? null : writtenRequest(slot.request),
    nic: slot.nic === undefined ? null : writtenNic(slot.nic),
    profile: slot.profile ?? null,
    pcie: slot.pcie ?? null,
    rombar: slot.rombar ?? null,
    romfile: slotValue(slot.romfile) ?? null,
    x_vga: slot.xVga ?? null,
    mdev: slot.mdev ?? null,
    legacy_igd: slot.legacyIgd ?? null,
    driver: slot.driver ?? null,
    vendor_id: slot.vendorId ?? null,
    device_id: slot.deviceId ?? null,
    sub_vendor_id: slot.subVendorId ?? null,
    sub_device_id: slot.subDeviceId ?? null,
    managed: slot.managed ?? null,
    rom: slot.rom ?? null,
    boot_order: slot.bootOrder ?? null,
    guest_address: slot.guestAddress ?? null,
    unassigned: slot.unassigned ?? null,
    teaming: slot.teaming ?? null,
    live: slot.live ?? null,
  }));
}

function selectOf(device: NamedDevice): WrittenSelector | null {
  return device instanceof BoundDevice || isAddress(device) ? null : writtenSelector(device);
}

function writtenRequest(request: PciRequestProps): PciRequest {
  const { vendor = null, device = null, shortAddress = null } = request;
  return { vendor, device, class: request.class ?? null, short_address: shortAddress };
}

function writtenNic({ network, networkUname, mac, ip, ip6, vlanId }: PciNicProps): PciNic {
  return {
    ...{ network: slotValue(network) ?? null, network_uname: networkUname ?? null, mac: mac ?? null },
    ...{ ip: ip ?? null, ip6: ip6 ?? null, vlan_id: vlanId ?? null },
  };
}

export function usbSlots(slots: Slots<UsbSlotProps>): Record<string, UsbSlot> {
  return mapValues(slots, (slot) => ({
    host: slot.host ?? null,
    mapping: slotValue(slot.mapping) ?? null,
    spice: slot.spice ?? null,
    usb3: slot.usb3 ?? null,
    boot_order: slot.bootOrder ?? null,
    startup_policy: slot.startupPolicy ?? null,
    live: slot.live ?? null,
  }));
}

function mapValues<T, U>(record: Slots<T>, turn: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, turn(value)]));
}
