/** What is selected once goes on meaning the same hardware: when vfio-pci hides it, and when bus numbers move. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, PciDevices, Proxmox, VfioBinding, type DeviceSelector } from "../../lib";
import { profiles, type EmbeddedHost, type Profile } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const cards = "passthrough_vfio_binding.cards";
const rig = new Rig();
let host: EmbeddedHost;

beforeAll(async () => {
  host = await rig.host("proxmox-amd");
  await sh(host, `sed -i 's/DEFAULT="quiet"/DEFAULT="quiet iommu=pt"/' /etc/default/grub && update-grub`);
  await host.reboot();
});
afterAll(() => rig.close());

// By its way from the root complex, not by its bus number.
const firstUsb = { vendor: "1022", class: "0c03", nth: 1 };

const define =
  (devices: Readonly<Record<string, DeviceSelector>>, usb: DeviceSelector = firstUsb) =>
  (stack: TerraformStack): void => {
    const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), kernelParameters: ["iommu=pt"] });
    const cards = new VfioBinding(stack, "cards", { host: pve1, devices });
    new PassthroughVm(stack, "vm", {
      on: Proxmox.vm(pve1, 100),
      pci: {
        hostpci0: { device: cards.device("hba") },
        hostpci1: { device: cards.device("port") },
        // Of no binding: looked up on the host by itself.
        hostpci2: { device: usb },
      },
    });
    new PciDevices(stack, "nics", { host: pve1, select: { class: "02", serial: "ac-1f-6b-ff-ff-00-10-01" } });
  };

const port = { mac: "AC:1F:6B:00:10:02" };
const driver = (address: string) => sh(host, `readlink /sys/bus/pci/devices/${address}/driver`);

test("a selector that means more than one card is an error that lists them", async () => {
  await rig.stack(define({ port, hba: { class: "01" } }));
  expect(await rig.refusal("plan")).toMatch(
    /The selector says 1, and it matches \d cards of class 01:.*0000:06:00\.0 1000:0097.*Say which one it is/,
  );
});

test("and so is a slot's", async () => {
  await rig.stack(define({ port, hba: { address: "0000:06:00" } }, { class: "0c03" }));
  expect(await rig.refusal("plan")).toMatch(
    /Unable to select the devices of VM 100 on pve1.*hostpci2: The selector says 1, and it matches \d cards of class 0c03:/,
  );
});

test("a port by its MAC address, which vfio-pci hides from then on", async () => {
  await rig.stack(define({ port, hba: { address: "0000:06:00" } }));
  await rig.apply();
  expect(await driver("0000:05:00.1")).toContain("vfio-pci");
  expect(await sh(host, "ls /sys/bus/pci/devices/0000:05:00.1")).not.toMatch(/^net$/m);

  expect((await rig.tf.resources())["passthrough_vm.vm"]?.values).toMatchObject({
    settings: { hostpci0: "0000:06:00", hostpci1: "0000:05:00.1", hostpci2: "0000:0a:00.0" },
  });
  expect((await rig.plan()).changes).toEqual({});
});

test("bus numbers that move are drift of the address: the card stays, and no other is taken", async () => {
  const profile = profiles["proxmox-amd"] as Profile;
  // The controller now has the bus number that was the network card's.
  const moves: Readonly<Record<string, string>> = { "0000:05:00": "0000:0b:00", "0000:06:00": "0000:05:00" };
  const moved = (address: string) =>
    (moves[address.slice(0, -2)] ?? address.slice(0, -2)) + address.slice(-2);
  await host.stop();
  host = await rig.host({
    ...profile,
    devices: profile.devices.map((device) => ({ ...device, address: moved(device.address) })),
    essential: profile.essential.map(({ use, anyOf }) => ({ use, anyOf: anyOf.map(moved) })),
  });
  await host.reboot();
  host.resetCounters();
  expect(await driver("0000:0b:00.1")).toContain("vfio-pci");
  expect(await driver("0000:0b:00.0")).toContain("igb");

  await rig.stack(define({ port, hba: { address: "0000:06:00" } }));
  const { text, changes } = await rig.plan();
  expect(flowing(text)).toMatch(
    /cards\/hba is declared at 0000:06:00, and bus numbers have changed: its card stands at 0000:05:00\.0 now/,
  );
  expect(changes[cards]).toMatchObject({
    actions: ["update"],
    before: { addresses: { hba: "0000:06:00", port: "0000:05:00.1" } },
    after: {
      addresses: { hba: "0000:05:00", port: "0000:0b:00.1" },
      functions: { "0000:05:00.0": { id: "1000:0097", host_driver: "mpt3sas" } },
    },
  });
  expect(changes["passthrough_vm.vm"]?.after).toMatchObject({
    settings: { hostpci0: "0000:05:00", hostpci1: "0000:0b:00.1" },
  });
  await rig.apply();
  expect(host.counters().reboots).toBe(0);
  expect(await driver("0000:05:00.0")).toContain("vfio-pci");
  const found = (await rig.tf.resources())["data.passthrough_pci_devices.nics"];
  expect(found?.values).toMatchObject({
    address: "0000:0b:00.0;0000:0b:00.1",
    devices: { "0000:0b:00.1": { macs: ["ac:1f:6b:00:10:02"], driver: "vfio-pci" } },
  });
  expect((await rig.plan()).changes).toEqual({});
});

test("a destroy gives back what moved", async () => {
  await rig.destroy();
  expect(await driver("0000:05:00.0")).toContain("mpt3sas");
  expect(await driver("0000:0b:00.1")).toContain("igb");
});
