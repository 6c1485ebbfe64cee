/** PCI expansion ROMs, as the PCI Firmware Specification lays them out. */

/** One image of a ROM. */
export interface RomImage {
  /** `vvvv:dddd` of the PCI Data Structure. */
  readonly id: string;
  readonly firmware: string;
  /** Further devices of the same vendor that its device list names; absent where it has none. */
  readonly also?: readonly string[];
}

/** Every device that a ROM is for, `vvvv:dddd` each. */
export function romIds(images: readonly RomImage[]): string[] {
  return [...new Set(images.flatMap(({ id, also = [] }) => [id, ...also]))];
}

/** How QEMU names the file in a VM's configuration: no path, and an end that tells it from QEMU's own. */
export function isRomFileName(name: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9._+-]*\.(?:rom|bin)$/.test(name) && name.length <= 200;
}

/** By the code type of an image. */
const firmwares: Readonly<Record<number, string>> = { 0: "BIOS", 1: "Open Firmware", 3: "UEFI" };

const signature = 0x55aa;

/**
 * The images of a ROM file; what follows the last one is padding.
 * @throws an Error saying why the bytes are none: no 55AA signature, no `PCIR` structure, cut short.
 */
export function romImages(bytes: Uint8Array): RomImage[] {
  const rom = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const images: RomImage[] = [];
  for (let start = 0; ;) {
    const { length, last, ...image } = imageAt(rom, start);
    images.push(image);
    start += length;
    const ends = last || start + 2 > rom.length || rom.readUInt16BE(start) !== signature;
    if (ends) return images;
  }
}

function imageAt(rom: Buffer, start: number): RomImage & { length: number; last: boolean } {
  const where = start === 0 ? "its start" : `offset ${start}`;
  if (start + 0x1a > rom.length || rom.readUInt16BE(start) !== signature)
    throw new Error(`it has no 55AA signature at ${where}`);
  const structure = start + rom.readUInt16LE(start + 0x18);
  if (structure + 0x18 > rom.length || rom.toString("latin1", structure, structure + 4) !== "PCIR")
    throw new Error(`the image at ${where} has no PCIR structure`);
  const length = rom.readUInt16LE(structure + 0x10) * 512;
  if (length === 0 || start + length > rom.length)
    throw new Error(
      `the image at ${where} says that it has ${length} bytes, and the file has ${rom.length - start}`,
    );
  const [vendor, device] = [4, 6].map((at) => hex(rom.readUInt16LE(structure + at)));
  const also = deviceList(rom, structure, start + length).map((each) => `${vendor ?? ""}:${each}`);
  const code = rom.readUInt8(structure + 0x14);
  return {
    id: `${vendor ?? ""}:${device ?? ""}`,
    firmware: firmwares[code] ?? `code type ${code}`,
    ...(also.length > 0 ? { also } : {}),
    length,
    last: (rom.readUInt8(structure + 0x15) & 0x80) !== 0,
  };
}

const hex = (word: number): string => word.toString(16).padStart(4, "0");

/** Since revision 3 of the structure, two bytes of it point to a list of device ids that ends with a zero. */
function deviceList(rom: Buffer, structure: number, end: number): string[] {
  const offset = rom.readUInt16LE(structure + 0x08);
  if (rom.readUInt8(structure + 0x0c) < 3 || offset === 0) return [];
  const devices: string[] = [];
  for (let at = structure + offset; at + 2 <= end; at += 2) {
    const device = rom.readUInt16LE(at);
    if (device === 0) return devices;
    devices.push(hex(device));
  }
  // Without an end it is no list.
  return [];
}
