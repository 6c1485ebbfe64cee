import type { Change } from "./plan";
import { goes, placeOf, types, type HostParts } from "./resources";
import type { DeviceReview } from "./types";
import { at, entries, isUnknown, text, type View } from "./views";

type Side = "before" | "after";

/** A function of a binding, as one side of the plan has it. */
interface Bound {
  readonly address: string;
  readonly binding: string;
  readonly id: string | null;
  readonly class: string | null;
  readonly name: string | null;
  readonly driver: string | null;
  readonly hostDriver: string | null;
  readonly group: string | null;
}

/** Every PCI device of a host that a binding or a VM of the plan names. */
export function devicesOf({ plan, name, bindings }: HostParts): DeviceReview[] {
  const bound = { before: boundIn(bindings, "before"), after: boundIn(bindings, "after") };
  // A VM that moves to another host stands there, and still takes its devices from here.
  const vms = plan.changes.filter(({ type }) => type === types.vm);
  const on = (side: Side) => vms.filter((vm) => placeOf(plan, vm, side) === name);
  const given = { before: givenIn(on("before"), "before"), after: givenIn(on("after"), "after") };
  const functions = new Set([...bound.before.keys(), ...bound.after.keys()]);
  // What no binding has, such as a resource mapping: the VM's own word for it.
  const others = [...given.before, ...given.after]
    .map(({ address }) => address)
    .filter((address) => ![...functions].some((found) => covers(address, found)));
  const guests = (side: Side, address: string) =>
    [...new Set(given[side].filter((one) => covers(one.address, address)).map(({ guest }) => guest))].sort();
  return [...functions, ...new Set(others)].sort().map((address) => {
    const [was, is] = [bound.before.get(address), bound.after.get(address)];
    const known = is ?? was;
    const driver = {
      // A function that comes has its driver from what it would be given back to.
      before: was ? was.driver : (is?.hostDriver ?? null),
      after: is ? is.driver : (was?.hostDriver ?? null),
    };
    const held = { before: guests("before", address), after: guests("after", address) };
    const changesDriver = known !== undefined && (driver.before !== driver.after || !was !== !is);
    return {
      address,
      slot: slotOf(address),
      name: known?.name ?? null,
      id: known?.id ?? null,
      class: known?.class ?? null,
      binding: known?.binding ?? null,
      iommuGroup: { before: was?.group ?? null, after: is?.group ?? null },
      driver,
      guests: held,
      changesDriver,
      changesHands: changesDriver || held.before.join() !== held.after.join(),
    };
  });
}

function boundIn(bindings: readonly Change[], side: Side): Map<string, Bound> {
  return new Map(
    bindings.flatMap((change) => {
      const view = side === "before" ? change.before : goes(change) ? null : change.after;
      const binding = text(at(view, "name")) ?? change.name;
      const functions = at(view, "functions");
      const isMade = change.type === types.functions;
      if (view !== null && isUnknown(functions)) return (isMade ? placesIn : declaredIn)(view, binding);
      return entries(functions).map(([address, found]): [string, Bound] => [
        address,
        {
          address,
          binding,
          id: text(at(found, "id")),
          class: text(at(found, "class")),
          name: text(at(found, "name")),
          driver: text(at(found, "driver")),
          // A virtual function is not there before it is made.
          hostDriver: isMade ? "" : text(at(found, "host_driver")),
          group: text(at(view, "iommu_groups", address)),
        },
      ]);
    }),
  );
}

const notTold = { id: null, class: null, name: null, group: null };

/** Without the host nobody knows what stands at an address: the declaration is all there is. */
function declaredIn(view: View, binding: string): [string, Bound][] {
  return entries(at(view, "devices")).flatMap(([, device]) => {
    const [address, id] = [text(at(device, "address")), text(at(device, "id"))];
    const place = address ?? (id === null ? null : `every ${id}`);
    if (place === null) return [];
    return [[place, { ...notTold, address: place, binding, id, driver: null, hostDriver: null }]];
  });
}

/** Of virtual functions that are not made yet only the places are known. */
function placesIn(view: View, binding: string): [string, Bound][] {
  const places = entries(at(view, "addresses")).flatMap(([, address]) => text(address) ?? []);
  return places.map((address) => [
    address,
    { ...notTold, address, binding, driver: "vfio-pci", hostDriver: "" },
  ]);
}

interface Given {
  readonly address: string;
  readonly guest: string;
}

function givenIn(vms: readonly Change[], side: Side): Given[] {
  return vms.flatMap((change) => {
    const view = side === "before" ? change.before : goes(change) ? null : change.after;
    const guest = text(at(view, "vm_id"));
    if (guest === null) return [];
    return entries(at(view, "pci")).flatMap(([slot, device]) => {
      if (!isConfigured(view, slot)) return [];
      const mapping = text(at(device, "mapping"));
      const addresses = text(at(device, "device"))?.split(";") ?? [];
      return [...addresses, ...(mapping === null ? [] : [`mapping ${mapping}`])].map((address) => ({
        address,
        guest,
      }));
    });
  });
}

/** What is declared never drifts; whether a Proxmox VE guest really has the slot stands in `settings`. */
function isConfigured(view: View, slot: string): boolean {
  const settings = at(view, "settings");
  if (text(at(view, "hypervisor")) !== "proxmox" || settings === null || isUnknown(settings)) return true;
  return at(settings, slot) !== null;
}

/** A slot's address covers its functions. */
function covers(address: string, functionAddress: string): boolean {
  return address === functionAddress || slotOf(functionAddress) === address;
}

/** `0000:01:00` of `0000:01:00.1`; anything else is its own. */
export function slotOf(address: string): string {
  return /^([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2})\.[0-7]$/i.exec(address)?.[1] ?? address;
}
