import type { PciDevice } from "./facts";

/** Vendor and device id, four lower-case hex digits each. */
export interface DeviceId {
  readonly vendor: string;
  readonly device: string;
}

/**
 * Reads `vvvv:dddd`, in any hex case.
 * @throws an Error saying what is wrong with the text.
 */
export function parseDeviceId(text: string): DeviceId {
  const [, vendor, device] = /^([0-9a-f]{4}):([0-9a-f]{4})$/i.exec(text) ?? [];
  if (vendor === undefined || device === undefined) {
    throw new Error(
      `${JSON.stringify(text)} is not a device id. Expected vendor and device as vvvv:dddd, four hex digits each, ` +
        "such as 10de:2204; `lspci -nn` on the host shows them in brackets.",
    );
  }
  return { vendor: vendor.toLowerCase(), device: device.toLowerCase() };
}

export function formatDeviceId(id: DeviceId): string {
  return `${id.vendor}:${id.device}`;
}

/** The same id in lower case. */
export function normaliseDeviceId(text: string): string {
  return formatDeviceId(parseDeviceId(text));
}

export function isDeviceId(text: string): boolean {
  return /^[0-9a-f]{4}:[0-9a-f]{4}$/i.test(text);
}

/** `vvvv:dddd` of a device. */
export function deviceIdOf(device: Pick<PciDevice, "vendor" | "device">): string {
  return formatDeviceId(device);
}
