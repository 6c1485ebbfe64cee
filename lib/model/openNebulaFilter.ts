/**
 * OpenNebula's patterns for PCI devices: those of `lspci -d`, as its monitoring probe hands them on. An id is hex and
 * may be left out or be `*`; several patterns are joined by commas.
 */

/** One `vendor:device[:class]`; null is any. */
export interface PciPattern {
  readonly vendor: number | null;
  readonly device: number | null;
  /** Class and subclass, without the programming interface. */
  readonly class: number | null;
}

/** What a pattern looks at: hex digits as the kernel and OpenNebula write them. */
export interface PciIdentity {
  readonly vendor: string;
  readonly device: string;
  /** Four hex digits, or six with the programming interface. */
  readonly class: string;
}

const expected =
  "Expected vendor:device[:class] in hex, each of them empty or * for any, such as 10de:*, *:10d3 or 8086::0c03; " +
  "0:0 for no device.";

/**
 * Reads one filter: a pattern, or several with commas between them.
 * @throws an Error that says what is wrong and what was expected
 */
export function parsePciFilter(text: string): PciPattern[] {
  return text.split(",").map((part) => parsePciPattern(part.replace(/^ +| +$/g, "")));
}

/** @throws an Error that says what is wrong and what was expected */
export function parsePciPattern(text: string): PciPattern {
  const fields = text.split(":");
  const malformed = fields.length < 2 || fields.length > 3 || fields.some((field) => !idForm.test(field));
  if (malformed) throw new Error(`${JSON.stringify(text)} is not a PCI filter. ${expected}`);
  const [vendor = "", device = "", pciClass = ""] = fields;
  return { vendor: id(vendor), device: id(device), class: id(pciClass) };
}

const idForm = /^(?:\*|[0-9a-f]{0,4})$/i;

function id(field: string): number | null {
  return field === "" || field === "*" ? null : parseInt(field, 16);
}

/** The pattern in the one way that this library writes it: `10de:*`, `8086:*:0c03`, `0:0`. */
export function printPciPattern(pattern: PciPattern): string {
  if (matchesNothing(pattern)) return "0:0";
  const head = `${field(pattern.vendor)}:${field(pattern.device)}`;
  return pattern.class === null ? head : `${head}:${field(pattern.class)}`;
}

function field(value: number | null): string {
  return value === null ? "*" : value.toString(16).padStart(4, "0");
}

/** OpenNebula's own way to list no device. */
function matchesNothing({ vendor, device, class: pciClass }: PciPattern): boolean {
  return vendor === 0 && device === 0 && pciClass === null;
}

export function matchesPciPattern(pattern: PciPattern, device: PciIdentity): boolean {
  const pairs = [
    [pattern.vendor, device.vendor],
    [pattern.device, device.device],
    [pattern.class, device.class.slice(0, 4)],
  ] as const;
  return pairs.every(([wanted, actual]) => wanted === null || wanted === parseInt(actual, 16));
}

/** One of the patterns matches. */
export function matchesPciFilter(patterns: readonly PciPattern[], device: PciIdentity): boolean {
  return patterns.some((pattern) => matchesPciPattern(pattern, device));
}

/** The same devices whatever the order, the case of digits, and how "any" is written. */
export function samePciFilter(one: readonly PciPattern[], other: readonly PciPattern[]): boolean {
  const words = (patterns: readonly PciPattern[]) =>
    [...new Set(patterns.map(printPciPattern))].sort().join();
  return words(one) === words(other);
}

const shortAddressForm = /^(?:0000:)?([0-9a-f]{2}:[01][0-9a-f]\.[0-7])$/i;

/**
 * A function's address as OpenNebula writes it, `bb:dd.f`: its probe knows PCI domain 0000 alone.
 * @throws an Error for another domain, a whole slot, or what is no address
 */
export function shortPciAddress(address: string): string {
  const short = shortAddressForm.exec(address)?.[1];
  if (short !== undefined) return short.toLowerCase();
  throw new Error(
    `${JSON.stringify(address)} is not an address for OpenNebula. Expected bus, device and function, such as 07:00.0; ` +
      "it knows PCI domain 0000 alone, and no slot as a whole.",
  );
}
