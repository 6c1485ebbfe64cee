import type { KernelModule, PciFunction } from "../profiles/types";

/** The modalias that the kernel gives a PCI function. */
export function modaliasOf(device: PciFunction): string {
  const [vendor, id] = idHalves(device.id);
  const [subVendor, subId] = idHalves(device.subsystem);
  const [base, sub, programming] = [0, 2, 4].map((at) => device.class.slice(at, at + 2));
  const upper = (digits: string | undefined) => (digits ?? "").toUpperCase();
  return (
    `pci:v0000${upper(vendor)}d0000${upper(id)}sv0000${upper(subVendor)}sd0000${upper(subId)}` +
    `bc${upper(base)}sc${upper(sub)}i${upper(programming)}`
  );
}

/** Vendor and device of `vvvv:dddd`; zeros where there is none. */
export function idHalves(id = "0000:0000"): [string, string] {
  const [vendor = "0000", device = "0000"] = id.split(":");
  return [vendor, device];
}

/** Modules that claim a device by their aliases, in the table's order. */
export function modulesFor(modalias: string, modules: Readonly<Record<string, KernelModule>>): string[] {
  return Object.entries(modules)
    .filter(([, module]) => (module.aliases ?? []).some((pattern) => globMatches(pattern, modalias)))
    .map(([name]) => name);
}

/** Shell patterns as modules.alias has them: `*` and `?`. */
export function globMatches(pattern: string, text: string): boolean {
  const expression = pattern
    .replace(/[.+^${}()|\\]/g, "\\$&")
    .replace(/\*/g, ".*")
    .replace(/\?/g, ".");
  return new RegExp(`^${expression}$`).test(text);
}

/** modprobe and the kernel take `-` and `_` for the same in a module's name. */
export const underscored = (name: string): string => name.replace(/-/g, "_");

/** Where a module's file lies below /lib/modules/<release>. */
export function modulePath(name: string): string {
  if (/^vfio_pci/.test(name)) return `kernel/drivers/vfio/pci/${name}.ko`;
  if (/^vfio/.test(name)) return `kernel/drivers/vfio/${name}.ko`;
  return `kernel/drivers/${name}/${name}.ko`;
}
