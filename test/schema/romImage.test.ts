import fc from "fast-check";
import { isRomFileName, romIds, romImages } from "../../lib/schema";
import { rom } from "../support/rom";

const card = [{ id: "10de:2204" }, { id: "10de:2204", code: 3 }];

it("lists the images of a ROM", () => {
  expect(romImages(rom(card, 3))).toEqual([
    { id: "10de:2204", firmware: "BIOS" },
    { id: "10de:2204", firmware: "UEFI" },
  ]);
});

it("lists the further devices of an image", () => {
  const images = romImages(
    rom([
      { id: "10de:2204", also: [0x2205, 0x2206, 0] },
      { id: "10de:2204", code: 3 },
    ]),
  );
  expect(images).toEqual([
    { id: "10de:2204", firmware: "BIOS", also: ["10de:2205", "10de:2206"] },
    { id: "10de:2204", firmware: "UEFI" },
  ]);
  expect(romIds(images)).toEqual(["10de:2204", "10de:2205", "10de:2206"]);
});

it.each([
  ["that never ends", rom([{ id: "10de:2204", also: [0x2205], fill: 0xff }])],
  [
    "of a revision that has none",
    Buffer.from(rom([{ id: "10de:2204", also: [0x2205, 0] }])).fill(2, 0x28, 0x29),
  ],
])("takes no list %s", (_what, bytes) => {
  expect(romIds(romImages(bytes))).toEqual(["10de:2204"]);
});

it("takes what follows the last image for padding", () => {
  const notLast = rom(card);
  notLast.writeUInt8(0, 512 + 0x31);
  for (const bytes of [rom(card), notLast])
    expect(romImages(Buffer.concat([bytes, Buffer.alloc(1000, 0xff)]))).toHaveLength(2);
});

it.each([
  ["nothing", Buffer.alloc(0), "no 55AA signature at its start"],
  ["text", Buffer.from("not a ROM at all, but long enough to be one"), "no 55AA signature at its start"],
  [
    "the header of a flash tool before it",
    Buffer.concat([Buffer.alloc(512), rom(card)]),
    "no 55AA signature",
  ],
  ["a signature alone", Buffer.from([0x55, 0xaa]), "no 55AA signature at its start"],
  ["no structure", Buffer.concat([Buffer.from([0x55, 0xaa]), Buffer.alloc(510)]), "no PCIR structure"],
  [
    "a cut in the second image",
    rom(card, 2).subarray(0, 1500),
    "the image at offset 1024 says that it has 1024 bytes",
  ],
])("refuses %s", (_what, bytes, words) => {
  expect(() => romImages(bytes)).toThrow(words);
});

it("reads whatever bytes without going beyond them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2048 }), fc.nat(511), (noise, at) => {
      const bytes = rom(card);
      bytes.set(noise.subarray(0, bytes.length - at), at);
      try {
        expect(romImages(bytes).length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ message: expect.stringMatching(/55AA|PCIR|bytes/) as string });
      }
    }),
  );
});

it.each(["gpu.rom", "3090_v2.1+x.bin"])("%p names a ROM file", (name) => {
  expect(isRomFileName(name)).toBe(true);
});

it.each([
  "gpu",
  "/tmp/gpu.rom",
  "../gpu.rom",
  "-gpu.rom",
  ".rom",
  "a b.rom",
  "a;b.rom",
  "$(id).rom",
  "a.rom\n",
  "a,b.rom",
])("%p does not", (name) => {
  expect(isRomFileName(name)).toBe(false);
});
