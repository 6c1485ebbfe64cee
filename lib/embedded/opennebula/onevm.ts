import { find, hostOf, OneError } from "./database";
import { oneCommand, reading, templateIn, word, type Command, type Kind, type Verb } from "./commands";
import { vmJson } from "./json";
import type { Section } from "./templateSyntax";
import type { Database, VmRow, VmState } from "./types";

const vms: Kind<VmRow> = { name: "VM", pool: "VM_POOL", rows: (database) => database.vms, json: vmJson };

function vmIn(command: Command, action: string, ...states: readonly VmState[]): VmRow {
  const vm = find("VM", command.database.vms, word(command, 0, "vmid"));
  if (!states.includes(vm.state))
    throw new OneError(`[${action}] Could not do it to VM ${vm.id}, wrong state ${vm.state}.`);
  return vm;
}

/** The one section of a file, as `pci-attach` and `nic-attach` take it. */
function sectionIn(command: Command, action: string, isWanted: (pci: Section) => boolean): Section {
  const file = command.options.get("--file") ?? command.options.get("-f");
  if (file === undefined) throw new OneError("Provide a template or a device:\n\t--file <file>");
  const sections = templateIn(file, action).flatMap(([name, value]) =>
    name === "PCI" && typeof value !== "string" ? [value] : [],
  );
  const [section] = sections;
  if (section === undefined || sections.length > 1 || !isWanted(section))
    throw new OneError(`[${action}] The template holds no PCI of this kind, or more than one.`);
  return section;
}

const isNic = (pci: Section): boolean => pci["TYPE"] === "NIC";

const attach =
  (action: string, nic: boolean, ...states: readonly VmState[]): Verb =>
  (command) => {
    const vm = vmIn(command, action, ...states);
    const section = { ...sectionIn(command, action, (pci) => isNic(pci) === nic) };
    const host = hostOf(command.database, vm);
    if (nic) connect(command.database, action, section, vm);
    if (host && vm.state !== "UNDEPLOYED") allocate(host.pci, command, vm, section, action);
    const ids = vm.template.flatMap(([, value]) =>
      typeof value === "string" ? [] : [Number(value["PCI_ID"] ?? -1)],
    );
    section["PCI_ID"] = String(Math.max(-1, ...ids) + 1);
    vm.template.push(["PCI", section]);
  };

/** The first free device of the host that has what the section asks for. */
function allocate(
  pci: { shortAddress: string; vmId: number }[],
  { machine }: Command,
  vm: VmRow,
  section: Section,
  action: string,
): void {
  const byName = ["VENDOR", "DEVICE", "CLASS"].filter((key) => (section[key] ?? "") !== "");
  const address = section["SHORT_ADDRESS"] ?? "";
  if (address !== "" && byName.length > 0)
    throw new OneError(`[${action}] SHORT_ADDRESS cannot be used with ${byName.join(", ")}.`);
  if (address === "" && byName.length === 0)
    throw new OneError(
      `[${action}] The PCI names no device: VENDOR, DEVICE, CLASS or SHORT_ADDRESS is needed.`,
    );
  const node = machine.profile.openNebula?.hosts.find(({ id }) => id === vm.host);
  const found = pci.find(({ shortAddress, vmId }) => {
    const [vendor, device, pciClass] = (
      node?.devices.find((one) => one.shortAddress === shortAddress)?.type ?? ""
    ).split(":");
    const actual: Section = { VENDOR: vendor ?? "", DEVICE: device ?? "", CLASS: pciClass ?? "" };
    const wanted = address === "" ? true : shortAddress === address;
    return (
      wanted &&
      vmId === -1 &&
      byName.every((key) => parseInt(section[key] ?? "", 16) === parseInt(actual[key] ?? "", 16))
    );
  });
  if (!found)
    throw new OneError(`[${action}] Cannot allocate the PCI device: the host has no such device free.`);
  found.vmId = vm.id;
  const [bus = "", slot = "", fn = ""] = found.shortAddress.split(/[:.]/);
  Object.assign(section, {
    ...{ ADDRESS: `0000:${bus}:${slot}:${fn}`, BUS: bus, DOMAIN: "0000", FUNCTION: fn, SLOT: slot },
    ...{ SHORT_ADDRESS: found.shortAddress, NUMA_NODE: "-", VM_DOMAIN: "0x0000" },
  });
}

/** A lease of the network, for what the section leaves open. */
function connect({ networks }: Database, action: string, section: Section, vm: VmRow): void {
  const name = section["NETWORK"] ?? section["NETWORK_ID"] ?? "";
  const network = networks.find(({ id, name: called }) => called === name || String(id) === name);
  if (!network) throw new OneError(`[${action}] User 0 does not own a network with name: ${name} .`);
  const nics = vm.template.filter(
    ([key, value]) => key === "NIC" || (typeof value !== "string" && isNic(value)),
  );
  section["NETWORK_ID"] = String(network.id);
  section["NIC_ID"] = String(nics.length);
  section["MAC"] ??= `02:00:c0:a8:00:${(10 + nics.length).toString(16).padStart(2, "0")}`;
}

const detach =
  (action: string, key: "PCI_ID" | "NIC_ID", nic: boolean, ...states: readonly VmState[]): Verb =>
  (command) => {
    const vm = vmIn(command, action, ...states);
    const wanted = word(command, 1, "id");
    const at = vm.template.findIndex(
      ([name, value]) =>
        name === "PCI" && typeof value !== "string" && value[key] === wanted && isNic(value) === nic,
    );
    const section = vm.template[at]?.[1];
    if (section === undefined || typeof section === "string")
      throw new OneError(
        `[${action}] Could not detach from VM ${vm.id}, the device ${wanted} does not exist.`,
      );
    vm.template.splice(at, 1);
    const used = hostOf(command.database, vm)?.pci.find(
      ({ shortAddress, vmId }) => shortAddress === section["SHORT_ADDRESS"] && vmId === vm.id,
    );
    if (used) used.vmId = -1;
  };

const poweroff: Verb = (command) => {
  vmIn(command, "one.vm.action", "RUNNING").state = "POWEROFF";
};
const resume: Verb = (command) => {
  vmIn(command, "one.vm.action", "POWEROFF", "UNDEPLOYED").state = "RUNNING";
};

export const onevm = oneCommand("onevm", {
  ...reading(vms),
  "pci-attach": attach("one.vm.attachpci", false, "POWEROFF", "UNDEPLOYED"),
  "pci-detach": detach("one.vm.detachpci", "PCI_ID", false, "POWEROFF", "UNDEPLOYED"),
  "nic-attach": attach("one.vm.attachnic", true, "RUNNING", "POWEROFF"),
  "nic-detach": detach("one.vm.detachnic", "NIC_ID", true, "RUNNING", "POWEROFF"),
  poweroff,
  resume,
});
