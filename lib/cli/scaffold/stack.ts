import { describeVms, type VmDescription } from "../../hypervisors/proxmox/vmDescription";
import type { PciSlot, UsbSlot } from "../../hypervisors/types";
import type { HostFacts } from "../../model/facts";
import { describeHost, type DescribedDevice, type HostDescription } from "../../model/hostDescription";
import { observe } from "../../model/observation";
import { normalisePciAddress } from "../../model/pciAddress";
import type { Connection } from "../../host/types";
import { Names } from "./names";
import { commentLine, isTemplate, literal, print, type Field, type Value } from "./typescript";

export interface Stack {
  /** Name of the stack and of its host. */
  readonly name: string;
  /** main.ts */
  readonly source: string;
  /** What the stack does not say, a clause each. */
  readonly leftOut: readonly string[];
}

/**
 * The stack that describes a host as it is: deployed, it imports everything and changes nothing.
 * @throws an Error where the host cannot be understood or is declared already.
 */
export function stackOf(facts: HostFacts, connection: Connection): Stack {
  const host = withoutTemplates(describeHost(observe(facts)));
  const vms = facts.proxmox === null ? [] : describeVms(facts);
  const names = new Names();
  const name = names.give(facts.hostname, "host");
  const bindings = bindingsOf(host.devices, names);
  const constructs = [
    "IommuHost",
    ...(vms.length > 0 ? ["PassthroughVm", "Proxmox"] : []),
    ...(bindings.length > 0 ? ["VfioBinding"] : []),
  ];
  const leftOut = [...host.leftOut, ...vms.flatMap((vm) => vm.leftOut)];
  const blocks = [
    ['import { App, TerraformStack } from "cdktf";', importLine(constructs, "cdktf-passthrough")],
    [
      commentLine(`${facts.hostname} as it was found: ${about(facts)}.`),
      "// `adopt` imports what is there: the first deploy changes nothing. From then on",
      "// this is where the host's passthrough is changed.",
      "const app = new App();",
      `const stack = new TerraformStack(app, ${literal(name)});`,
    ],
    [
      statement(
        vms.length + bindings.length > 0 ? "host" : null,
        "IommuHost",
        name,
        hostFields(host, connection),
      ),
    ],
    ...bindings.map((binding) => [
      statement(
        usedBinding(binding, vms) ? binding.variable : null,
        "VfioBinding",
        binding.name,
        bindingFields(binding),
      ),
    ]),
    ...vms.map((vm) => [
      statement(
        null,
        "PassthroughVm",
        names.give(vm.name, `vm${vm.declaration.vmId}`),
        vmFields(vm, bindings),
      ),
    ]),
    ...(leftOut.length > 0
      ? [["// Not described:", ...leftOut.map((clause) => commentLine(`- ${clause}`))]]
      : []),
    ["app.synth();"],
  ];
  return { name, source: blocks.map((lines) => `${lines.join("\n")}\n`).join("\n"), leftOut };
}

function about(facts: HostFacts): string {
  const proxmox = facts.proxmox === null ? [] : [`Proxmox VE ${facts.proxmox.version}`];
  return [facts.distribution.prettyName, `Linux ${facts.kernel.release}`, ...proxmox]
    .filter(Boolean)
    .join(", ");
}

function importLine(constructs: readonly string[], from: string): string {
  const sorted = [...constructs].sort();
  const line = `import { ${sorted.join(", ")} } from "${from}";`;
  return line.length <= 80
    ? line
    : `import {\n${sorted.map((name) => `  ${name},\n`).join("")}} from "${from}";`;
}

function statement(variable: string | null, construct: string, id: string, fields: readonly Field[]): string {
  const start = `${variable === null ? "" : `const ${variable} = `}new ${construct}(stack, ${literal(id)}, `;
  return print({ fields, expanded: true }, start, ");");
}

// The host

/** Terraform would evaluate what stands in braces, and it is a host that wrote it. */
function withoutTemplates(host: HostDescription): HostDescription {
  const { kernelParameters, modprobeOptions } = host.declaration;
  const [said, parameters] = partition(kernelParameters, isTemplate);
  const [saidOptions, options] = partition(Object.entries(modprobeOptions), ([, text]) => isTemplate(text));
  const declaration = {
    ...host.declaration,
    kernelParameters: parameters,
    modprobeOptions: Object.fromEntries(options),
  };
  const leftOut = [
    ...said.map((parameter) => `the kernel parameter ${parameter}, a template to Terraform`),
    ...saidOptions.map(([module, text]) => `the options of ${module}, a template to Terraform: ${text}`),
  ];
  return { ...host, declaration, leftOut: [...host.leftOut, ...leftOut] };
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): [T[], T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}

function hostFields({ declaration }: HostDescription, connection: Connection): Field[] {
  const { iommu, vfioModules, allowUnsafeInterrupts } = declaration;
  return [
    { name: "connection", value: record(connectionProps(connection)) },
    ...(iommu
      ? []
      : [
          {
            name: "iommu",
            value: false,
            comment: "The host boots without the parameter that turns the IOMMU on.",
          },
        ]),
    ...list("kernelParameters", declaration.kernelParameters),
    ...(vfioModules ? [] : [{ name: "vfioModules", value: false }]),
    ...list("modules", declaration.modules),
    ...map("modprobeOptions", declaration.modprobeOptions),
    ...list("blacklist", declaration.blacklist),
    ...map("softdeps", declaration.softdeps),
    ...(allowUnsafeInterrupts ? [{ name: "allowUnsafeInterrupts", value: true }] : []),
    { name: "adopt", value: true },
  ];
}

