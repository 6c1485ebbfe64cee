/** Checks a value as Proxmox's parameter verification does; gives its complaints, without the setting's name. */
type Check = (value: string) => Complaint[];
interface Complaint {
  /** Empty for the value as a whole. */
  readonly property: string;
  readonly words: string;
}

interface Property {
  readonly words: string;
  readonly form: Pick<RegExp, "test">;
}

const boolean: Property = {
  words: "type check ('boolean') failed",
  form: /^(0|1|on|off|yes|no|true|false)$/i,
};
const notInEnumeration = (...values: string[]): Property => ({
  words: `value does not have a value in the enumeration '${values.join(", ")}'`,
  form: new RegExp(`^(${values.join("|")})$`),
});
const pattern = (form: RegExp): Property => ({ words: "value does not match the regex pattern", form });

const pciAddress = "([0-9a-f]{4,}:)?[0-9a-f]{2}:[0-9a-f]{2}(\\.[0-9a-f])?";
const hexId = pattern(/^0x[0-9a-fA-F]{4}$/);
const mappingName = { words: "invalid configuration ID", form: /^[a-z][a-z0-9_-]+$/i };

const hostpci: Readonly<Record<string, Property>> = {
  host: pattern(new RegExp(`^${pciAddress}(;${pciAddress})*$`)),
  mapping: mappingName,
  rombar: boolean,
  romfile: pattern(/^[^,;]+$/),
  pcie: boolean,
  "x-vga": boolean,
  "legacy-igd": boolean,
  mdev: pattern(/^[^,;]+$/),
  driver: notInEnumeration("vfio", "keep"),
  "vendor-id": hexId,
  "device-id": hexId,
  "sub-vendor-id": hexId,
  "sub-device-id": hexId,
};

const usb: Readonly<Record<string, Property>> = {
  host: pattern(/^((0x)?[0-9a-fA-F]{4}:(0x)?[0-9a-fA-F]{4}|\d+-\d+(\.\d+)*|spice)$/i),
  mapping: mappingName,
  usb3: boolean,
};

const macAddress: Property = {
  words: "value does not look like a valid unicast MAC address",
  form: /^[a-f0-9][02468ace](:[a-f0-9]{2}){5}$/i,
};
const within = (from: number, to: number): Property => ({
  words: `value must have a minimum value of ${from} and a maximum value of ${to}`,
  form: {
    test: (text: string) => /^\d+$/.test(text) && Number(text) >= from && Number(text) <= to,
  },
});
const nicModels = [
  ...["e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em", "e1000e", "i82551", "i82557b", "i82559er"],
  ...["ne2k_isa", "ne2k_pci", "pcnet", "rtl8139", "virtio", "vmxnet3"],
];

/** A model stands alone, or as the name of the address: `virtio=BC:24:11:00:00:01`. */
const net: Readonly<Record<string, Property>> = {
  model: notInEnumeration(...nicModels),
  macaddr: macAddress,
  ...Object.fromEntries(nicModels.map((name) => [name, macAddress])),
  bridge: pattern(/^[-_.\w]+$/),
  queues: within(0, 64),
  rate: { words: "type check ('number') failed", form: /^\d+(\.\d+)?$/ },
  tag: within(1, 4094),
  trunks: pattern(/^\d+(-\d+)?(;\d+(-\d+)?)*$/),
  firewall: boolean,
  link_down: boolean,
  mtu: within(1, 65520),
};

const machine: Readonly<Record<string, Property>> = {
  type: pattern(/^(pc|q35|virt|(pc(-i440fx|-q35)?|virt)-\d+(\.\d+)+(\+pve\d+)?(\.pxe)?)$/),
  viommu: notInEnumeration("intel", "virtio"),
  "enable-s3": boolean,
  "enable-s4": boolean,
};

