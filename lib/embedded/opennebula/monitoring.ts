import { parse } from "yaml";
import type { HostRow, NodeDevice, OpenNebulaCloud, VmRow } from "./types";

/** What the probe of a node reports: the configuration that was brought there, unless the host's template says else. */
export function monitor(cloud: OpenNebulaCloud, host: HostRow, vms: readonly VmRow[]): void {
  if (host.state === "OFFLINE") return;
  // What is known of every host stands in its template too.
  for (const [name, value] of Object.entries({ ARCH: "x86_64", HYPERVISOR: "kvm" }))
    if (!host.template.some(([key]) => key === name)) host.template.push([name, value]);
  const devices = cloud.hosts.find(({ id }) => id === host.id)?.devices ?? [];
  const visible = devices.filter(chosenBy(host));
  const before = new Map(host.pci.map(({ shortAddress, vmId }) => [shortAddress, vmId]));
  const users = new Map(vms.flatMap((vm) => (vm.host === host.id ? usesOf(vm) : [])));
  host.pci = devices.flatMap(({ shortAddress }) => {
    const vmId = before.get(shortAddress) ?? users.get(shortAddress) ?? -1;
    // A device that a VM has stays listed.
    const listed = vmId !== -1 || visible.some((device) => device.shortAddress === shortAddress);
    return listed ? [{ shortAddress, vmId }] : [];
  });
}

function usesOf(vm: VmRow): [string, number][] {
  return vm.template.flatMap(([name, value]) => {
    const address = name === "PCI" && typeof value !== "string" ? value["SHORT_ADDRESS"] : undefined;
    return address === undefined ? [] : [[address, vm.id]];
  });
}

/** The probe's three filters, each for what the one before it leaves. */
function chosenBy(host: HostRow): (device: NodeDevice) => boolean {
  const configured = parse(host.synced) as Record<string, unknown> | null;
  const own = (name: string): string[] | undefined => {
    const value = host.template.find(([key]) => key === name)?.[1];
    return typeof value === "string" && value !== "" ? value.split(",") : undefined;
  };
  const setting = (key: string, override: string, otherwise: unknown): unknown =>
    own(override) ?? (configured !== null && key in configured ? configured[key] : otherwise);
  const filter = setting(":filter", "PCI_FILTER", "0:0");
  const addresses = setting(":short_address", "PCI_SHORT_ADDRESS", []) as string[];
  const names = setting(":device_name", "PCI_DEVICE_NAME", []) as string[];
  const patterns = filter === null ? ["*:*"] : [filter].flat().flatMap((one) => String(one).split(","));
  return ({ shortAddress, type, name }) =>
    patterns.some((pattern) => lspciMatches(pattern, type)) &&
    (addresses.length === 0 || addresses.includes(shortAddress)) &&
    (names.length === 0 || names.some((form) => new RegExp(form, "i").test(name)));
}

/** `lspci -d`; without a colon it has nothing to print. */
function lspciMatches(pattern: string, type: string): boolean {
  const wanted = pattern.trim().split(":");
  const actual = type.split(":");
  if (wanted.length < 2 || wanted.length > 3) return false;
  return wanted.every(
    (id, at) => id === "" || id === "*" || parseInt(id, 16) === parseInt(actual[at] ?? "", 16),
  );
}
