import { claims } from "../../../lib/hypervisors/libvirt/claims";
import { libvirtProblems } from "../../../lib/hypervisors/libvirt/problems";
import type { VmDeclaration } from "../../../lib/hypervisors/types";
import type { HostFacts } from "../../../lib/model/facts";
import { pciDevice } from "../../support/facts";
import { card, hostdev, kvm, pciSlot, request, usbSlot } from "./host";

const gpu = { gpu: pciSlot() };
const other = "ffffffff-f1bb-47f0-914d-32a22e3a8804";
const vgpu = { uuid: "c2177883-f1bb-47f0-914d-32a22e3a8804", parent: "0000:02:00.0", type: "nvidia-63" };
const mdev = `<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='${vgpu.uuid}'/></source></hostdev>`;
const receiver =
  "<hostdev mode='subsystem' type='usb' managed='no'><source><address bus='1' device='7'/></source></hostdev>";
const found = (
  facts: HostFacts,
  declaration: Partial<VmDeclaration> | null,
  moment: "plan" | "apply" = "plan",
) =>
  libvirtProblems(request(facts, declaration), moment).map(
    ({ severity, summary, detail }) => `${severity}: ${summary}. ${detail}`,
  );

test("a domain's mediated device is a claim of the function that makes it, which others may share", () => {
  const facts = kvm({ db: { devices: mdev, live: mdev } }, { mediatedDevices: [vgpu] });
  expect(claims(facts)).toEqual([
    expect.objectContaining({ address: vgpu.parent, vmId: "db", inUse: true, shared: true }),
  ]);
});

test("two mediated devices of one function go to two domains", () => {
  const facts = kvm(
    { web: {}, db: { devices: mdev, live: mdev } },
    { mediatedDevices: [vgpu, { ...vgpu, uuid: other }] },
  );
  expect(found(facts, { pci: { vgpu: pciSlot({ mdev: other }) } })).toEqual([]);
});

