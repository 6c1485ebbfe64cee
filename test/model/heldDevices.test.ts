import type { PciDevice } from "../../lib/model/facts";
import {
  addressNow,
  heldDevices,
  renumbered,
  resolveDeclared,
  withIdentities,
  type HeldDevices,
} from "../../lib/model/heldDevices";
import type { DeviceSelector } from "../../lib/model/selector";
import { pciDevice } from "./devices";

const behind = (port: string, address: string, different: Partial<PciDevice> = {}) =>
  pciDevice(address, { path: [`0000:00:${port}`, address], ...different });

const gpu = behind("10.0", "0000:01:00.0", { name: "GA102" });
const sound = behind("10.0", "0000:01:00.1", { device: "1aef", class: "040300" });
const nic = { vendor: "8086", device: "1521", class: "020000", name: "I350" };

/** What is remembered of a device once a host was written with it. */
function heldBy(selector: DeviceSelector, devices: readonly PciDevice[]): HeldDevices {
  const functions = resolveDeclared("b/card", selector, devices, {});
  const handedOver = functions.map(({ address }) => ({ address, device: "b/card" }));
  return heldDevices({ "b/card": selector }, handedOver, devices, {});
}

const resolved = (selector: DeviceSelector, devices: readonly PciDevice[], held: HeldDevices) =>
  resolveDeclared("b/card", selector, devices, held).map(({ address }) => address);

describe("an address that was written to the host's boot", () => {
  const slot = { address: "0000:01:00" };
  const held = heldBy(slot, [gpu, sound]);
  const moved = [
    behind("10.0", "0000:02:00.0"),
    behind("10.0", "0000:02:00.1", { device: "1aef", class: "040300" }),
  ];

  it.each<[what: string, devices: PciDevice[], expected: string[]]>([
    ["nothing moved", [gpu, sound], ["0000:01:00.0", "0000:01:00.1"]],
    ["nothing stands there any more", moved, ["0000:02:00.0", "0000:02:00.1"]],
    [
      "another kind took it",
      [behind("0f.0", "0000:01:00.0", nic), ...moved],
      ["0000:02:00.0", "0000:02:00.1"],
    ],
    ["its twin took it", [behind("0f.0", "0000:01:00.0"), ...moved], ["0000:02:00.0", "0000:02:00.1"]],
    ["firmware numbers the ports anew", [behind("1c.0", "0000:01:00.0")], ["0000:01:00.0"]],
    ["it has a function less", [gpu], ["0000:01:00.0"]],
    [
      "it has a function more",
      [gpu, sound, behind("10.0", "0000:01:00.2", nic)],
      ["0000:01:00.0", "0000:01:00.1", "0000:01:00.2"],
    ],
  ])("goes on meaning that card where %s", (_what, devices, expected) => {
    expect(resolved(slot, devices, held)).toEqual(expected);
  });

  it("is never another card: the one that is gone is told", () => {
    const devices = [behind("0f.0", "0000:01:00.0", nic)];
    expect(() => resolved(slot, devices, held)).toThrow(
      /handed over at 0000:01:00 \(10de:2204 1462:3881, 10de:1aef 1462:3881\) is gone.*0000:01:00\.0 8086:1521 I350\. To hand that over, declare its id/,
    );
    // and so it can be meant
    expect(resolved({ ...slot, id: "8086:1521" }, devices, held)).toEqual(["0000:01:00.0"]);
  });

  it("is what stands there where it is declared in other words", () => {
    expect(
      resolved({ address: "0000:01:00.0" }, [behind("0f.0", "0000:01:00.0", nic), ...moved], held),
    ).toEqual(["0000:01:00.0"]);
  });

  it("is told to be out of date", () => {
    const handedOver = moved.map(({ address }) => ({ address, device: "b/card" }));
    const devices = [behind("0f.0", "0000:01:00.0", nic), ...moved];
    expect(renumbered({ "b/card": slot }, handedOver, devices)).toEqual([
      expect.stringMatching(
        /b\/card is declared at 0000:01:00, .* stands at 0000:02:00\.0, 0000:02:00\.1 now.* At 0000:01:00 there is 0000:01:00\.0 8086:1521 I350\. Declare the new address/,
      ),
    ]);
    const right = [gpu, sound].map(({ address }) => ({ address, device: "b/card" }));
    expect(renumbered({ "b/card": slot }, right, [gpu, sound])).toEqual([]);
  });

  it("can be found again by the address that it had", () => {
    expect(addressNow("0000:01:00.1", moved, held)).toBe("0000:02:00.1");
    expect(addressNow("0000:09:00.0", moved, held)).toBe("0000:09:00.0");
  });
});

