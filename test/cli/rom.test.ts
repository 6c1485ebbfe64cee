import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkRom, deviceToRead, functionAddress, writeRom } from "../../lib/cli/rom";
import { romImages } from "../../lib/schema/romImage";
import { hosts } from "../embedded/hosts";
import { sh } from "../support/byHand";
import { passthrough, target } from "../support/command";
import { hostFacts, pciDevice } from "../support/facts";
import { rom } from "../support/rom";

jest.setTimeout(120_000);

const card = pciDevice({ address: "0000:01:00.0" });
const folder = mkdtempSync(join(tmpdir(), "rom-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each([
  ["01:00", "0000:01:00.0"],
  ["0000:01:00.1", "0000:01:00.1"],
])("%s is function %s", (text, address) => {
  expect(functionAddress(text)).toBe(address);
});

test.each(["gpu", "", "01:00.9", "-rf", "0000:01:00.0; reboot"])("%j is no address", (text) => {
  expect(() => functionAddress(text)).toThrow(/is no PCI address/);
});

test("a device that is not there is none to read", () => {
  expect(() => deviceToRead(hostFacts({ devices: [card] }), "0000:09:00.0")).toThrow(
    /deb1 has no PCI device at 0000:09:00\.0/,
  );
});

describe("what is read", () => {
  test("must be the card's own, whichever of its images says so", () => {
    const legacy = { id: "10de:2204", firmware: "BIOS" };
    const uefi = { id: "10de:2204", firmware: "UEFI" };
    expect(checkRom(rom([{ id: "10de:2204" }, { id: "10de:2204", code: 3 }]), card)).toEqual([legacy, uefi]);
    expect(checkRom(rom([{ id: "10de:1234", also: [0x2204, 0] }]), card)).toHaveLength(1);
    expect(checkRom(rom([{ id: "10de:1234" }, { id: "10de:2204", code: 3 }]), card)).toContainEqual(uefi);
  });

  test.each<[string, Uint8Array, Partial<typeof card>, RegExp]>([
    ["nothing", Buffer.alloc(0), {}, /is empty\. Nothing was written\. The card shows its ROM only once/],
    [
      "ones",
      Buffer.alloc(512, 0xff),
      { driver: "vfio-pci" },
      /all ones only.*The card sleeps while vfio-pci/,
    ],
    ["zeros", Buffer.alloc(512), {}, /zeros only/],
    ["noise", Buffer.alloc(512, 7), {}, /is no option ROM: it has no 55AA signature.*cold start/],
    ["half of one", rom([{ id: "10de:2204" }], 4).subarray(0, 600), {}, /says that it has 2048 bytes/],
    ["another card's", rom([{ id: "10de:1b80" }]), {}, /is one of 10de:1b80, not of 10de:2204/],
    [
      "the firmware's copy",
      rom([{ id: "8086:3e92" }]),
      { bootVga: true },
      /the host shows the firmware's copy/,
    ],
  ])("%s is refused", (_what, bytes, device, words) => {
    expect(() => checkRom(bytes, { ...card, ...device })).toThrow(words);
  });
});

describe("the file", () => {
  test("is written whole, never over another one unless forced, and not through a link", () => {
    const path = join(folder, "a b;$(id).rom");
    writeRom(path, Buffer.from("one"), false);
    expect(() => writeRom(path, Buffer.from("two"), false)).toThrow(/is there already\. Nothing was written/);
    expect(readFileSync(path, "utf8")).toBe("one");
    const other = join(folder, "other");
    writeFileSync(other, "mine");
    const link = join(folder, "link.rom");
    symlinkSync(other, link);
    writeRom(link, Buffer.from("two"), true);
    expect([readFileSync(link, "utf8"), readFileSync(other, "utf8")]).toEqual(["two", "mine"]);
    expect(() => writeRom(join(folder, "none", "x.rom"), Buffer.from("x"), false)).toThrow(/Unable to write/);
    expect(readdirSync(folder).filter((name) => name.endsWith(".new"))).toEqual([]);
  });
});

describe("passthrough rom", () => {
  const start = hosts();

  test("saves the ROM of a card that nobody uses, and leaves the card as it was", async () => {
    const host = await start();
    const [address, ...options] = target(host);
    const save = (device: string, file: string, ...more: string[]) =>
      passthrough(["rom", address ?? "", device, file, ...options, ...more], { cwd: folder });
    const state = () =>
      sh(host, "cd /sys/bus/pci/devices/0000:02:00.0; cat enable; wc -c <rom; readlink driver || echo none");

    const held = await save("02:00", "held.rom");
    expect([held.code, held.stderr]).toEqual([
      1,
      expect.stringContaining("The driver nouveau works with 0000:02:00.0"),
    ]);
    expect(existsSync(join(folder, "held.rom"))).toBe(false);

    await sh(host, "printf 0000:02:00.0 | tee /sys/bus/pci/drivers/nouveau/unbind");
    const before = await state();
    const saved = await save("02:00", "gpu.rom");
    expect(saved).toMatchObject({ code: 0, stdout: "gpu.rom: 4096 bytes, 10de:2204 BIOS, 10de:2204 UEFI\n" });
    expect(romImages(readFileSync(join(folder, "gpu.rom")))).toHaveLength(2);
    expect(await state()).toBe(before);
    expect(JSON.parse((await save("02:00", "gpu.rom", "--force", "--json")).stdout)).toMatchObject({
      ...{ address: "0000:02:00.0", file: "gpu.rom", bytes: 4096 },
      images: [{ id: "10de:2204" }, { firmware: "UEFI" }],
    });

    await sh(host, "printf 0000:06:00.0 | tee /sys/bus/pci/devices/0000:06:00.0/driver/unbind || :");
    const [silent, without] = [await save("06:00.0", "hba.rom"), await save("05:00.0", "nic.rom")];
    expect([silent.code, silent.stderr]).toEqual([1, expect.stringContaining("reads as all ones only")]);
    expect([without.code, without.stderr]).toEqual([1, expect.stringContaining("0000:05:00.0 shows no ROM")]);
    expect(readdirSync(folder).filter((name) => /^(hba|nic|held)/.test(name))).toEqual([]);
  });
});