describe("what speaks against a request", () => {
  it("is nothing where all is well", () => {
    expect(found(kvm({ web: {} }), { pci: gpu, usb: { key: usbSlot({ host: "1-4" }) } })).toEqual([]);
  });

  it.each<[string, HostFacts, Partial<VmDeclaration>, RegExp]>([
    ["no libvirt", { ...kvm({}), libvirt: null }, { pci: gpu }, /^error: kvm1 is not a libvirt host/],
    [
      "no answer",
      kvm({}, { libvirt: { complaint: "no socket", domains: {} } }),
      { pci: gpu },
      /^error: libvirt of kvm1 does not answer\. no socket/,
    ],
    ["no such domain", kvm({ db: {} }), { pci: gpu }, /^error: There is no domain web on kvm1.*\n {2}db/],
    [
      "a transient one",
      kvm({ web: { persistent: false } }),
      { pci: gpu },
      /^error: domain web on kvm1 is transient/,
    ],
    [
      "an absent device",
      kvm({ web: {} }),
      { pci: { gpu: pciSlot({ device: "09:00" }) } },
      /^error: There is no PCI device 0000:09:00 on kvm1\. gpu of domain web/,
    ],
    [
      "an empty port",
      kvm({ web: {} }),
      { usb: { key: usbSlot({ host: "1-9" }) } },
      /^error: There is no USB device at 1-9 on kvm1.*\n {2}1-4 046d:c52b Receiver/,
    ],
    [
      "an absent mediated device",
      kvm({ web: {} }, { mediatedDevices: [{ ...vgpu, uuid: other }] }),
      { pci: { vgpu: pciSlot({ mdev: vgpu.uuid }) } },
      new RegExp(
        `^error: There is no mediated device ${vgpu.uuid} on kvm1\\. vgpu of domain web.*\\n  ${other} nvidia-63 of 0000:02:00\\.0`,
      ),
    ],
    [
      "a mediated device that another domain runs with",
      kvm({ web: {}, db: { devices: mdev, live: mdev } }, { mediatedDevices: [vgpu] }),
      { pci: { vgpu: pciSlot({ mdev: vgpu.uuid.toUpperCase() }) } },
      new RegExp(`^error: ${vgpu.uuid} is in use by domain db`),
    ],
    [
      "a function of which another domain runs with a mediated device",
      kvm({ web: {}, db: { devices: mdev, live: mdev } }, { mediatedDevices: [vgpu] }),
      { pci: { gpu: pciSlot({ device: vgpu.parent }) } },
      new RegExp(`^error: ${vgpu.uuid} is in use by domain db`),
    ],
    [
      "a bridge",
      kvm({ web: {} }),
      { pci: { gpu: pciSlot({ device: "00:01.0" }) } },
      /error: gpu of domain web on kvm1 names a bridge/,
    ],
    [
      "a device twice",
      kvm({ web: {} }),
      { pci: { ...gpu, sound: pciSlot({ device: "01:00.1" }) } },
      /^error: domain web on kvm1 has 0000:01:00\.1 twice\. gpu and sound both name it/,
    ],
    [
      "a part of a group",
      kvm({ web: {} }),
      { pci: { nic: pciSlot({ device: "03:00.0" }) } },
      /^error: 0000:03:00\.0 of domain web on kvm1 cannot be handed over alone\. IOMMU group 3 .*0000:03:00\.1/,
    ],
    [
      "a boot list",
      kvm({ web: { os: "<boot dev='hd'/>" } }),
      { pci: { gpu: pciSlot({ boot_order: 2 }) } },
      /^error: domain web on kvm1 boots from a list/,
    ],
    [
      "a taken place",
      kvm({ web: {} }),
      { pci: { gpu: pciSlot({ boot_order: 1 }) } },
      /^error: Place 1 in the boot order of domain web on kvm1 is taken/,
    ],
    [
      "too much memory",
      kvm({ web: { memory: 128 * 1024 * 1024 } }),
      { pci: gpu },
      /^error: domain web on kvm1 has more memory than kvm1/,
    ],
    [
      "ballooning",
      kvm({ web: { current: 1048576 } }),
      { pci: gpu },
      /^warning: Ballooning of domain web on kvm1 has no effect/,
    ],
    [
      "autostart",
      kvm({ web: { autostart: true } }),
      { pci: gpu },
      /^warning: domain web on kvm1 starts with the host and names gpu by address/,
    ],
    [
      "a domain that runs",
      kvm({ web: { live: "" } }),
      { pci: gpu },
      /^warning: domain web on kvm1 takes the change at its next start/,
    ],
    [
      "a restart",
      kvm({ web: { live: "" } }),
      { pci: gpu, restart: true },
      /^warning: domain web on kvm1 is restarted/,
    ],
    [
      "another domain",
      kvm({ web: {}, db: { devices: card(), autostart: true } }),
      { pci: gpu },
      /^warning: 0000:01:00\.0, 0000:01:00\.1 is configured for domain db too.*\(autostart\)/,
    ],
    [
      "a peer",
      kvm({ web: {}, db: { devices: card() } }),
      { pci: gpu, peers: ["db"] },
      /^warning: 0000:01:00\.0, 0000:01:00\.1 moves from domain db to domain web on kvm1/,
    ],
    [
      "a running domain that has the USB device, by whichever of its names",
      kvm(
        { web: {}, db: { live: receiver, devices: receiver } },
        { usbDevices: [{ port: "1-4", id: "046d:c52b", number: 7, hub: false, name: "Receiver" }] },
      ),
      { usb: { mouse: usbSlot({ host: "046d:c52b" }) } },
      /^error: USB 1-4 is in use by domain db/,
    ],
    [
      "a running domain",
      kvm({ web: {}, db: { live: hostdev("0000:01:00.0"), devices: hostdev("0000:01:00.0") } }),
      { pci: gpu },
      /^error: 0000:01:00\.0 is in use by domain db/,
    ],
  ])("is said: %s", (_what, facts, declaration, words) => {
    expect(found(facts, declaration)).toEqual([expect.stringMatching(new RegExp(words.source, "s"))]);
  });

  it("is what the host lives on, before a domain that starts takes it", () => {
    const nic = pciDevice({ address: "0000:04:00.0", iommuGroup: "9", driver: "igb", class: "020000" });
    const facts = kvm(
      { web: {} },
      {
        devices: [nic],
        critical: [
          { address: nic.address, kind: "network", use: "carries this SSH session", essential: true },
        ],
      },
    );
    const wanted = { pci: { nic: pciSlot({ device: nic.address }) } };
    expect(found(facts, wanted)).toEqual([
      expect.stringMatching(/^warning: kvm1 needs what nic of domain web on kvm1 would take/),
    ]);
    expect(found(facts, wanted, "apply")).toEqual([expect.stringMatching(/^error: kvm1 needs/)]);
  });

  it("is a running peer only once it comes to the apply", () => {
    const facts = kvm({ web: {}, db: { devices: card(), live: card() } });
    const wanted = { pci: gpu, peers: ["db"] };
    expect(found(facts, wanted)[0]).toMatch(/^warning: .* is in use by domain db/);
    expect(found(facts, wanted, "apply")[0]).toMatch(
      /^error: .* is in use by domain db.*Shut domain db down before the apply/s,
    );
  });

  it("does not stand in the way of a destroy", () => {
    expect(found(kvm({}), null)).toEqual([]);
    expect(found(kvm({ web: { devices: card(), live: card() } }), null)).toEqual([]);
  });
});
