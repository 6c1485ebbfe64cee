import fc from "fast-check";
import type { PciDevice, SriovFacts } from "../../lib/model/facts";
import { parsePciAddress } from "../../lib/model/pciAddress";
import { settingProblems } from "../../lib/model/virtualFunctionSettings";
import {
  declaredFunctions,
  differences,
  functionsTable,
  mayBecomeFunction,
  physicalFunction,
  stableMac,
  unlike,
  virtualFunctionAddress,
} from "../../lib/model/virtualFunctions";
import { hostFacts, pciDevice } from "../support/facts";

const address = "0000:05:00.1";
const port: PciDevice = pciDevice({
  address,
  vendor: "8086",
  device: "1521",
  subsystemVendor: "15d9",
  subsystemDevice: "1521",
  class: "020000",
  driver: "igb",
  path: ["0000:00:02.1", address],
  name: "Intel I350",
});
const capability: SriovFacts = {
  total: 7,
  count: 0,
  offset: 128,
  stride: 4,
  device: "1520",
  autoprobe: true,
  port: "eno2",
  functions: {},
};
const host = (device: Partial<PciDevice> = {}, sriov: Partial<SriovFacts> | null = {}) =>
  hostFacts({
    devices: [{ ...port, ...device }],
    sriov: sriov === null ? {} : { [address]: { ...capability, ...sriov } },
  });
const machineId = "0123456789abcdef0123456789abcdef";
const unset = { mac: null, vlan: null, trust: null, spoofCheck: null };

describe("where a virtual function stands", () => {
  test.each([
    // Intel I350: functions of port 1 are four apart, and leave the device number of the card.
    ["0000:05:00.1", 128, 4, 0, "0000:05:10.1"],
    ["0000:05:00.1", 128, 4, 2, "0000:05:11.1"],
    // Intel X710: one after another, for the second port behind those of the first.
    ["0000:3b:00.1", 79, 1, 0, "0000:3b:0a.0"],
    // 82576: the buses after the card's own.
    ["0000:01:00.0", 384, 2, 0, "0000:02:10.0"],
    ["0000:01:00.0", 384, 2, 6, "0000:02:11.4"],
    // QEMU's NVMe.
    ["0000:09:00.0", 1, 1, 1, "0000:09:00.2"],
    ["10000:e1:00.0", 1, 1, 0, "10000:e1:00.1"],
  ])("%s, offset %d, stride %d: number %d at %s", (physical, offset, stride, number, expected) => {
    expect(virtualFunctionAddress(physical, { offset, stride }, number)).toBe(expected);
  });

  test("a kernel that tells no offset, and a bus beyond the last, leave it open", () => {
    expect(virtualFunctionAddress(address, { offset: 0, stride: 0 }, 0)).toBeNull();
    expect(virtualFunctionAddress("0000:ff:1f.7", { offset: 1, stride: 1 }, 0)).toBeNull();
  });

  test("as the kernel adds them up: routing id, offset, and a stride for each before it", () => {
    const routing = (text: string) => {
      const { bus, device, function: fn } = parsePciAddress(text);
      return bus * 256 + device * 8 + (fn ?? 0);
    };
    const numbers = fc.record({
      bus: fc.integer({ min: 0, max: 200 }),
      offset: fc.integer({ min: 1, max: 512 }),
      stride: fc.integer({ min: 1, max: 16 }),
      number: fc.integer({ min: 0, max: 255 }),
    });
    fc.assert(
      fc.property(numbers, ({ bus, offset, stride, number }) => {
        const physical = `0000:${bus.toString(16).padStart(2, "0")}:00.0`;
        const found = virtualFunctionAddress(physical, { offset, stride }, number);
        expect(routing(found ?? "")).toBe(bus * 256 + offset + stride * number);
      }),
    );
  });

  test("what may be made in the same apply is told from what is not there at all", () => {
    const sriov = { [address]: capability };
    expect(mayBecomeFunction("05:11.1", sriov)).toBe(true);
    expect(mayBecomeFunction("0000:05:10.0", sriov)).toBe(false);
    expect(mayBecomeFunction("0000:05:10", sriov)).toBe(false);
    expect(mayBecomeFunction("gpu;reboot", sriov)).toBe(false);
    // The eighth.
    expect(mayBecomeFunction("0000:05:13.5", sriov)).toBe(false);
  });
});

describe("a physical function", () => {
  const of = (count = 2) => ({ of: address, count });
  test("is found by its short address too", () => {
    expect(physicalFunction({ of: "05:00.1", count: 7 }, host()).device.address).toBe(address);
  });
  test.each([
    ["nothing stands there", of(), hostFacts(), /There is no PCI device 0000:05:00\.1/],
    ["it makes none", of(), host({}, null), /cannot make virtual functions \(SR-IOV\).*firmware/],
    ["vfio-pci has it", of(), host({ driver: "vfio-pci" }), /is bound to vfio-pci, and only its own driver/],
    ["it makes fewer", of(8), host(), /makes 7 virtual functions at most, and 8 are declared/],
    [
      "it is virtual itself",
      of(),
      host({ physicalFunction: "0000:05:00.0" }),
      /is itself a virtual function of 0000:05:00\.0/,
    ],
    ["no driver holds a network card", of(), host({ driver: null }), /no driver/],
  ])("is refused where %s", (_why, declared, facts, message) => {
    expect(() => physicalFunction(declared, facts)).toThrow(message);
  });
});

