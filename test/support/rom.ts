/**
 * An option ROM with these images (vendor:device and code type), each `blocks` times 512 bytes long; `also` is its list
 * of further devices.
 */
export function rom(
  images: readonly { id: string; code?: number; fill?: number; also?: readonly number[] }[],
  blocks = 1,
): Buffer {
  return Buffer.concat(
    images.map(({ id, code = 0, fill = 0, also }, at) => {
      const image = Buffer.alloc(512 * blocks, fill);
      image.writeUInt16BE(0x55aa, 0);
      image.writeUInt16LE(0x1c, 0x18);
      image.write("PCIR", 0x1c, "latin1");
      const [vendor = "0", device = "0"] = id.split(":");
      image.writeUInt16LE(parseInt(vendor, 16), 0x20);
      image.writeUInt16LE(parseInt(device, 16), 0x22);
      image.writeUInt16LE(blocks, 0x2c);
      image.writeUInt16LE(also === undefined ? 0 : 0x20, 0x24);
      image.writeUInt8(also === undefined ? 0 : 3, 0x28);
      also?.forEach((device, place) => image.writeUInt16LE(device, 0x3c + 2 * place));
      image.writeUInt8(code, 0x30);
      image.writeUInt8(at === images.length - 1 ? 0x80 : 0, 0x31);
      return image;
    }),
  );
}
