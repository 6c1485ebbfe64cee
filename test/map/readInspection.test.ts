import { readInspection } from "../../lib/map/readInspection";
import { largeHost } from "./hosts";

test("what inspect prints is read as it was", () => {
  const host = largeHost("pve1", 20);
  expect(readInspection(JSON.stringify(host), "pve1.json")).toEqual(JSON.parse(JSON.stringify(host)));
});

const host = largeHost("pve1", 1);
const [device] = host.devices;

test.each<[string, unknown, string]>([
  ["null", null, "the whole must be object"],
  ["no devices", { ...host, devices: undefined }, "must have required property 'devices'"],
  ["an address that is none", { ...host, devices: [{ ...device, address: "<b>" }] }, "/devices/0/address"],
  ["a class that is none", { ...host, devices: [{ ...device, class: "__proto__" }] }, "/devices/0/class"],
  [
    "a name that is no text",
    { ...host, devices: [{ ...device, name: 1 }] },
    "/devices/0/name must be string",
  ],
  [
    "an unknown kind of use",
    { ...host, devices: [{ ...device, critical: [{ kind: "x", use: "", essential: true }] }] },
    "/devices/0/critical/0/kind",
  ],
])("%s is refused, with the place", (_, content, words) => {
  const read = () => readInspection(JSON.stringify(content), "pve1.json");
  expect(read).toThrow(/^Unable to read pve1\.json: it is not what `passthrough inspect --json` prints: /);
  expect(read).toThrow(words);
});
