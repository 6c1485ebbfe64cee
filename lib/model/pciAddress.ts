import type { PciDevice } from "./facts";

/** A PCI address; without a function it names a slot: every function of one card. */
export interface PciAddress {
  readonly domain: number;
  readonly bus: number;
  readonly device: number;
  readonly function: number | null;
}

// Domains behind Intel's VMD start at 10000, hence more than four digits.
const form = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})(?:\.([0-9a-f]))?$/i;

/**
 * Reads `[dddd:]bb:dd[.f]`, in any hex case; the domain defaults to 0000.
 * @throws an Error saying what is wrong with the text.
 */
export function parsePciAddress(text: string): PciAddress {
  const [, domain = "0000", bus = "", device = "", fn] = form.exec(text) ?? notAnAddress(text);
  const address: PciAddress = {
    domain: parseInt(domain, 16),
    bus: parseInt(bus, 16),
    device: parseInt(device, 16),
    function: fn === undefined ? null : parseInt(fn, 16),
  };
  if (address.device > 0x1f) notAnAddress(text, `device ${device} is above 1f`);
  if (address.function !== null && address.function > 7) notAnAddress(text, `function ${fn} is above 7`);
  return address;
}

/** `dddd:bb:dd.f`, or `dddd:bb:dd` for a slot; lower case. */
export function formatPciAddress(address: PciAddress): string {
  const slot = `${hex(address.domain, 4)}:${hex(address.bus, 2)}:${hex(address.device, 2)}`;
  return address.function === null ? slot : `${slot}.${address.function}`;
}

/** The same address in the one way the kernel writes it. */
export function normalisePciAddress(text: string): string {
  return formatPciAddress(parsePciAddress(text));
}

export function isPciAddress(text: string): boolean {
  try {
    parsePciAddress(text);
    return true;
  } catch {
    return false;
  }
}

/** The slot of a function: `0000:01:00` of `0000:01:00.0`. */
export function slotOf(address: string): string {
  return formatPciAddress({ ...parsePciAddress(address), function: null });
}

/** The one function, or every function of the slot; empty if nothing stands there. */
export function functionsOf(devices: readonly PciDevice[], addressOrSlot: string): PciDevice[] {
  return devices.filter((device) => namesFunction(addressOrSlot, device.address));
}

/** Whether an address of a function or of a slot names this function. */
export function namesFunction(addressOrSlot: string, address: string): boolean {
  const wanted = normalisePciAddress(addressOrSlot);
  return wanted === normalisePciAddress(address) || wanted === slotOf(address);
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, "0");
}

function notAnAddress(text: string, reason?: string): never {
  throw new Error(
    `${JSON.stringify(text)} is not a PCI address${reason ? `: ${reason}` : ""}. ` +
      "Expected [dddd:]bb:dd.f in hex for one function, such as 0000:01:00.0, " +
      "or [dddd:]bb:dd for every function of the slot; `lspci -D` on the host lists them.",
  );
}
