import { randomUUID } from "node:crypto";
import type { EngineWorld, WorldDevice, WorldVm } from "./types";

export interface Host {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly devices: readonly WorldDevice[];
  status: string;
  /** What the status becomes, one at each read. */
  coming: string[];
  custom: string;
  reported: string;
  passthrough: boolean;
  powerManagement: boolean;
  hostedEngine: { localMaintenance: boolean } | null;
}

export interface Vm {
  readonly id: string;
  readonly name: string;
  status: string;
  coming: string[];
  affinity: string;
  pinnedTo: string[];
  /** Id of the host that it runs on; null while it is down. */
  runsOn: string | null;
  readonly hostedEngine: boolean;
  /** A guest that does not listen, or a migration that makes no progress. */
  stuck: boolean;
  /** By device name; true: only a placeholder of its group. */
  readonly devices: Map<string, boolean>;
  nics: Nic[];
}

export interface Nic {
  readonly id: string;
  readonly name: string;
  readonly profile: string;
  readonly interface: string;
}

export interface Profile {
  readonly id: string;
  readonly name: string;
  readonly network: string;
  readonly passThrough: boolean;
}

/** What stands in the engine's database. */
export interface Database {
  readonly instanceId: string;
  readonly hosts: Host[];
  readonly vms: Vm[];
  readonly profiles: Profile[];
}

/** As libvirt names it: `pci_0000_04_00_0`, `usb_1_4_2`. */
export function deviceName(address: string): string {
  return `${isUsbPort(address) ? "usb" : "pci"}_${address.replace(/[-:.]/g, "_")}`;
}

export const isUsbPort = (address: string): boolean => /^\d+-/.test(address);

/** The engine's id of a device is its name in hex. */
export function deviceId(name: string): string {
  return Buffer.from(name).toString("hex");
}

export function deviceNameOf(id: string): string {
  return Buffer.from(id, "hex").toString();
}

export function createDatabase(world: EngineWorld): Database {
  const hosts = world.hosts.map((host): Host => ({
    id: randomUUID(),
    name: host.name,
    address: host.address ?? `${host.name}.example`,
    devices: host.devices,
    status: "up",
    coming: [],
    custom: host.customKernelCommandLine ?? "",
    reported: host.reportedKernelCommandLine ?? "",
    passthrough: host.passthrough ?? true,
    powerManagement: host.powerManagement ?? false,
    hostedEngine: host.hostedEngine === true ? { localMaintenance: false } : null,
  }));
  const profiles = (world.vnicProfiles ?? []).map(({ name, network, passThrough }): Profile => ({
    id: randomUUID(),
    name,
    network,
    passThrough: passThrough ?? false,
  }));
  const vms = world.vms.map((vm): Vm => {
    const pinnedTo = (vm.pinnedTo ?? []).map((name) => byName(hosts, name).id);
    return {
      id: randomUUID(),
      name: vm.name,
      status: vm.status ?? "down",
      coming: [],
      affinity: vm.affinity ?? (pinnedTo.length > 0 ? "pinned" : "migratable"),
      pinnedTo,
      runsOn: vm.status === "up" ? placeOf(vm, hosts) : null,
      hostedEngine: vm.hostedEngine ?? false,
      stuck: false,
      devices: new Map((vm.devices ?? []).map((address) => [deviceName(address), false])),
      nics: (vm.nics ?? []).map((nic) => ({
        id: randomUUID(),
        name: nic.name,
        profile: byName(profiles, nic.profile).id,
        interface: nic.interface,
      })),
    };
  });
  return { instanceId: randomUUID(), hosts, vms, profiles };
}

function placeOf(vm: WorldVm, hosts: readonly Host[]): string | null {
  const name = vm.runsOn ?? vm.pinnedTo?.[0];
  return (name === undefined ? hosts[0] : byName(hosts, name))?.id ?? null;
}

export function byName<T extends { readonly name: string }>(all: readonly T[], name: string): T {
  const found = all.find((one) => one.name === name);
  if (found === undefined) throw new Error(`The embedded engine has no ${name}.`);
  return found;
}

/** Every device of the same IOMMU group, the device itself with it. */
export function groupOf(host: Host, name: string): string[] {
  const device = host.devices.find(({ address }) => deviceName(address) === name);
  if (device?.group === null || device === undefined) return [name];
  return host.devices.filter(({ group }) => group === device.group).map(({ address }) => deviceName(address));
}
