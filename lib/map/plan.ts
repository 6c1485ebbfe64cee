import { isPciAddress, slotOf } from "../model/pciAddress";
import type { Change, Plan } from "../review/plan";
import { goes, holdsDevices, isOurs, types } from "../review/resources";
import { at, entries, isUnknown, text, words, type View } from "../review/views";

/** What a plan says of one host. */
export interface PlannedHost {
  readonly name: string;
  readonly machineId: string | null;
  /** Why the host reboots; null where it does not. */
  readonly reboot: string | null;
  readonly before: PlannedSide;
  readonly after: PlannedSide;
}

export interface PlannedSide {
  /** What bindings and virtual functions hold, by address. */
  readonly functions: Readonly<Record<string, PlannedFunction>>;
  readonly vms: readonly PlannedVm[];
  /** What is not known before the apply, in words. */
  readonly unknown: readonly string[];
}

export interface PlannedFunction {
  /** `vvvv:dddd` */
  readonly id: string;
  /** Four hex digits. */
  readonly class: string;
  readonly name: string;
  readonly driver: string;
  /** The driver that gets it back; empty where none is known. */
  readonly hostDriver: string;
  /** null where the plan does not know it. */
  readonly group: string | null;
  /** `binding/device` */
  readonly binding: string;
}

export interface PlannedVm {
  readonly id: string;
  /** In the hypervisor's own words, by key. */
  readonly settings: Readonly<Record<string, string>>;
  /** Addresses of functions or slots, by slot of the VM. */
  readonly devices: Readonly<Record<string, readonly string[]>>;
}

type Side = "before" | "after";

/** Every host that a plan's resources name, by name. */
export function plannedHosts(plan: Plan): PlannedHost[] {
  const ours = plan.changes.filter(isOurs);
  const names = ours.flatMap((change) =>
    (["before", "after"] as const).flatMap((side) => hostOf(change, side) ?? []),
  );
  return [...new Set(names)].sort().map((name) => {
    const host = ours.find(
      (change) =>
        change.type === types.host && (hostOf(change, "after") ?? hostOf(change, "before")) === name,
    );
    const reboots =
      at(host?.after, "reboot_required") === true && text(at(host?.after, "reboot")) !== "manual";
    return {
      name,
      machineId: text(at(host?.after, "machine_id")) ?? text(at(host?.before, "machine_id")),
      reboot: reboots ? (text(at(host?.after, "reboot_reason")) ?? "no reason is given") : null,
      before: sideOf(ours, name, "before"),
      after: sideOf(ours, name, "after"),
    };
  });
}

/** What a resource is on one side; null where it is not there. */
function viewOf(change: Change, side: Side): View {
  return side === "before" ? change.before : goes(change) ? null : change.after;
}

function hostOf(change: Change, side: Side): string | null {
  return text(at(viewOf(change, side), "host"));
}

function sideOf(ours: readonly Change[], host: string, side: Side): PlannedSide {
  const here = ours.filter((change) => hostOf(change, side) === host);
  const bindings = here.filter(holdsDevices);
  return {
    functions: Object.fromEntries(bindings.flatMap((change) => functionsOf(change, side))),
    vms: here.filter(({ type }) => type === types.vm).map((change) => vmOf(viewOf(change, side))),
    unknown: bindings.flatMap((change) => unknownOf(viewOf(change, side))),
  };
}

function functionsOf(change: Change, side: Side): [string, PlannedFunction][] {
  const view = viewOf(change, side);
  return entries(at(view, "functions")).flatMap(([address, found]): [string, PlannedFunction][] => {
    if (!isFunction(address)) return [];
    const of = (attribute: string) => text(at(found, attribute)) ?? "";
    // A group that is only known after the apply has mostly not changed.
    const groups = [view, change.before].map((values) => text(at(values as View, "iommu_groups", address)));
    return [
      [
        address,
        {
          id: of("id"),
          class: of("class"),
          name: of("name"),
          driver: of("driver"),
          hostDriver: of("host_driver"),
          group: groups.find((group) => group !== null) ?? null,
          binding: `${text(at(view, "name")) ?? change.name}/${of("device")}`,
        },
      ],
    ];
  });
}

/** Anything else does not come from Terraform. */
function isFunction(address: string): boolean {
  return isPciAddress(address) && slotOf(address) !== address.toLowerCase();
}

/** @param binding of devices, or virtual functions */
function unknownOf(binding: View): string[] {
  if (!isUnknown(at(binding, "functions"))) return [];
  const name = text(at(binding, "name")) ?? "";
  const count = words(at(binding, "function_count"));
  if (count !== null)
    return [`Virtual functions ${name} (${count}): what they are is known after the apply.`];
  return entries(at(binding, "devices")).map(([device, selector]) => {
    const given = entries(selector).flatMap(([key, value]) => {
      const shown = words(value);
      return shown === null ? [] : [key === "address" || key === "id" ? shown : `${key} ${shown}`];
    });
    const selected = given.join(", ") || "not known";
    return `Binding ${name}, device ${device} (${selected}): its functions are known after the apply.`;
  });
}

function vmOf(vm: View): PlannedVm {
  return {
    id: text(at(vm, "vm_id")) ?? "not known",
    settings: Object.fromEntries(
      entries(at(vm, "settings")).flatMap(([key, value]) => {
        const shown = words(value);
        return shown === null ? [] : [[key, shown]];
      }),
    ),
    devices: Object.fromEntries(
      entries(at(vm, "pci")).flatMap(([slot, settings]) => {
        const device = text(at(settings, "device"));
        return device === null ? [] : [[slot, device.split(";")]];
      }),
    ),
  };
}
