import { parseBoolean, parseProperties, printProperties, type Properties } from "./propertyString";
import type { UsbSlot } from "../types";

/** Keys under which a VM has USB devices. */
export const usbKey = /^usb(?:[0-9]|1[0-3])$/;

const usbId = /^(?:0x)?([0-9a-f]{4}):(?:0x)?([0-9a-f]{4})$/i;
const usbPort = /^\d+-\d+(?:\.\d+)*$/;
const mappingName = /^[a-z][a-z0-9_-]+$/i;

/** The declared slot in Proxmox VE's words, without what is the default anyway. */
export function formatUsbSlot(slot: UsbSlot): string {
  const device: Properties =
    slot.mapping !== null
      ? { mapping: slot.mapping }
      : { host: slot.spice === true ? "spice" : canonicalHost(slot.host ?? "") };
  const all = { ...device, ...(slot.usb3 === true ? { usb3: "1" } : {}) };
  return printProperties(all, device["host"] === "spice" ? "host" : "");
}

/** What is malformed in a declared slot, in words. */
export function usbSlotProblems(slot: UsbSlot): string[] {
  const problems: string[] = [];
  const named = [slot.host !== null, slot.mapping !== null, slot.spice === true].filter(Boolean).length;
  if (named !== 1) {
    problems.push(
      `It names ${named === 0 ? "no device" : "more than one device"}. Give one of \`host\`, \`mapping\` and \`spice: true\`.`,
    );
  }
  if (slot.host !== null && !usbId.test(slot.host) && !usbPort.test(slot.host)) {
    problems.push(
      `host ${JSON.stringify(slot.host)} is not valid. Expected vendor and product as vvvv:pppp, such as 046d:c52b, ` +
        "or bus-port[.port...], such as 1-4.2; `lsusb -t` on the host shows them.",
    );
  }
  if (slot.mapping !== null && !mappingName.test(slot.mapping)) {
    problems.push(
      `mapping ${JSON.stringify(slot.mapping)} is not valid. Expected the name of a resource mapping: a letter, then letters, digits, \`_\` and \`-\`.`,
    );
  }
  return problems;
}

/** A value of a configuration file, read for its meaning. */
export function parseUsbValue(text: string): Properties | null {
  const properties = parseProperties(text, "host");
  if (properties === null) return null;
  const { host, usb3, ...rest } = properties;
  const fast = usb3 === undefined ? false : parseBoolean(usb3);
  return {
    ...(host === undefined ? {} : { host: canonicalHost(host) }),
    ...rest,
    ...(fast === false ? {} : { usb3: fast === true ? "1" : (usb3 ?? "") }),
  };
}

/** Whether two values give the guest the same. */
export function sameUsbValue(a: string, b: string): boolean {
  return a === b || meaning(a) === meaning(b);
}

function meaning(text: string): string {
  const properties = parseUsbValue(text);
  if (properties === null) return text;
  return JSON.stringify(Object.entries(properties).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function canonicalHost(host: string): string {
  const [, vendor, product] = usbId.exec(host) ?? [];
  if (vendor !== undefined && product !== undefined) return `${vendor}:${product}`.toLowerCase();
  return /^spice$/i.test(host) ? "spice" : host;
}
