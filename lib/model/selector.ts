import { deviceIdOf, normaliseDeviceId } from "./deviceId";
import type { PciDevice } from "./facts";
import { functionsOf, normalisePciAddress } from "./pciAddress";

/** What names devices of a host; with both, the devices at the address that have the id. */
export interface DeviceSelector {
  /** `dddd:bb:dd` for every function of the slot, `dddd:bb:dd.f` for one. */
  readonly address?: string | null;
  /** `vvvv:dddd`: every function with that id, and not the other functions of its card. */
  readonly id?: string | null;
}

/**
 * The functions that a selector names, in the host's order.
 * @throws an Error if it names none, listing what is there instead.
 */
export function resolveDevices(devices: readonly PciDevice[], selector: DeviceSelector): PciDevice[] {
  const { address, id } = checkSelector(selector);
  const there = address === null ? devices : functionsOf(devices, address);
  const found = there.filter((device) => id === null || deviceIdOf(device) === id);
  if (found.length > 0) return [...found];

  const wanted = [address && `at ${address}`, id && `with id ${id}`].filter(Boolean).join(" ");
  const shown = there.length > 0 ? there : devices;
  throw new Error(`There is no PCI device ${wanted}. ${listed(shown)}`);
}

/**
 * The selector in the one way the kernel writes addresses and ids.
 * @throws an Error if it is malformed or names nothing.
 */
export function checkSelector(selector: DeviceSelector): { address: string | null; id: string | null } {
  const address = selector.address ? normalisePciAddress(selector.address) : null;
  const id = selector.id ? normaliseDeviceId(selector.id) : null;
  if (address === null && id === null) {
    throw new Error(
      "A device is selected by its address, its id, or both; neither is given. " +
        'Expected address = "0000:01:00", or id = "10de:2204".',
    );
  }
  return { address, id };
}

/** One line for people: `0000:01:00.0 10de:2204 NVIDIA GA102`. */
export function describeDevice(device: PciDevice): string {
  return [device.address, deviceIdOf(device), device.name].filter(Boolean).join(" ");
}

const shownAtMost = 12;

function listed(devices: readonly PciDevice[]): string {
  // Bridges cannot be handed over, so they would only hide the devices that can.
  const candidates = devices.filter((device) => !device.bridge);
  if (candidates.length === 0) return "The host shows no PCI devices.";
  const more = candidates.length - shownAtMost;
  const lines = candidates.slice(0, shownAtMost).map((device) => `\n  ${describeDevice(device)}`);
  return `There is:${lines.join("")}${more > 0 ? `\n  and ${more} more` : ""}`;
}
