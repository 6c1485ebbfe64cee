import type { ProxmoxFacts } from "../../../model/facts";
import { pciKey } from "../hostpci";
import type { Problem, SettingChange, VmDeclaration, VmRequest } from "../../types";
import type { VirtualMachine } from "../virtualMachine";

export type Moment = "plan" | "apply";

/** Everything that a check looks at. */
export interface Context extends VmRequest {
  readonly declaration: VmDeclaration;
  readonly proxmox: ProxmoxFacts;
  readonly moment: Moment;
  readonly vm: VirtualMachine;
  /** `VM 100 (workstation) on pve1` */
  readonly title: string;
  readonly changes: readonly SettingChange[];
  /** Settings at the VM's next start, once the changes are made. */
  readonly after: Readonly<Record<string, string>>;
  /** The PCI slots and USB slots among them, read. */
  readonly pci: readonly PciEntry[];
  readonly usb: readonly { readonly key: string; readonly options: Readonly<Record<string, string>> }[];
}

export interface PciEntry {
  readonly key: string;
  readonly options: Readonly<Record<string, string>>;
  /** The functions that it names; none for a mapping. */
  readonly functions: readonly string[];
}

export interface Arriving {
  readonly key: string;
  readonly value: string;
}

export function arrivingPci(changes: readonly SettingChange[]): Arriving[] {
  return changes.flatMap(({ key, after }) =>
    after !== null && pciKey.test(key) ? [{ key, value: after }] : [],
  );
}

export function isArriving(changes: readonly SettingChange[], key: string): boolean {
  return changes.some((change) => change.key === key && change.after !== null);
}

export function listed(words: string, names: readonly string[], none: string): string {
  return names.length === 0 ? `${words} ${none}.` : `${words}: ${names.join(", ")}.`;
}

export function error(summary: string, detail: string, key?: string): Problem {
  return { severity: "error", summary, detail, ...(key === undefined ? {} : { key }) };
}

export function warning(summary: string, detail: string, key?: string): Problem {
  return { ...error(summary, detail, key), severity: "warning" };
}
