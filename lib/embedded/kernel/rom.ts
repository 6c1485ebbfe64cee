import type { PciFunction } from "../profiles/types";
import { idHalves } from "./aliases";

/** What the card answers once its ROM is switched on. */
export function romOf(device: PciFunction): Buffer {
  if (device.rom !== "vbios") return Buffer.alloc(4096, 0xff);
  return Buffer.concat([image(device, codes.bios, false), image(device, codes.uefi, true)]);
}

const codes = { bios: 0, uefi: 3 } as const;
const blocks = 4;

/** One image: its header, and the PCI Data Structure that the header points at. */
function image({ id, class: kind }: PciFunction, code: number, last: boolean): Buffer {
  const bytes = Buffer.alloc(512 * blocks, 0x90);
  const structure = 0x20;
  bytes.writeUInt16BE(0x55aa, 0);
  bytes.writeUInt8(blocks, 2);
  bytes.writeUInt16LE(structure, 0x18);
  bytes.write("PCIR", structure, "latin1");
  idHalves(id).forEach((half, at) => bytes.writeUInt16LE(parseInt(half, 16), structure + 4 + at * 2));
  bytes.writeUInt16LE(0x18, structure + 0x0a);
  bytes.writeUIntLE(parseInt(kind, 16), structure + 0x0d, 3);
  bytes.writeUInt16LE(blocks, structure + 0x10);
  bytes.writeUInt8(code, structure + 0x14);
  bytes.writeUInt8(last ? 0x80 : 0, structure + 0x15);
  return bytes;
}
