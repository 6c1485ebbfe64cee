import type { PciDevice } from "./facts";
import { slotOf } from "./pciAddress";
import {
  checkSelector,
  describeDevice,
  matching,
  selectorWords,
  serialsOf,
  type CheckedSelector,
  type DeviceSelector,
} from "./selector";
import { topologyOf } from "./topology";

/**
 * The functions that a selector names, in the host's order.
 * @throws an Error listing what is there if it names none, or more or fewer cards than it says.
 */
export function resolveDevices(devices: readonly PciDevice[], selector: DeviceSelector): PciDevice[] {
  return resolveChecked(devices, checkSelector(selector));
}

/** The functions that a selector finds, however many: for looking, not for handing over. */
export function findDevices(devices: readonly PciDevice[], selector: DeviceSelector): PciDevice[] {
  const checked = checkSelector(selector);
  const asked = (selector.count ?? null) !== null;
  return resolveChecked(devices, asked ? checked : { ...checked, count: null }, true);
}

function resolveChecked(
  devices: readonly PciDevice[],
  checked: CheckedSelector,
  withBridges = false,
): PciDevice[] {
  const { nth, count, whole } = checked;
  // A bridge cannot be handed over: it counts where it is named, and not among what a property matches.
  const named = checked.criteria.address !== undefined || checked.criteria.id !== undefined;
  const found = matching(devices, checked).filter(({ bridge }) => !bridge || named || withBridges);
  if (found.length === 0) throw new Error(nothingFound(devices, checked));

  const cards = cardsOf(found);
  if (count !== null && cards.length !== count) throw new Error(otherNumber(cards, checked, count));
  const card = nth === null ? null : cards[nth - 1];
  if (card === undefined) throw new Error(tooFew(cards, checked, nth ?? 0));
  const chosen = new Set(card ?? found);
  if (!whole) return found.filter((device) => chosen.has(device));
  const taken = new Set([...chosen].map(cardOf));
  return devices.filter((device) => taken.has(cardOf(device)));
}

/** The functions of a slot are one card; a virtual function is one of its own. */
const cardOf = ({ address, physicalFunction }: PciDevice): string =>
  physicalFunction === null ? slotOf(address) : address;

/** By their way from the root complex, which adding a card elsewhere does not change as it does bus numbers. */
function cardsOf(found: readonly PciDevice[]): PciDevice[][] {
  const cards = new Map<string, PciDevice[]>();
  for (const device of [...found].sort((a, b) => (wayTo(a) < wayTo(b) ? -1 : 1)))
    cards.set(cardOf(device), [...(cards.get(cardOf(device)) ?? []), device]);
  return [...cards.values()];
}

function wayTo(device: PciDevice): string {
  return device.path.at(-1) === device.address ? topologyOf(device) : device.address;
}

function nothingFound(devices: readonly PciDevice[], checked: CheckedSelector): string {
  const { address } = checked.criteria;
  const there = address === undefined ? [] : matching(devices, { ...checked, criteria: { address } });
  return `There is no PCI device ${selectorWords(checked)}. ${listed(there.length > 0 ? there : devices)}${hidden(devices, checked)}`;
}

function otherNumber(cards: readonly PciDevice[][], checked: CheckedSelector, count: number): string {
  const mend =
    count === 1
      ? "Say which one it is by its serial, mac, address or nth, or how many are meant by count."
      : "Change its count if that is meant, or say more closely which ones are.";
  return `The selector says ${count}, and it matches ${cards.length} cards ${selectorWords(checked)}: ${lines(cards.flat())}\n${mend}`;
}

function tooFew(cards: readonly PciDevice[][], checked: CheckedSelector, nth: number): string {
  const are = cards.length === 1 ? "is 1 card" : `are ${cards.length} cards`;
  return `There ${are} ${selectorWords(checked)}, and the selector means number ${nth}: ${lines(cards.flat())}`;
}

/**
 * How VMs name the chosen functions: the slot where the selector means whole cards and has all functions of one, else
 * each function; several joined by `;`.
 */
export function addressOf(
  chosen: readonly PciDevice[],
  devices: readonly PciDevice[],
  { address, whole }: DeviceSelector,
): string {
  const meansCards = whole === true || (address !== null && address !== undefined && !address.includes("."));
  const has = new Set(chosen.map((device) => device.address));
  const isWhole = (device: PciDevice) =>
    devices.every((other) => cardOf(other) !== cardOf(device) || has.has(other.address));
  return [
    ...new Set(chosen.map((device) => (meansCards && isWhole(device) ? cardOf(device) : device.address))),
  ].join(";");
}

const shownAtMost = 12;

function listed(devices: readonly PciDevice[]): string {
  // Bridges cannot be handed over, so they would only hide the devices that can.
  const candidates = devices.filter((device) => !device.bridge);
  if (candidates.length === 0) return "The host shows no PCI devices.";
  return `There is:${lines(candidates)}`;
}

function lines(devices: readonly PciDevice[]): string {
  const more = devices.length - shownAtMost;
  const shown = devices.slice(0, shownAtMost).map((device) => `\n  ${describeIdentity(device)}`);
  return `${shown.join("")}${more > 0 ? `\n  and ${more} more` : ""}`;
}

/** With what tells it from its twins. */
export function describeIdentity(device: PciDevice): string {
  const serials = serialsOf(device).map((serial) => `serial ${serial}`);
  const macs = device.macs.map((mac) => `MAC ${mac}`);
  return [describeDevice(device), ...serials, ...macs].join(", ");
}

/** Only the host's own driver shows the serial number of a drive and the MAC addresses of a card. */
function hidden(devices: readonly PciDevice[], { criteria: { serial, mac } }: CheckedSelector): string {
  if (serial === undefined && mac === undefined) return "";
  const mute = devices.filter(isMute);
  if (mute.length === 0) return "";
  const addresses = mute.map(({ address }) => address).join(", ");
  return (
    `\nWhat vfio-pci or no driver holds shows no MAC address and no drive's serial number: ${addresses}. ` +
    "Select one of these by its address."
  );
}

/** It could have a MAC address or a drive's serial number, and nothing there tells. */
function isMute({ bridge, driver, serial, macs, class: pciClass }: PciDevice): boolean {
  const shows = pciClass.startsWith("02") || pciClass.startsWith("0108");
  return (
    shows && !bridge && serial === null && macs.length === 0 && (driver === null || driver === "vfio-pci")
  );
}
