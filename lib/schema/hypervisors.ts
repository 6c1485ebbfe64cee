import type { PciSlot, UsbSlot, VmNic, VmState } from "./vm";

/** Which names of slots a hypervisor knows. */
export interface SlotNames {
  readonly form: RegExp;
  /** In words: `hostpci0 to hostpci15`. */
  readonly expected: string;
}

/** A setting of the VM itself, not of a device. */
export type VmSetting =
  "machine" | "cpu" | "bios" | "vga" | "balloon" | "boot_order" | "restart" | "create" | "pin_to" | "nics";

/** What a hypervisor takes of a VM's declaration. */
export interface HypervisorTakes {
  /** As it calls itself. */
  readonly title: string;
  readonly pciSlots: SlotNames;
  /** Options of which a PCI slot names exactly one. */
  readonly pciSources: readonly (keyof PciSlot)[];
  readonly pciOptions: readonly (keyof PciSlot)[];
  /** What names a ROM file. */
  readonly romfile?: "name" | "path";
  readonly usbSlots: SlotNames;
  /** Options of which a USB slot names exactly one. */
  readonly usbSources: readonly (keyof UsbSlot)[];
  readonly usbOptions: readonly (keyof UsbSlot)[];
  /** Names of network cards; absent where none can be declared. */
  readonly nicNames?: SlotNames;
  readonly nicOptions?: readonly (keyof VmNic)[];
  /** Options without which a network card is none. */
  readonly nicRequired?: readonly (keyof VmNic)[];
  readonly settings: readonly VmSetting[];
}

/** Slots that the hypervisor does not name: each is the author's own word. */
export const ownNames: SlotNames = {
  form: /^[a-z][a-z0-9-]*$/,
  expected: "a name of your own: a lower-case letter, then lower-case letters, digits and `-`, such as gpu",
};

/** Whatever a hypervisor does not take is refused where the stack is synthesized, and again by the provider. */
export const hypervisorTakes = {
  proxmox: {
    title: "Proxmox VE",
    pciSlots: { form: /^hostpci(?:[0-9]|1[0-5])$/, expected: "hostpci0 to hostpci15" },
    pciSources: ["device", "select", "mapping"],
    pciOptions: [
      "pcie",
      "rombar",
      "romfile",
      "x_vga",
      "mdev",
      "legacy_igd",
      "driver",
      "vendor_id",
      "device_id",
      "sub_vendor_id",
      "sub_device_id",
    ],
    romfile: "name",
    usbSlots: { form: /^usb(?:[0-9]|1[0-3])$/, expected: "usb0 to usb13" },
    usbSources: ["host", "mapping", "spice"],
    usbOptions: ["usb3"],
    nicNames: { form: /^net(?:[0-9]|[12][0-9]|3[01])$/, expected: "net0 to net31" },
    nicOptions: [
      "model",
      "bridge",
      "mac",
      "vlan_id",
      "trunks",
      "firewall",
      "link_down",
      "mtu",
      "queues",
      "rate",
    ],
    settings: ["machine", "cpu", "bios", "vga", "balloon", "boot_order", "nics", "create", "restart"],
  },
  libvirt: {
    title: "libvirt",
    pciSlots: ownNames,
    pciSources: ["device", "select", "mdev"],
    pciOptions: [
      "managed",
      "driver",
      "rom",
      "rombar",
      "romfile",
      "boot_order",
      "guest_address",
      "unassigned",
      "teaming",
      "live",
    ],
    romfile: "path",
    usbSlots: ownNames,
    usbSources: ["host"],
    usbOptions: ["boot_order", "startup_policy", "live"],
    settings: ["restart"],
  },
  ovirt: {
    title: "oVirt",
    pciSlots: ownNames,
    pciSources: ["device"],
    pciOptions: [],
    usbSlots: ownNames,
    usbSources: ["host"],
    usbOptions: [],
    nicNames: {
      form: /^(?!\.+$)[\p{L}\p{N}_.+-]{1,255}$/u,
      expected: "a name of the engine: letters, digits, ., _, + and -",
    },
    nicOptions: ["profile"],
    nicRequired: ["profile"],
    settings: ["restart", "pin_to", "nics"],
  },
  opennebula: {
    title: "OpenNebula",
    pciSlots: ownNames,
    pciSources: ["device", "request"],
    pciOptions: ["nic", "profile"],
    usbSlots: ownNames,
    usbSources: [],
    usbOptions: [],
    settings: ["restart"],
  },
} as const satisfies Readonly<Record<string, HypervisorTakes>>;

export type HypervisorName = keyof typeof hypervisorTakes;

/** null for a name that no hypervisor has. */
export function takenBy(hypervisor: string): HypervisorTakes | null {
  return Object.hasOwn(hypervisorTakes, hypervisor) ? hypervisorTakes[hypervisor as HypervisorName] : null;
}

/** Something declared that the hypervisor does not take. */
export interface NotTaken {
  /** Where it stands: `["pci", "gpu", "x_vga"]`, `["machine"]`. */
  readonly path: readonly string[];
  readonly kind: "slot" | "option" | "setting";
  /** What it takes instead: names of options or settings, or for a slot the form of its name in words. */
  readonly expected: readonly string[];
}

type Declared = Pick<VmState, "pci" | "usb" | VmSetting>;

/** What of a declaration is nothing that the hypervisor knows. What is not set is null or undefined. */
export function notTaken(takes: HypervisorTakes, declared: Partial<Declared>): NotTaken[] {
  const settings: readonly VmSetting[] = [
    "machine",
    "cpu",
    "bios",
    "vga",
    "balloon",
    "boot_order",
    "create",
    "restart",
    "pin_to",
    "nics",
  ];
  return [
    ...slots("pci", declared.pci ?? {}, takes.pciSlots, [...takes.pciSources, ...takes.pciOptions]),
    ...slots("usb", declared.usb ?? {}, takes.usbSlots, [...takes.usbSources, ...takes.usbOptions]),
    ...(takes.nicNames && takes.nicOptions
      ? slots("nics", declared.nics ?? {}, takes.nicNames, takes.nicOptions)
      : []),
    ...settings
      .filter((name) => isSet(declared[name]) && !takes.settings.includes(name))
      .map((name) => ({ path: [name], kind: "setting" as const, expected: takes.settings })),
  ];
}

function slots(
  kind: "pci" | "usb" | "nics",
  declared: Readonly<Record<string, object>>,
  { form, expected }: SlotNames,
  options: readonly string[],
): NotTaken[] {
  return Object.entries(declared).flatMap(([name, slot]): NotTaken[] => {
    if (!form.test(name)) return [{ path: [kind, name], kind: "slot", expected: [expected] }];
    return Object.entries(slot)
      .filter(([option, value]) => isSet(value) && !options.includes(option))
      .map(([option]) => ({ path: [kind, name, option], kind: "option", expected: options }));
  });
}

const isSet = (value: unknown): boolean => value !== null && value !== undefined;
