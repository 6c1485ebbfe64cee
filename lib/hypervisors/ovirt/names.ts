import { formatPciAddress, parsePciAddress } from "../../model/pciAddress";

/**
 * What one slot of a declaration takes, in the engine's words: names of host devices as libvirt forms them
 * (`pci_0000_04_00_0`), `*` for every function of a card, several joined by `;`.
 */
export function deviceNames(addresses: string): string {
  return addresses
    .split(";")
    .map((text) => {
      const address = parsePciAddress(text.trim());
      const name = `pci_${formatPciAddress(address).replace(/[:.]/g, "_")}`;
      return address.function === null ? `${name}_*` : name;
    })
    .join(";");
}

const usbPort = /^(\d+)-(\d+(?:\.\d+)*)$/;

/**
 * The USB device at a port, in the engine's words: `usb_1_4_2` at `1-4.2`.
 * @throws an Error for anything else
 */
export function usbDeviceName(host: string): string {
  if (!usbPort.test(host)) {
    throw new Error(
      `${JSON.stringify(host)} is not a USB port. Expected bus-port[.port...], such as 1-4.2, which \`lsusb -t\` on the host ` +
        "shows: the engine knows USB devices by their port, and not by vendor and product.",
    );
  }
  return `usb_${host.replace(/[-.]/g, "_")}`;
}

export function isUsbName(name: string): boolean {
  return name.startsWith("usb_");
}

/** The names among these that a value stands for; a name that is not there stays, so that it can be missed. */
export function expanded(value: string, there: readonly string[]): string[] {
  const named = value.split(";").flatMap((name) => {
    const found = there.filter((candidate) => isNamed(name, candidate));
    return found.length > 0 ? found : [name];
  });
  return [...new Set(named)];
}

function isNamed(name: string, candidate: string): boolean {
  return name.endsWith("_*") ? candidate.startsWith(name.slice(0, -1)) : candidate === name;
}

/** `0000:04:00.0`, `USB 1-4.2`; a device of another kind keeps its name. */
export function addressOf(name: string): string {
  const [, usbBus, ports] = /^usb_(\d+)_(\d+(?:_\d+)*)$/.exec(name) ?? [];
  if (usbBus !== undefined && ports !== undefined) return `USB ${usbBus}-${ports.replaceAll("_", ".")}`;
  const [, domain, bus, device, fn] =
    /^pci_([0-9a-f]{4,8})_([0-9a-f]{2})_([0-9a-f]{2})_([0-9a-f]+|\*)$/.exec(name) ?? [];
  if (domain === undefined) return name;
  return fn === "*" ? `${domain}:${bus}:${device}` : `${domain}:${bus}:${device}.${fn}`;
}
