import { deviceIdOf, isDeviceId, normaliseDeviceId, parseDeviceId } from "../../lib/model/deviceId";
import { pciDevice } from "./devices";

describe("parseDeviceId", () => {
  it("reads vendor and device in any hex case", () => {
    expect(parseDeviceId("10DE:2204")).toEqual({ vendor: "10de", device: "2204" });
    expect(normaliseDeviceId("8086:A2AF")).toBe("8086:a2af");
    expect(isDeviceId("8086:A2AF")).toBe(true);
  });

  it.each(["", "10de", "10de:22", "10de:22045", "0x10de:0x2204", "01:00.0", "10de:2204\n", "10de 2204"])(
    "refuses %j",
    (text) => {
      expect(() => parseDeviceId(text)).toThrow(/is not a device id\. Expected .*vvvv:dddd.*lspci -nn/);
      expect(isDeviceId(text)).toBe(false);
    },
  );

  it("is what a device shows", () => {
    expect(deviceIdOf(pciDevice("0000:01:00.0"))).toBe("10de:2204");
  });
});
