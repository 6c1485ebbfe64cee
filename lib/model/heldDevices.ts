import type { PciDevice } from "./facts";
import { slotOf } from "./pciAddress";
import { resolveDevices } from "./selection";
import { checkSelector, describeDevice, selectorKey, type DeviceSelector } from "./selector";
import { bootTableLine } from "./topology";

/**
 * What a declared device was when it was written to the host's boot. It lets the same words go on meaning the same
 * hardware when bus numbers move or cards are added, and remembers what vfio-pci hides.
 */
export interface HeldDevice {
  /** The words that selected it. */
  readonly selector: string;
  readonly functions: readonly HeldFunction[];
}

export interface HeldFunction {
  readonly address: string;
  /** Its line of the boot table: the way to it from the root complex, and its ids. */
  readonly place: string;
  readonly serial?: string;
  readonly pcieSerial?: string;
  readonly macs?: readonly string[];
}

/** By `binding/device`. */
export type HeldDevices = Readonly<Record<string, HeldDevice>>;

type Selectors = Readonly<Record<string, DeviceSelector>>;
/** Functions that are handed over, each with the `binding/device` that declares it. */
type HandedOver = readonly { readonly address: string; readonly device: string }[];

/** Virtual functions are made anew at every boot: their place tells nothing. */
function placeOf(device: PciDevice): string | null {
  return device.physicalFunction === null && device.path.at(-1) === device.address
    ? bootTableLine(device)
    : null;
}

/** The devices, with the serial numbers and MAC addresses that they had when their own driver still showed them. */
export function withIdentities(devices: readonly PciDevice[], held: HeldDevices): PciDevice[] {
  const remembered = new Map(functionsIn(held).map((found) => [found.place, found] as const));
  return devices.map((device) => {
    const found = remembered.get(placeOf(device) ?? "");
    const silent = device.driver === null || device.driver === "vfio-pci" || device.driver === "pci-stub";
    if (found === undefined || !silent || isAnother(device, found)) return device;
    return {
      ...device,
      serial: device.serial ?? found.serial ?? null,
      pcieSerial: device.pcieSerial ?? found.pcieSerial ?? null,
      macs: device.macs.length > 0 ? device.macs : (found.macs ?? []),
    };
  });
}

/** A card of the same kind in the same place, and not the same one. */
function isAnother({ pcieSerial }: PciDevice, found: HeldFunction): boolean {
  return pcieSerial !== null && found.pcieSerial !== undefined && pcieSerial !== found.pcieSerial;
}

/**
 * The functions that a declared device means on this host. Where it was written to the host's boot before, by the same
 * words, an address goes on meaning the card that stood there, and a number of an order the one that had it.
 * @param name `binding/device`
 * @throws an Error listing what is there, if they mean nothing, or something else than what was written
 */
export function resolveDeclared(
  name: string,
  selector: DeviceSelector,
  devices: readonly PciDevice[],
  held: HeldDevices,
): PciDevice[] {
  const known = withIdentities(devices, held);
  const before = held[name];
  if (before === undefined || before.selector !== selectorKey(selector))
    return resolveDevices(known, selector);
  const still = before.functions.flatMap((found) => deviceAt(known, found) ?? []);
  const { criteria, nth } = checkSelector(selector);
  if (criteria.address !== undefined) return sameCard(before, still, known, selector, criteria.address);
  return nth === null ? resolveDevices(known, selector) : sameNumber(still, known, selector, nth);
}

function deviceAt(devices: readonly PciDevice[], { place }: HeldFunction): PciDevice | null {
  return devices.find((device) => placeOf(device) === place) ?? null;
}

