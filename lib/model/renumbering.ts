import type { PciDevice } from "./facts";
import { bootTableLine } from "./topology";

/**
 * Says where a declared address names another device than the one held from boot on, which bus numbers have moved
 * away from it: what was meant and what the declaration now says are no longer one. Empty where they are.
 *
 * @param held the boot table as last written
 */
export function renumbered(
  declared: readonly { readonly address: string }[],
  held: string,
  devices: readonly PciDevice[],
): string[] {
  const lines = new Set(held.split("\n"));
  const addresses = new Set(declared.map(({ address }) => address));
  const physical = devices.filter(({ physicalFunction }) => physicalFunction === null);
  const isHeld = (device: PciDevice) => lines.has(bootTableLine(device));
  const strangers = physical.filter((device) => addresses.has(device.address) && !isHeld(device));
  const movedAway = physical.filter((device) => !addresses.has(device.address) && isHeld(device));
  if (strangers.length === 0 || movedAway.length === 0) return [];
  return [
    `${list(strangers)} is not the device that was handed over: bus numbers have changed, and that one now stands at ` +
      `${list(movedAway)}. Applying this hands over what stands at the declared address. Declare the new address instead if that is not meant.`,
  ];
}

function list(devices: readonly PciDevice[]): string {
  return devices.map(({ address, name }) => `${address} ${name}`.trim()).join(", ");
}