function connectionProps({ host, port, user, identityFile, hostKey }: Connection) {
  return { host, port, user, identityFile, hostKey };
}

const list = (name: string, values: readonly string[]): Field[] =>
  values.length === 0 ? [] : [{ name, value: values }];

const map = (name: string, values: Readonly<Record<string, string>>): Field[] =>
  Object.keys(values).length === 0 ? [] : [{ name, value: record(values) }];

/** What is set of it. */
function record(values: Readonly<Record<string, string | number | boolean | null | undefined>>): Value {
  return {
    fields: Object.entries(values).flatMap(([name, value]) =>
      value === null || value === undefined ? [] : [{ name, value }],
    ),
  };
}

// Bindings

interface Binding {
  readonly name: string;
  readonly variable: string;
  readonly devices: readonly (DescribedDevice & { readonly key: string })[];
}

/** What a device is called by its class. */
const kinds: readonly (readonly [classes: RegExp, name: string])[] = [
  [/^03/, "gpu"],
  [/^04/, "sound"],
  [/^01/, "storage"],
  [/^02/, "network"],
  [/^0c03/, "usb"],
  [/^12/, "accelerator"],
];

const kindOf = (device: DescribedDevice): string =>
  kinds.find(([classes]) => classes.test(device.class))?.[1] ?? "device";

/** One for each IOMMU group: it goes as a whole. */
function bindingsOf(devices: readonly DescribedDevice[], names: Names): Binding[] {
  const groups = new Map<string, DescribedDevice[]>();
  for (const device of devices) {
    const group = device.iommuGroup ?? device.address;
    groups.set(group, [...(groups.get(group) ?? []), device]);
  }
  return [...groups.values()].map((members) => {
    const keys = new Names();
    const name = names.give(members[0] === undefined ? "device" : kindOf(members[0]), "device");
    return {
      name,
      variable: name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase()),
      devices: members.map((device) => ({
        ...device,
        key: keys.give(members.length === 1 ? "card" : kindOf(device), "device"),
      })),
    };
  });
}

function bindingFields({ devices }: Binding): Field[] {
  const fields = devices.map(({ key, address, words }) => ({
    name: key,
    value: record({ address }),
    comment: words,
  }));
  return [
    { name: "host", value: { raw: "host" } },
    { name: "devices", value: { fields, expanded: true } },
    { name: "adopt", value: true },
  ];
}

/** The binding's device that a slot takes; null where it takes another one, or only a part. */
function boundDevice(slot: PciSlot, bindings: readonly Binding[]): { binding: Binding; key: string } | null {
  for (const binding of bindings) {
    const found = binding.devices.find(
      ({ address }) =>
        slot.device !== null && !slot.device.includes(";") && sameAddress(address, slot.device),
    );
    if (found !== undefined) return { binding, key: found.key };
  }
  return null;
}

const sameAddress = (one: string, other: string) => normalisePciAddress(one) === normalisePciAddress(other);

function usedBinding(binding: Binding, vms: readonly VmDescription[]): boolean {
  return vms.some(({ declaration }) =>
    Object.values(declaration.pci).some((slot) => boundDevice(slot, [binding]) !== null),
  );
}

// VMs

function vmFields({ declaration }: VmDescription, bindings: readonly Binding[]): Field[] {
  const { vmId, pci, usb, machine, cpu, bios, vga, bootOrder } = declaration;
  const settings = { machine, cpu, bios, vga };
  return [
    { name: "on", value: { raw: `Proxmox.vm(host, ${Number(vmId)})` } },
    ...Object.entries(settings).flatMap(([name, value]) => (value === null ? [] : [{ name, value }])),
    ...(bootOrder === null ? [] : [{ name: "bootOrder", value: bootOrder }]),
    ...slots("pci", pci, (slot) => pciFields(slot, bindings)),
    ...slots("usb", usb, usbFields),
    { name: "adopt", value: true },
  ];
}

function slots<S>(name: string, of: Readonly<Record<string, S>>, fields: (slot: S) => Field[]): Field[] {
  const entries = Object.entries(of).map(([key, slot]) => ({ name: key, value: { fields: fields(slot) } }));
  return entries.length === 0 ? [] : [{ name, value: { fields: entries, expanded: true } }];
}

function pciFields(slot: PciSlot, bindings: readonly Binding[]): Field[] {
  const bound = boundDevice(slot, bindings);
  const device: Field[] =
    slot.device === null
      ? []
      : bound === null
        ? [{ name: "device", value: record({ address: slot.device }) }]
        : [{ name: "device", value: { raw: `${bound.binding.variable}.device(${literal(bound.key)})` } }];
  const options = {
    mapping: slot.mapping,
    pcie: slot.pcie,
    rombar: slot.rombar,
    romfile: slot.romfile,
    xVga: slot.x_vga,
    mdev: slot.mdev,
    legacyIgd: slot.legacy_igd,
    driver: slot.driver,
    vendorId: slot.vendor_id,
    deviceId: slot.device_id,
    subVendorId: slot.sub_vendor_id,
    subDeviceId: slot.sub_device_id,
  };
  return [...device, ...set(options)];
}

function usbFields({ host, mapping, spice, usb3 }: UsbSlot): Field[] {
  return set({ host, mapping, spice, usb3 });
}

function set(values: Readonly<Record<string, string | boolean | null>>): Field[] {
  return Object.entries(values).flatMap(([name, value]) => (value === null ? [] : [{ name, value }]));
}
