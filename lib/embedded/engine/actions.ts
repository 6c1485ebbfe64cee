import { randomUUID } from "node:crypto";
import { deviceName, deviceNameOf, groupOf, type Database, type Host, type Nic, type Vm } from "./world";

/** What the engine refuses, in its manner: a title and the reason in brackets. */
export class Fault extends Error {
  constructor(
    readonly status: number,
    readonly reason: string,
    readonly detail: string,
  ) {
    super(detail);
  }
}

type Body = Readonly<Record<string, unknown>>;

const failed = (detail: string, status = 409) => new Fault(status, "Operation Failed", `[${detail}]`);
const missing = (what: string) =>
  new Fault(400, "Incomplete parameters", `HostDevice [${what}] required for add`);

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function field(body: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? (value as Body)[key] : undefined),
    body,
  );
}

/** The one host whose devices a VM may have; a VM that runs, or that could run elsewhere, gets none. */
function pinnedHost(database: Database, vm: Vm, action: string): Host {
  if (vm.status !== "down")
    throw failed(`Cannot ${action} Host Devices. VM ${vm.name} is not down: its status is ${vm.status}.`);
  const [first, second] = vm.pinnedTo;
  if (first === undefined) throw failed(`Cannot ${action} Host Devices. The VM is not pinned to any host.`);
  if (second !== undefined) throw failed(`Cannot ${action} Host Devices. The VM is pinned to several hosts.`);
  const host = database.hosts.find(({ id }) => id === first);
  if (host === undefined) throw failed(`Cannot ${action} Host Devices. The host does not exist.`);
  return host;
}

/** The rest of the group comes along as placeholders; a placeholder that is asked for becomes a device. */
export function attach(database: Database, vm: Vm, body: Body): string {
  const id = text(body["id"]);
  const name = id === undefined ? text(body["name"]) : deviceNameOf(id);
  if (name === undefined) throw missing("id|name");
  const host = pinnedHost(database, vm, "add");
  if (!host.devices.some(({ address }) => deviceName(address) === name))
    throw failed("Cannot add Host Devices. The host device was not found on the host.");
  for (const member of groupOf(host, name)) {
    if (member === name) vm.devices.set(name, false);
    else if (!vm.devices.has(member)) vm.devices.set(member, true);
  }
  return name;
}

/** A device whose group still has another one in use stays as a placeholder. */
export function detach(database: Database, vm: Vm, id: string): void {
  const name = deviceNameOf(id);
  if (!vm.devices.has(name)) throw new Fault(404, "Not Found", "Entity not found: " + id);
  const group = groupOf(pinnedHost(database, vm, "remove"), name);
  vm.devices.set(name, true);
  if (group.every((member) => vm.devices.get(member) !== false))
    for (const member of group) vm.devices.delete(member);
}

/** Another host: every host device of the VM is dropped. */
export function updateVm(database: Database, vm: Vm, body: Body): void {
  const affinity = text(field(body, "placement_policy", "affinity"));
  const hosts = field(body, "placement_policy", "hosts", "host");
  if (affinity !== undefined && !["migratable", "user_migratable", "pinned"].includes(affinity))
    throw new Fault(400, "Invalid value", `${affinity} is not a member of VmAffinity`);
  if (hosts !== undefined || affinity !== undefined) {
    if (vm.status !== "down") throw failed("Cannot edit VM. The VM must be down to change where it runs.");
  }
  if (Array.isArray(hosts)) {
    const ids = hosts.map((host: unknown) => text(field(host, "id")) ?? "");
    if (ids.some((id) => !database.hosts.some((host) => host.id === id)))
      throw failed("Cannot edit VM. The host does not exist.", 404);
    if (ids.join() !== vm.pinnedTo.join()) vm.devices.clear();
    vm.pinnedTo = ids;
  }
  vm.affinity = affinity ?? vm.affinity;
}

export function updateHost(host: Host, body: Body): void {
  host.custom = text(field(body, "os", "custom_kernel_cmdline")) ?? host.custom;
}