describe("what each function gets", () => {
  const physical = { device: port, sriov: capability };
  const declared = declaredFunctions(
    { count: 2, settings: { 0: { ...unset, mac: "52:54:00:AB:CD:EF", vlan: 20, trust: true } } },
    physical,
    machineId,
  );

  test("a fixed MAC address of its own, for one station and of no maker, wherever none is declared", () => {
    const other = declared[1]?.settings.mac ?? "";
    expect(other).toBe(stableMac(machineId, port, 1));
    expect(other).toMatch(/^02(:[0-9a-f]{2}){5}$/);
    const changed = [
      stableMac(machineId, port, 2),
      stableMac("f".repeat(32), port, 1),
      stableMac(machineId, { ...port, path: ["0000:00:03.1", address] }, 1),
    ];
    expect(new Set([other, ...changed]).size).toBe(4);
    // A renumbered bus is the same place.
    const moved = { ...port, address: "0000:06:00.1", path: ["0000:00:02.1", "0000:06:00.1"] };
    expect(stableMac(machineId, moved, 1)).toBe(other);
  });

  test("the table that the boot reads", () => {
    expect(functionsTable(physical, declared)).toBe(
      `physical 0000:00/02.1/00.1 8086:1521 15d9:1521
count 2
function 0 mac 52:54:00:ab:cd:ef vlan 20 trust on
default 0 spoofchk on
function 1 mac ${stableMac(machineId, port, 1)}
default 1 vlan 0 trust off spoofchk on
`,
    );
  });

  test("nothing of the kind where the physical function is no network interface", () => {
    const disk = { device: { ...port, class: "010802" }, sriov: { ...capability, port: null } };
    const plain = declaredFunctions({ count: 1, settings: {} }, disk, machineId);
    expect(plain).toEqual([
      { number: 0, address: "0000:05:10.1", id: "8086:1520", settings: unset, asked: [] },
    ]);
    expect(functionsTable(disk, plain)).toBe("physical 0000:00/02.1/00.1 8086:1521 15d9:1521\ncount 1\n");
  });

  const asDeclared = {
    address: "0000:05:10.1",
    mac: "52:54:00:ab:cd:ef",
    vlan: 20,
    trust: true,
    spoofCheck: true,
  };
  test.each([
    ["as declared", {}, []],
    ["another MAC address", { mac: "52:54:00:00:00:01" }, ["mac"]],
    ["another VLAN", { vlan: 0 }, ["vlan"]],
    ["a default that is not there any more", { spoofCheck: false }, ["spoofCheck"]],
    ["a default that this driver does not tell", { spoofCheck: null }, []],
    ["what was asked for and this driver does not tell", { trust: null }, ["trust"]],
  ])("differences: %s", (_what, now, expected) => {
    const [first] = declared;
    if (first === undefined) throw new Error("There is no function.");
    expect(differences(first, { ...asDeclared, ...now })).toEqual(expected);
    expect(unlike([first], { 0: { ...asDeclared, ...now } })).toEqual(expected.length > 0 ? [0] : []);
  });
});

describe("a declaration that is wrong whatever its host is", () => {
  const declaration = { name: "fast", of: address, count: 2, settings: {} };
  test.each([
    ["nothing", {}, []],
    ["no name", { name: "" }, [/name is empty/]],
    ["a slot", { of: "0000:05:00" }, [/names a slot/]],
    ["no address", { of: "$(reboot)" }, [/is not a PCI address/]],
    ["none", { count: 0 }, [/whole number from 1/]],
    ["half a function", { count: 1.5 }, [/whole number from 1/]],
    ["a number that is not there", { settings: { 2: unset } }, [/no function "2".*0 to 1/]],
    ["no number", { settings: { "0 mac": unset } }, [/no function "0 mac"/]],
    [
      "a group address",
      { settings: { 0: { ...unset, mac: "01:00:5e:00:00:01" } } },
      [/no MAC address of one station/],
    ],
    [
      "no MAC address",
      { settings: { 0: { ...unset, mac: "02:00:00:00:00:01\nip link" } } },
      [/no MAC address/],
    ],
    ["all zeros", { settings: { 0: { ...unset, mac: "00:00:00:00:00:00" } } }, [/no MAC address/]],
    ["a VLAN too high", { settings: { 0: { ...unset, vlan: 4095 } } }, [/4095 is no VLAN/]],
    [
      "one MAC address twice",
      {
        settings: {
          0: { ...unset, mac: "02:00:00:00:00:0a" },
          1: { ...unset, mac: "02:00:00:00:00:0A" },
        },
      },
      [/Functions 0 and 1 both have/],
    ],
  ])("%s", (_what, wrong, expected) => {
    const words = settingProblems({ ...declaration, ...wrong }).map((problem) => problem.words);
    expect(words).toHaveLength(expected.length);
    expected.forEach((message, at) => expect(words[at]).toMatch(message));
  });
});
