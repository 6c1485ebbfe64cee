import { linkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { claims } from "../hypervisors/registry";
import type { HostFacts, PciDevice } from "../model/facts";
import { isPciAddress, normalisePciAddress, slotOf } from "../model/pciAddress";
import { describeDevice } from "../model/selector";
import { romIds, romImages, type RomImage } from "../schema/romImage";
import { CliError, usageError } from "./errors";

/** The address of one function, as a host writes it; a slot stands for its first function. */
export function functionAddress(text: string): string {
  if (!isPciAddress(text))
    throw usageError(
      `"${text}" is no PCI address. Expected one such as 0000:01:00.0; \`inspect\` lists them.`,
    );
  const address = normalisePciAddress(text);
  return slotOf(address) === address ? `${address}.0` : address;
}

/** The device whose ROM may be read now. */
export function deviceToRead(facts: HostFacts, address: string): PciDevice {
  const device = facts.devices.find((each) => each.address === address);
  if (device === undefined)
    throw new CliError(`${facts.hostname} has no PCI device at ${address}. \`inspect\` lists what it has.`);
  const user = claims(facts).find((claim) => claim.inUse && claim.address === address);
  if (user !== undefined)
    throw new CliError(
      `VM ${user.vmId} of ${facts.hostname} runs with ${describeDevice(device)}. Shut it down first: a ROM is read only while nobody works with the card.`,
    );
  return device;
}

/**
 * Checks that these bytes are the ROM of that device.
 * @returns the images in it
 * @throws a CliError saying what they are instead, and what to do
 */
export function checkRom(bytes: Uint8Array, device: PciDevice): RomImage[] {
  const title = describeDevice(device);
  const none = (what: string, mend: string): CliError =>
    new CliError(`The ROM of ${title} ${what}. Nothing was written. ${mend}`);
  if (bytes.length === 0 || bytes.every((byte) => byte === 0xff) || bytes.every((byte) => byte === 0)) {
    throw none(
      bytes.length === 0 ? "is empty" : `reads as ${bytes[0] === 0 ? "zeros" : "all ones"} only`,
      device.driver === "vfio-pci"
        ? "The card sleeps while vfio-pci holds it and nobody uses it: take it off (echo its address into /sys/bus/pci/drivers/vfio-pci/unbind), read it, and bind it again."
        : "The card shows its ROM only once after power comes on, or the firmware has used it up: try right after a cold start, with another card as the first display.",
    );
  }
  let images;
  try {
    images = romImages(bytes);
  } catch (error) {
    throw none(
      `is no option ROM: ${(error as Error).message}`,
      "Try right after a cold start, before any driver or guest has had the card.",
    );
  }
  const own = `${device.vendor}:${device.device}`;
  if (!romIds(images).includes(own)) {
    throw none(
      `is one of ${romIds(images).join(", ")}, not of ${own}`,
      device.bootVga
        ? "For the first display the host shows the firmware's copy of what it started with: make another card the first one in the firmware's setup."
        : "Read it from a host in which the card is not the first display.",
    );
  }
  return images;
}

/**
 * Writes the file whole or not at all.
 * @throws a CliError where one is there already, unless `force`.
 */
export function writeRom(path: string, bytes: Uint8Array, force: boolean): void {
  const next = `${path}.${process.pid}.new`;
  try {
    writeFileSync(next, bytes, { flag: "wx" });
    if (force) renameSync(next, path);
    // Unlike a rename, a link never takes the place of what is there.
    else linkSync(next, path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new CliError(
      code === "EEXIST"
        ? `${path} is there already. Nothing was written. Name another file, or overwrite it with --force.`
        : `Unable to write ${path}: ${message}`,
    );
  } finally {
    rmSync(next, { force: true });
  }
}
