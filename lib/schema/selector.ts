import { bool, number, optional, string, type StateOf } from "./attribute";

/** What names PCI devices of a host: everything that is set must hold of a device. */
export const selectorAttributes = {
  address: optional(string, "`dddd:bb:dd` for every function of the slot, `dddd:bb:dd.f` for one."),
  id: optional(
    string,
    "`vvvv:dddd`, vendor and device id. Alone it means every card of that kind, also one that is put in later.",
  ),
  vendor: optional(string, "Vendor id, four hex digits."),
  device: optional(string, "Device id, four hex digits."),
  class: optional(string, "PCI class, two, four or six hex digits, such as `03` for displays."),
  subsystem: optional(string, "`vvvv:dddd`, subsystem vendor and device id."),
  serial: optional(
    string,
    "The card's PCI Express serial number as `lspci -vv` shows it, or the serial number of an NVMe drive.",
  ),
  mac: optional(string, "Permanent MAC address of one of its ports."),
  name: optional(
    string,
    "Regular expression that matches part of vendor and device in words, whatever the case.",
  ),
  filter: optional(
    string,
    "OpenNebula's filter: `vendor:device[:class]` in hex, each empty or `*` for any; several joined by commas.",
  ),
  nth: optional(
    number,
    "Of several cards that match only this one, from 1, in the order of their way from the root complex.",
  ),
  count: optional(
    string,
    "How many cards must match: a number, or `all`. Default 1; `all` for an id alone, and with `nth`.",
  ),
  whole: optional(
    bool,
    "Every function of a card that matches, also those that do not match themselves. Default false.",
  ),
} as const;

export type DeviceSelector = StateOf<typeof selectorAttributes>;

/** A selector with everything unset that is not given. */
export function completeSelector(given: Partial<DeviceSelector>): DeviceSelector {
  const unset = Object.keys(selectorAttributes).map((key) => [key, null] as const);
  return { ...(Object.fromEntries(unset) as DeviceSelector), ...given };
}

/** Everything that is set, apart from how many: an id alone is what `vfio-pci ids=` takes. */
export function criteriaIn(selector: Partial<DeviceSelector>): (keyof DeviceSelector)[] {
  const keys = Object.keys(selectorAttributes) as (keyof DeviceSelector)[];
  return keys.filter((key) => key !== "count" && (selector[key] ?? null) !== null);
}
