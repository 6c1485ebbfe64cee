import type { Command } from "commander";
import { checkSelector, type DeviceSelector } from "../model/selector";
import { usageError } from "./errors";

/** What is given on the command line; commander makes a number of nothing. */
export type SelectorOptions = Readonly<
  Partial<Record<Exclude<keyof DeviceSelector, "whole">, string>> & { whole?: boolean }
>;

/** One option for each part of a selector. */
const options = {
  address: ["<address>", "only what stands there: dddd:bb:dd for a slot, dddd:bb:dd.f for one function"],
  id: ["<vvvv:dddd>", "only devices of this vendor and device id"],
  vendor: ["<hex>", "only devices of this vendor"],
  device: ["<hex>", "only devices with this device id"],
  class: ["<hex>", "only devices of this class, such as 03 for displays"],
  subsystem: ["<vvvv:dddd>", "only devices with this subsystem id"],
  serial: ["<number>", "only the card or NVMe drive with this serial number"],
  mac: ["<address>", "only the port with this MAC address"],
  name: ["<expression>", "only devices whose name matches this regular expression"],
  filter: ["<pattern>", "only what this filter of OpenNebula takes, such as 10de:* or 8086::0c03"],
  nth: ["<number>", "only this card of those that match, 1 for the first"],
  count: ["<number>", "refuse another number of cards than this one"],
} as const satisfies Readonly<Record<Exclude<keyof DeviceSelector, "whole">, readonly [string, string]>>;

/** Adds the options that name devices, as VfioBinding and PciDevices take them. */
export function withSelector(command: Command): Command {
  for (const [name, [value, words]] of Object.entries(options)) command.option(`--${name} ${value}`, words);
  return command.option("--whole", "also the other functions of the cards that match");
}

/**
 * The selector; null where no option of it is given.
 * @throws a usage error where it cannot be meant.
 */
export function selectorIn(given: SelectorOptions): DeviceSelector | null {
  const names = Object.keys(options) as (keyof typeof options)[];
  const texts = names.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name]] as const]));
  if (texts.length === 0 && given.whole === undefined) return null;
  const { nth, ...others } = Object.fromEntries(texts) as Partial<Record<keyof typeof options, string>>;
  const selector = {
    ...others,
    ...(nth === undefined ? {} : { nth: Number(nth) }),
    whole: given.whole ?? null,
  };
  try {
    checkSelector(selector);
  } catch (error) {
    throw usageError(error instanceof Error ? error.message : String(error));
  }
  return selector;
}
