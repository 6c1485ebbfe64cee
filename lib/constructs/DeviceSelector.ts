import { completeSelector, criteriaIn, type DeviceSelector as WrittenSelector } from "../schema";
import * as errors from "./errors";
import * as valid from "./validation";

/**
 * Names PCI devices of a host. Everything that is set must hold of a device. What matches no card, or more than the
 * selector says, is an error in the plan that lists what is there. See docs/selectors.md.
 */
export interface DeviceSelector {
  /**
   * What stands there: with `dddd:bb:dd` every function of the slot, with `dddd:bb:dd.f` one. Once applied it goes on
   * meaning that card when bus numbers move.
   * @default anywhere
   */
  readonly address?: string;
  /**
   * `vvvv:dddd`, vendor and device id. Alone it takes every card of that kind, also one that is put in later.
   * @default any
   */
  readonly id?: string;
  /**
   * Vendor id, four hex digits.
   * @default any
   */
  readonly vendor?: string;
  /**
   * Device id, four hex digits.
   * @default any
   */
  readonly device?: string;
  /**
   * PCI class: two, four or six hex digits, such as `03` for displays or `0108` for NVMe and its like.
   * @default any
   */
  readonly class?: string;
  /**
   * `vvvv:dddd`, subsystem vendor and device id: who made the card around the chip.
   * @default any
   */
  readonly subsystem?: string;
  /**
   * The card's PCI Express serial number as `lspci -vv` shows it, or the serial number of an NVMe drive.
   * @default any
   */
  readonly serial?: string;
  /**
   * Permanent MAC address of one of its ports.
   * @default any
   */
  readonly mac?: string;
  /**
   * Regular expression that matches part of the vendor and device in words, as `lspci` shows them; case does not count.
   * @default any
   */
  readonly name?: string;
  /**
   * OpenNebula's filter: `vendor:device[:class]` in hex, each part empty or `*` for any, such as `10de:*` or
   * `8086::0c03`; several joined by commas.
   * @default any
   */
  readonly filter?: string;
  /**
   * Of several cards that match, only this one: 1 for the first. They are counted in the order of their way from the
   * root complex, which stays when cards are added elsewhere.
   * @default all that match, of which there must be as many as `count` says
   */
  readonly nth?: number;
  /**
   * How many cards must match; the functions of one slot are one card, a virtual function is one of its own.
   * @default 1; all where `id` stands alone and where `nth` picks one
   */
  readonly count?: number | "all";
  /**
   * Take every function of the cards that match, also those that do not match themselves, such as the sound of a
   * display.
   * @default false
   */
  readonly whole?: boolean;
}

const forms = {
  address: valid.isAddress,
  id: valid.isDeviceId,
  vendor: valid.isFourHex,
  device: valid.isFourHex,
  class: valid.isClass,
  subsystem: valid.isDeviceId,
  serial: valid.isLine,
  mac: valid.isMac,
  name: valid.isExpression,
  filter: valid.isPciFilterList,
  nth: valid.isOrdinal,
  count: valid.isCount,
} as const;

/** @throws an Error naming the value, what was expected and the mend, where a selector cannot be meant. */
export function checkSelector(where: string, selector: DeviceSelector, literal: boolean): void {
  const given = criteriaIn(writtenSelector(selector));
  if (given.every((key) => key === "nth" || key === "whole")) throw errors.emptySelector(where);
  for (const [key, value] of Object.entries(selector)) {
    if (literal) valid.isLiteral(where, value as string | undefined);
    if (!Object.hasOwn(forms, key)) continue;
    valid.check(forms[key as keyof typeof forms] as valid.Check<unknown>, where, value as unknown);
  }
}

/** As the schema has it: null where nothing is set. */
export function writtenSelector({ count, ...selector }: DeviceSelector): WrittenSelector {
  const given = Object.entries(selector).filter(([, value]) => value !== undefined);
  return completeSelector({
    ...Object.fromEntries(given),
    ...(count === undefined ? {} : { count: String(count) }),
  });
}
