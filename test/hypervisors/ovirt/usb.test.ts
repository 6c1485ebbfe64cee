/** USB devices of a host, which the engine lists among its host devices. */
import { addressOf, usbDeviceName } from "../../../lib/hypervisors/ovirt/names";
import { ovirt } from "../../../lib/hypervisors/ovirt/ovirt";
import type { EngineDevice } from "../../../lib/model/engineFacts";
import { usbSlot } from "../proxmox/node";
import { declare, device, facts, host, request, vm } from "./engine";

const usb = (name: string): EngineDevice => ({
  ...device(name, null, "usb"),
  ...{ capability: "usb_device", id: "046d:c52b", product: "Receiver" },
});
const kvm1 = host("kvm1", [device("pci_0000_04_00_0", "30"), usb("usb_1_4_2"), usb("usb_usb1")]);
const at = (port: string, pci: Record<string, string> = {}) =>
  declare(pci, { usb: { mouse: usbSlot({ host: port }) } });
const problems = (...args: Parameters<typeof request>) =>
  ovirt
    .problems(request(...args), "plan")
    .map(({ severity, summary, detail }) => `${severity}: ${summary}: ${detail}`);

test.each([
  ["1-4", "usb_1_4"],
  ["2-4.2.11", "usb_2_4_2_11"],
])("the device at port %s is %s", (port, name) => {
  expect(usbDeviceName(port)).toBe(name);
  expect(addressOf(name)).toBe(`USB ${port}`);
});

test.each(["046d:c52b", "spice", "", "1-", "1-4;2", "1-4\n", "-1-4", "1-$(id)"])("%j is refused", (port) => {
  expect(ovirt.validate(at(port))).toEqual([
    expect.objectContaining({ key: "mouse", detail: expect.stringContaining("is not a USB port") as string }),
  ]);
});

test("one name for a PCI and a USB device is refused", () => {
  expect(ovirt.validate(at("1-4", { mouse: "0000:04:00.0" }))).toEqual([
    expect.objectContaining({ key: "mouse" }),
  ]);
});

test("it is attached by its name and detached again, and needs no IOMMU", () => {
  const engine = facts([vm("workstation")], { hosts: [{ ...kvm1, passthrough: false }] });
  const change = ovirt.change(request(engine, at("1-4.2")));
  expect(change.steps).toEqual([{ step: "attach", vm: "id-workstation", device: "usb_1_4_2" }]);
  expect(problems(engine, at("1-4.2"))).toEqual([]);

  const has = facts([vm("workstation", { devices: [{ name: "usb_1_4_2", placeholder: false }] })], {
    hosts: [kvm1],
  });
  expect(ovirt.change(request(has, null, change.record)).steps).toEqual([
    { step: "detach", vm: "id-workstation", device: "usb_1_4_2" },
  ]);
});

test("what is not plugged in, and what another VM has, is told", () => {
  const engine = facts(
    [vm("workstation"), vm("render", { status: "up", devices: [{ name: "usb_1_4_2", placeholder: false }] })],
    { hosts: [kvm1] },
  );
  expect(problems(engine, at("1-9"))).toEqual([
    expect.stringMatching(
      /^error: The engine knows no device usb_1_9 on kvm1: .*\n {2}usb_1_4_2 \(Receiver, 046d:c52b\)/,
    ),
  ]);
  expect(problems(engine, at("1-4.2"))).toEqual([
    expect.stringMatching(/^error: usb_1_4_2 is in use by VM render/),
  ]);
});