export function addNic(database: Database, vm: Vm, body: Body): Nic {
  const name = text(body["name"]);
  const profile = database.profiles.find(({ id }) => id === text(field(body, "vnic_profile", "id")));
  const type = text(body["interface"]) ?? "virtio";
  if (name === undefined) throw new Fault(400, "Incomplete parameters", "Nic [name] required for add");
  if (profile === undefined) throw failed("Cannot add Interface. The vNIC profile does not exist.");
  if (vm.nics.some((nic) => nic.name === name))
    throw failed("Cannot add Interface. The network interface name is already in use.");
  if ((type === "pci_passthrough") !== profile.passThrough)
    throw failed(
      "Cannot add Interface. A passthrough interface needs a passthrough vNIC profile, and the other way round.",
    );
  const nic: Nic = { id: randomUUID(), name, profile: profile.id, interface: type };
  vm.nics.push(nic);
  return nic;
}

type Action<T> = (database: Database, target: T, body: Body) => void;

/** Who runs there. */
export function guestsOn({ vms }: Database, { id }: Host): Vm[] {
  return vms.filter((vm) => vm.status !== "down" && vm.runsOn === id);
}

/** Where the guests of a host could go; the engine's own VM only where an agent takes it. */
export function othersFor({ hosts }: Database, host: Host, vm: Vm): Host[] {
  return hosts.filter(
    (other) =>
      other !== host &&
      other.status === "up" &&
      (!vm.hostedEngine || (other.hostedEngine !== null && !other.hostedEngine.localMaintenance)),
  );
}

/** A VM that is pinned cannot go elsewhere. */
function deactivate(database: Database, host: Host): void {
  if (host.status === "maintenance")
    throw failed("Cannot switch Host to Maintenance mode. Host is already in it.");
  const guests = guestsOn(database, host);
  if (guests.some((vm) => vm.hostedEngine && othersFor(database, host, vm).length === 0))
    throw failed(
      "Cannot switch Host to Maintenance mode. There is no available host capable of running the engine VM.",
    );
  const pinned = guests.filter((vm) => vm.affinity === "pinned" && !vm.hostedEngine);
  if (pinned.length > 0) {
    throw failed(
      "Cannot switch Host to Maintenance mode. The following VMs cannot be migrated: " +
        pinned.map(({ name }) => name).join(", "),
    );
  }
  if (guests.some((vm) => othersFor(database, host, vm).length === 0))
    throw failed("Cannot switch Host to Maintenance mode. There are no other hosts to migrate its VMs to.");
  host.status = "preparing_for_maintenance";
  host.coming = ["preparing_for_maintenance", "maintenance"];
  if (host.hostedEngine !== null) host.hostedEngine.localMaintenance = true;
}

function activate(_database: Database, host: Host): void {
  if (host.status === "up") throw failed("Cannot activate Host. Host is already up.");
  host.status = "unassigned";
  host.coming = ["unassigned", "up"];
  if (host.hostedEngine !== null) host.hostedEngine.localMaintenance = false;
}

function shutDown(_database: Database, vm: Vm): void {
  if (vm.status === "down") throw failed("Cannot shut down VM. VM is not running.");
  vm.status = "powering_down";
  vm.coming = vm.stuck ? ["powering_down", "up"] : ["powering_down", "down"];
}

function stop(_database: Database, vm: Vm): void {
  if (vm.status === "down") throw failed("Cannot stop VM. VM is not running.");
  vm.coming = ["powering_down", "down"];
}

/** A device has one running VM. */
function start(database: Database, vm: Vm): void {
  if (vm.status !== "down") throw failed("Cannot run VM. VM is running.");
  const rival = database.vms.find(
    (other) =>
      other !== vm &&
      other.status !== "down" &&
      other.pinnedTo.join() === vm.pinnedTo.join() &&
      [...vm.devices.keys()].some((name) => other.devices.has(name)),
  );
  if (rival !== undefined)
    throw failed(`Cannot run VM. There are host devices that are in use by VM ${rival.name}.`);
  const [home] = database.hosts.filter(
    ({ id, status }) => status === "up" && (vm.pinnedTo.length === 0 || vm.pinnedTo.includes(id)),
  );
  if (home === undefined)
    throw failed("Cannot run VM. There is no host that satisfies current scheduling constraints.");
  vm.runsOn = home.id;
  vm.status = "wait_for_launch";
  vm.coming = ["powering_up", "up"];
}

export const hostActions: Readonly<Record<string, Action<Host>>> = { deactivate, activate };
export const vmActions: Readonly<Record<string, Action<Vm>>> = { shutdown: shutDown, stop, start };
