import type { EngineDevice, EngineFacts, EngineHost, EngineVm } from "../../model/engineFacts";

/** The VM with this id, or else the one VM with this name; null where there is none or where there are several. */
export function findVm({ vms }: EngineFacts, idOrName: string): EngineVm | null {
  const [first, second] = named(vms, idOrName);
  return first === undefined || second !== undefined ? null : first;
}

export function findHost({ hosts }: EngineFacts, idOrName: string): EngineHost | null {
  return named(hosts, idOrName)[0] ?? null;
}

/** What has this id, or else everything of this name: names repeat among data centers. */
export function named<T extends { readonly id: string; readonly name: string }>(
  all: readonly T[],
  idOrName: string,
): T[] {
  const byId = all.filter(({ id }) => id === idOrName);
  return byId.length > 0 ? byId : all.filter(({ name }) => name === idOrName);
}

/** The one host that the VM is pinned to; null where it may start on any or on several. */
export function pinnedHost(facts: EngineFacts, vm: EngineVm): EngineHost | null {
  const [first, second] = vm.pinnedTo;
  return first === undefined || second !== undefined ? null : findHost(facts, first);
}

/** What the guest gets, without what only comes along as placeholder. */
export function given(vm: EngineVm): string[] {
  return (vm.devices ?? []).filter(({ placeholder }) => !placeholder).map(({ name }) => name);
}

export function isDown({ status }: EngineVm): boolean {
  return status === "down";
}

export function deviceOn(host: EngineHost | null, name: string): EngineDevice | undefined {
  return host?.devices?.find((device) => device.name === name);
}

/** Every other PCI device of its IOMMU group. */
export function siblings(host: EngineHost | null, name: string): EngineDevice[] {
  const device = deviceOn(host, name);
  if (device === undefined || device.group === null) return [];
  return (host?.devices ?? []).filter(
    (other) => other.name !== name && other.capability === "pci" && other.group === device.group,
  );
}

/** `pci_0000_04_00_0 (GM107GL, 10de:13ba)` */
export function describeDevice({ name, product, id }: EngineDevice): string {
  const words = [product, id].filter(Boolean).join(", ");
  return words === "" ? name : `${name} (${words})`;
}

export function describeVm({ name }: EngineVm): string {
  return `VM ${name}`;
}