describe("a number of an order", () => {
  const second = { vendor: "10de", nth: 2 };
  const [first, other] = [behind("10.0", "0000:01:00.0"), behind("11.0", "0000:02:00.0")];
  const held = heldBy(second, [first, other]);

  it("stays when bus numbers move", () => {
    const devices = [behind("10.0", "0000:05:00.0"), behind("11.0", "0000:04:00.0")];
    expect(resolved(second, devices, held)).toEqual(["0000:04:00.0"]);
  });

  it("does not silently become other hardware", () => {
    const added = [
      behind("0f.0", "0000:01:00.0"),
      behind("10.0", "0000:02:00.0"),
      behind("11.0", "0000:03:00.0"),
    ];
    expect(() => resolved(second, added, held)).toThrow(
      /nth = 2 meant 0000:03:00\.0 .*make it 0000:02:00\.0 .*Count anew, or select by serial/,
    );
    expect(resolved({ vendor: "10de", nth: 3 }, added, held)).toEqual(["0000:03:00.0"]);
  });
});

describe("what one card matched", () => {
  it("is an error once a second one does", () => {
    const only = { vendor: "10de" };
    const held = heldBy(only, [gpu]);
    expect(() => resolved(only, [gpu, behind("11.0", "0000:02:00.0")], held)).toThrow(
      /says 1, and it matches 2 cards/,
    );
  });
});

describe("what vfio-pci hides", () => {
  const seen = behind("10.0", "0000:01:00.0", {
    ...{
      ...nic,
      driver: "igb",
      macs: ["a0:36:9f:00:00:01"],
      serial: "S1",
      pcieSerial: "00-00-00-00-00-00-00-01",
    },
  });
  const byMac = { mac: "a0:36:9f:00:00:01" };
  const held = heldBy(byMac, [seen]);
  const hidden = { ...nic, driver: "vfio-pci" };

  it("is remembered, also at another address", () => {
    expect(resolved(byMac, [behind("10.0", "0000:02:00.0", hidden)], held)).toEqual(["0000:02:00.0"]);
    expect(resolved({ serial: "s1" }, [behind("10.0", "0000:02:00.0", hidden)], held)).toEqual([
      "0000:02:00.0",
    ]);
  });

  it("is remembered by the next declaration too", () => {
    const now = [behind("10.0", "0000:02:00.0", hidden)];
    const again = heldDevices({ "c/nic": byMac }, [{ address: "0000:02:00.0", device: "c/nic" }], now, held);
    expect(again["c/nic"]?.functions).toEqual([
      expect.objectContaining({ address: "0000:02:00.0", macs: ["a0:36:9f:00:00:01"], serial: "S1" }),
    ]);
  });

  it.each<[what: string, device: PciDevice]>([
    ["in another place", behind("11.0", "0000:01:00.0", hidden)],
    ["of another kind", behind("10.0", "0000:01:00.0", { ...hidden, subsystemDevice: "0001" })],
    [
      "with another serial number of the card",
      behind("10.0", "0000:01:00.0", { ...hidden, pcieSerial: "00-00-00-00-00-00-00-02" }),
    ],
    ["whose own driver says otherwise", behind("10.0", "0000:01:00.0", { ...hidden, driver: "igb" })],
  ])("is not told of a card %s", (_what, device) => {
    expect(withIdentities([device], held)[0]?.macs).toEqual([]);
  });
});