function sameCard(
  held: HeldDevice,
  still: readonly PciDevice[],
  devices: readonly PciDevice[],
  selector: DeviceSelector,
  address: string,
): PciDevice[] {
  const stands = (device: PciDevice) =>
    device.address === address || slotOf(device.address) === slotOf(address);
  // Renumbered: the declared address may name any other card by now.
  if (still.length > 0 && !still.every(stands)) return [...still];
  const now = resolveDevices(devices, selector);
  const kinds = held.functions.map(({ place }) => kindOf(place));
  const strangers = now.filter((device) => !kinds.includes(kindOf(placeOf(device) ?? "")));
  if (held.functions.length === 0 || still.length > 0 || strangers.length === 0) return now;
  throw new Error(
    `The card that was handed over at ${address} (${[...new Set(kinds)].join(", ")}) is gone, and what stands there now is another one: ` +
      `${strangers.map(describeDevice).join("; ")}. To hand that over, declare its id beside the address.`,
  );
}

/** Ids and subsystem ids, without the place. */
const kindOf = (place: string): string => place.slice(place.indexOf(" ") + 1);

function sameNumber(
  still: readonly PciDevice[],
  devices: readonly PciDevice[],
  selector: DeviceSelector,
  nth: number,
): PciDevice[] {
  const now = resolveDevices(devices, selector);
  if (still.length === 0 || still.some((device) => now.includes(device))) return now;
  throw new Error(
    `nth = ${nth} meant ${still.map(describeDevice).join("; ")}, and cards that were added or removed make it ` +
      `${now.map(describeDevice).join("; ")}. Count anew, or select by serial, mac or address.`,
  );
}

/** What to remember of a declaration that is about to be written. */
export function heldDevices(
  selectors: Selectors,
  handedOver: HandedOver,
  devices: readonly PciDevice[],
  held: HeldDevices,
): HeldDevices {
  const known = new Map(withIdentities(devices, held).map((device) => [device.address, device]));
  return Object.fromEntries(
    Object.entries(selectors).map(([name, selector]) => {
      const own = handedOver.filter(({ device }) => device === name);
      const functions = own.flatMap(({ address }) => {
        const device = known.get(address);
        const place = device && placeOf(device);
        return device && place ? [heldFunction(device, place)] : [];
      });
      return [name, { selector: selectorKey(selector), functions }];
    }),
  );
}

function heldFunction({ address, serial, pcieSerial, macs }: PciDevice, place: string): HeldFunction {
  return {
    address,
    place,
    ...(serial === null ? {} : { serial }),
    ...(pcieSerial === null ? {} : { pcieSerial }),
    ...(macs.length === 0 ? {} : { macs }),
  };
}

/** Where a function stood when it was written to the host's boot; its own address where nothing is remembered. */
export function addressThen(device: PciDevice, held: HeldDevices): string {
  const place = placeOf(device);
  return functionsIn(held).find((found) => found.place === place)?.address ?? device.address;
}

/** The address by now of a function that stood at `address` when it was written to the host's boot. */
export function addressNow(address: string, devices: readonly PciDevice[], held: HeldDevices): string {
  const found = functionsIn(held).find((function_) => function_.address === address);
  return (found && deviceAt(devices, found)?.address) ?? address;
}

function functionsIn(held: HeldDevices): HeldFunction[] {
  return Object.values(held).flatMap(({ functions }) => functions);
}

/** Says where a declared address is out of date, which changes nothing of what is handed over. */
export function renumbered(
  selectors: Selectors,
  handedOver: HandedOver,
  devices: readonly PciDevice[],
): string[] {
  return Object.entries(selectors).flatMap(([name, { address }]) => {
    if (!address) return [];
    const declared = slotOf(address);
    const moved = handedOver.filter((found) => found.device === name && slotOf(found.address) !== declared);
    if (moved.length === 0) return [];
    const there = devices.filter((device) => slotOf(device.address) === declared).map(describeDevice);
    return [
      `${name} is declared at ${address}, and bus numbers have changed: its card stands at ` +
        `${moved.map((found) => found.address).join(", ")} now, and stays the one that is handed over. ` +
        `At ${declared} there is ${there.join("; ") || "nothing"}. Declare the new address.`,
    ];
  });
}