/** A property string: `value,name=value,...`, the value without a name belonging to `first`. */
const propertyString =
  (properties: Readonly<Record<string, Property>>, first: string): Check =>
  (value) => {
    const seen = new Set<string>();
    return value.split(",").flatMap((part): Complaint[] => {
      const at = part.indexOf("=");
      const name = at < 0 ? first : part.slice(0, at);
      const text = part.slice(at + 1);
      if (part === "" || seen.has(name)) return [{ property: "", words: "invalid format - format error" }];
      seen.add(name);
      const property = properties[name];
      if (!property) {
        return [
          {
            property: name,
            words: "property is not defined in schema and the schema does not allow additional properties",
          },
        ];
      }
      if (property.form.test(text)) return [];
      return [
        {
          property: name,
          words: property === boolean ? `${property.words} - got '${text}'` : property.words,
        },
      ];
    });
  };

/** Without a model it is no network card. */
const nic: Check = (value) => {
  const complaints = propertyString(net, "model")(value);
  const hasModel = value
    .split(",")
    .some(
      (part) =>
        !part.includes("=") || part.startsWith("model=") || nicModels.includes(part.split("=")[0] ?? ""),
    );
  return complaints.length > 0 || hasModel
    ? complaints
    : [{ property: "model", words: "property is missing and it is not optional" }];
};

const either =
  (check: Check): Check =>
  (value) => {
    const names = value
      .split(",")
      .map((part) => (part.includes("=") ? part.slice(0, part.indexOf("=")) : "host"));
    const given = ["host", "mapping"].filter((name) => names.includes(name));
    const complaints = check(value);
    if (complaints.length > 0 || given.length === 1) return complaints;
    return [
      {
        property: "",
        words:
          given.length === 0
            ? "invalid format - one of 'host' or 'mapping' must be set"
            : "invalid format - 'host' and 'mapping' are mutually exclusive",
      },
    ];
  };

const plain =
  (property: Property): Check =>
  (value) =>
    property.form.test(value)
      ? []
      : [
          {
            property: "",
            words: property === boolean ? `${boolean.words} - got '${value}'` : property.words,
          },
        ];

const integer: Property = { words: "type check ('integer') failed", form: /^\d+$/ };
const anything: Property = { words: "value may not be empty", form: /./ };

/** Settings by name; what is not here is an unknown option. */
const settings: readonly (readonly [RegExp, Check])[] = [
  [/^hostpci([0-9]|1[0-5])$/, either(propertyString(hostpci, "host"))],
  [/^usb([0-9]|1[0-3])$/, either(propertyString(usb, "host"))],
  [/^machine$/, propertyString(machine, "type")],
  [/^bios$/, plain(notInEnumeration("seabios", "ovmf"))],
  [
    /^(onboot|acpi|kvm|numa|protection|tablet|template|agent)$/,
    plain({ ...boolean, form: /^(0|1|on|off|yes|no|true|false|enabled=.*|[01],.*)$/i }),
  ],
  [/^(memory|cores|sockets|vcpus|balloon|cpuunits|shares)$/, plain(integer)],
  [/^boot$/, plain(pattern(/^(order=[a-z]+\d*(;[a-z]+\d*)*|order=|[acdn]{1,4}|legacy=.*)$/))],
  [
    /^(name|description|tags|args|cpu|vga|ostype|scsihw|startup|hotplug|hookscript|affinity|rng0|efidisk0|tpmstate0|audio0|smbios1|vmgenid|lock|watchdog|bootdisk|machine)$/,
    plain(anything),
  ],
  [/^net([0-9]|[12][0-9]|3[01])$/, nic],
  [/^(scsi|sata|ide|virtio|serial|parallel|unused|ipconfig|numa)\d+$/, plain(anything)],
];

export const isKnownSetting = (key: string): boolean => settings.some(([form]) => form.test(key));

/** `hostpci0.pcie: type check ('boolean') failed - got 'x'`, a line for each complaint. */
export function complaintsAbout(key: string, value: string): string[] {
  const check = settings.find(([form]) => form.test(key))?.[1];
  return (check?.(value) ?? []).map(
    ({ property, words }) => `${property === "" ? key : `${key}.${property}`}: ${words}`,
  );
}
