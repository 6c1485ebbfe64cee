import type { EngineStep } from "../../../lib/model/engineChange";
import type { EngineDevice, EngineFacts, EngineHost, EngineVm } from "../../../lib/model/engineFacts";
import { untouched, type VmDeclaration, type VmRecord, type VmRequest } from "../../../lib/hypervisors/types";

export const device = (name: string, group: string | null, driver = ""): EngineDevice => ({
  ...{ name, group, driver },
  capability: "pci",
  id: "10de:13ba",
  product: "Card",
  usedBy: null,
});

export const host = (
  name: string,
  devices: EngineDevice[],
  changes: Partial<EngineHost> = {},
): EngineHost => ({
  ...{ id: `id-${name}`, name, status: "up", address: name, cpu: "Intel", devices },
  ...{ customCommandLine: "", reportedCommandLine: "", passthrough: true },
  ...{ powerManagement: false, hostedEngine: false, localMaintenance: false },
  ...changes,
});

export const vm = (name: string, changes: Partial<EngineVm> = {}): EngineVm => ({
  ...{ id: `id-${name}`, name, status: "down", affinity: "pinned", pinnedTo: ["id-kvm1"], nextRun: false },
  ...{
    runsOn: changes.status === undefined || changes.status === "down" ? null : "id-kvm1",
    isEngine: false,
  },
  ...{ devices: [], nics: [] },
  ...changes,
});

/** `kvm1` has a card of two functions in one group, a disk and a network card; `kvm2` another card. */
export const facts = (vms: EngineVm[], changes: Partial<EngineFacts> = {}): EngineFacts => ({
  instanceId: "instance",
  product: "oVirt Engine 4.5.6",
  vms,
  hosts: [
    host("kvm1", [
      device("pci_0000_04_00_0", "30"),
      device("pci_0000_04_00_1", "30"),
      device("pci_0000_05_00_0", "31", "nvme"),
      device("pci_0000_06_00_0", "32"),
    ]),
    host("kvm2", [device("pci_0000_04_00_0", "12")]),
  ],
  vnicProfiles: [
    { id: "id-fast", name: "fast", passThrough: true },
    { id: "id-mgmt", name: "mgmt", passThrough: false },
  ],
  ...changes,
});

const slot = {
  ...{ mapping: null, pcie: null, rombar: null, romfile: null, x_vga: null, mdev: null, legacy_igd: null },
  ...{ driver: null, vendor_id: null, device_id: null, sub_vendor_id: null, sub_device_id: null },
};

/** @param devices addresses by slot */
export const declare = (
  devices: Readonly<Record<string, string>>,
  changes: Partial<VmDeclaration> = {},
): VmDeclaration => ({
  vmId: "workstation",
  pci: Object.fromEntries(
    Object.entries(devices).map(([key, address]) => [key, { ...slot, device: address }]),
  ),
  usb: {},
  ...{
    machine: null,
    cpu: null,
    bios: null,
    vga: null,
    balloon: null,
    create: null,
    bootOrder: null,
    restart: false,
    peers: [],
    provided: [],
  },
  ...changes,
});

export const request = (
  engine: EngineFacts,
  declaration: VmDeclaration | null,
  record: VmRecord = untouched,
): VmRequest<EngineFacts> => ({ host: "lab", facts: engine, vmId: "workstation", declaration, record });

/** What the engine makes of a step: groups come along as placeholders, another host drops every device. */
export function after(engine: EngineFacts, steps: readonly EngineStep[]): EngineFacts {
  return steps.reduce((now, step): EngineFacts => {
    if (!("vm" in step)) return now;
    const vms = now.vms.map((one) => (one.id === step.vm ? changed(now, one, step) : one));
    return { ...now, vms };
  }, engine);
}

function changed(engine: EngineFacts, one: EngineVm, step: EngineStep): EngineVm {
  const place = engine.hosts.find(({ id }) => id === one.pinnedTo[0]);
  const groupOf = (name: string) => {
    const group = place?.devices?.find((found) => found.name === name)?.group ?? null;
    return (place?.devices ?? []).filter(
      (found) => found.name === name || (group !== null && found.group === group),
    );
  };
  switch (step.step) {
    case "attach": {
      if (one.pinnedTo.length !== 1 || one.status !== "down") throw new Error(`refused: ${step.step}`);
      if (!place?.devices?.some(({ name }) => name === step.device))
        throw new Error("refused: no such device");
      const members = groupOf(step.device).map(({ name }) => ({
        name,
        placeholder:
          name !== step.device && one.devices?.find((found) => found.name === name)?.placeholder !== false,
      }));
      const others = (one.devices ?? []).filter(
        ({ name }) => !members.some((member) => member.name === name),
      );
      return { ...one, devices: [...others, ...members] };
    }
    case "detach": {
      if (one.pinnedTo.length !== 1 || one.status !== "down") throw new Error(`refused: ${step.step}`);
      const names = groupOf(step.device).map(({ name }) => name);
      const flagged = (one.devices ?? []).map((found) =>
        found.name === step.device ? { ...found, placeholder: true } : found,
      );
      const used = flagged.some(({ name, placeholder }) => names.includes(name) && !placeholder);
      return { ...one, devices: used ? flagged : flagged.filter(({ name }) => !names.includes(name)) };
    }
    case "place": {
      const moved = [...step.hosts].sort().join() !== [...one.pinnedTo].sort().join();
      return {
        ...one,
        affinity: step.affinity,
        pinnedTo: step.hosts,
        devices: moved ? [] : one.devices,
      };
    }
    case "addNic":
      return {
        ...one,
        nics: [
          ...(one.nics ?? []),
          { id: `nic-${step.name}`, name: step.name, interface: step.interface, profile: step.profile },
        ],
      };
    case "removeNic":
      return { ...one, nics: (one.nics ?? []).filter(({ id }) => id !== step.nic) };
    case "shutDown":
      return { ...one, status: "down" };
    case "start":
      return { ...one, status: "up" };
    case "kernelCommandLine":
      return one;
  }
}
