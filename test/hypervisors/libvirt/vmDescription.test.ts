import { libvirt } from "../../../lib/hypervisors/libvirt/libvirt";
import { describeDomains } from "../../../lib/hypervisors/libvirt/vmDescription";
import type { HostFacts } from "../../../lib/model/facts";
import { declare } from "../proxmox/node";
import { card, hostdev, kvm, request, type DomainOnHost } from "./host";

const describeOne = (web: DomainOnHost, different: Partial<HostFacts> = {}) => {
  const facts = kvm({ web }, different);
  const { vms, leftOut } = describeDomains(facts);
  return { facts, vm: vms[0], leftOut };
};
const usb = (source: string, more = "") =>
  `<hostdev mode='subsystem' type='usb'><source${more}>${source}</source></hostdev>`;
const at = (address: string, inside: string, managed = "yes") => hostdev(address, { inside, managed });

/** What stands in a slot of the description, without what is not set. */
const said = (slot: object | undefined) =>
  Object.fromEntries(Object.entries(slot ?? {}).filter(([, value]) => value !== null && value !== undefined));

const cases: readonly [title: string, devices: string, slots: Record<string, object>][] = [
  ["one function of a card", hostdev("0000:01:00.0"), { gpu: { device: "0000:01:00.0" } }],
  [
    "a card of which it has everything, and another one",
    [hostdev("0000:02:00.0"), hostdev("0000:01:00.0"), hostdev("0000:01:00.1")].join("\n"),
    { storage: { device: "0000:02:00.0" }, gpu: { device: "0000:01:00" } },
  ],
  [
    "functions with options of their own",
    [at("0000:03:00.0", "<boot order='2'/>"), at("0000:03:00.1", "<rom bar='off'/>", "no")].join("\n"),
    {
      network: { device: "0000:03:00.0", boot_order: 2 },
      network2: { device: "0000:03:00.1", managed: false, rombar: false },
    },
  ],
  [
    "a ROM file, a stand-in, and no ROM",
    [
      at("0000:02:00.0", "<rom enabled='no'/><teaming type='transient' persistent='ua-backup0'/>"),
      at("0000:03:00.0", "<rom file='/var/rom.bin'/>"),
    ].join("\n"),
    {
      storage: { device: "0000:02:00.0", rom: false, teaming: "ua-backup0" },
      network: { device: "0000:03:00.0", romfile: "/var/rom.bin" },
    },
  ],
  [
    "a device that the guest does not see",
    hostdev("0000:02:00.0").replace(
      /<address type='pci'.*\/>\s*<\/hostdev>/,
      "<address type='unassigned'/></hostdev>",
    ),
    { storage: { device: "0000:02:00.0", unassigned: true } },
  ],
  [
    "a card that somebody kept together for the guest",
    [0, 1]
      .map((fn) =>
        hostdev(`0000:01:00.${fn}`).replace(
          "bus='0x07' slot='0x00' function='0x0'",
          `bus='0x07' slot='0x00' function='0x${fn}' multifunction='on'`,
        ),
      )
      .join("\n"),
    { gpu: { device: "0000:01:00", guest_address: "0000:07:00" } },
  ],
  [
    "a mediated device",
    "<hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='C2177883-f1bb-47f0-914d-32a22e3a8804'/></source></hostdev>",
    { mdev: { mdev: "c2177883-f1bb-47f0-914d-32a22e3a8804" } },
  ],
  [
    "USB devices, by ids and by port",
    [
      usb("<vendor id='0x1050'/><product id='0x0407'/>", " startupPolicy='optional'"),
      usb("<address bus='1' device='5'/>"),
    ].join("\n"),
    { usb: { host: "1050:0407", startup_policy: "optional" }, usb2: { host: "1-4" } },
  ],
];

test.each(cases)("%s", (_, devices, slots) => {
  const { facts, vm, leftOut } = describeOne({ devices });
  expect({ leftOut, unsaid: vm?.leftOut }).toEqual({ leftOut: [], unsaid: [] });
  const { pci = {}, usb: usbSlots = {} } = vm?.declaration ?? {};
  const all = Object.entries({ ...pci, ...usbSlots });
  expect(Object.fromEntries(all.map(([name, slot]) => [name, said(slot)]))).toEqual(slots);

  const declaration = declare({ vmId: "web", pci, usb: usbSlots });
  const wanted = libvirt.desired(declaration);
  expect(libvirt.change(request(facts, declaration)).steps).toEqual([]);
  expect(libvirt.observe(facts, "web", wanted)?.settings).toEqual(wanted);
});

test.each<[title: string, web: DomainOnHost, unsaid: RegExp[]]>([
  [
    "another driver than vfio",
    { devices: at("0000:02:00.0", "<driver name='kvm'/>") },
    [/^pci 0000:02:00\.0 managed=yes driver\.name=kvm of domain web: it cannot be declared/],
  ],
  [
    "a device of another declaration of ours",
    { devices: card() },
    [/^pci 0000:01:00\.0 .*: it cannot/, /^pci 0000:01:00\.1 .*: it cannot/],
  ],
  [
    "a network interface that is a PCI device",
    {
      devices:
        "<interface type='hostdev'><source><address type='pci' domain='0' bus='3' slot='0' function='1'/></source></interface>",
    },
    [/^other 0000:03:00\.1 of domain web: it cannot be declared/],
  ],
  [
    "a USB device by a number that nothing has now",
    { devices: usb("<address bus='1' device='9'/>") },
    [/^usb 1\.9 of domain web: it cannot/],
  ],
  [
    "what it only runs with",
    { devices: "", live: hostdev("0000:02:00.0") },
    [/^pci 0000:02:00\.0 .*: it runs with it, and does not start with it again$/],
  ],
])("is said, not declared: %s", (_, web, unsaid) => {
  const { vm } = describeOne(web);
  expect(vm?.declaration).toMatchObject({ pci: {}, usb: {} });
  expect(vm?.leftOut).toEqual(unsaid.map((clause) => expect.stringMatching(clause) as unknown));
});

test("of two domains with one device the one that runs has it", () => {
  const devices = hostdev("0000:02:00.0");
  const { vms } = describeDomains(kvm({ a: { devices }, b: { devices, live: devices }, plain: {} }));
  expect(vms.map(({ name, declaration, leftOut }) => [name, Object.keys(declaration.pci), leftOut])).toEqual([
    ["a", [], [expect.stringMatching(/domain b has it too, and a stack gives a device to one VM$/)]],
    ["b", ["storage"], []],
  ]);
});

const marked = (name: string, uri: string) => `<metadata><${name}:vm xmlns:${name}="${uri}"/></metadata>`;
test.each<[string, DomainOnHost, string]>([
  ["transient", { persistent: false }, "domain web, which is transient"],
  [
    "of an oVirt engine",
    { persistent: false, os: marked("ovirt-vm", "http://ovirt.org/vm/1.0") },
    "domain web, which is run by an oVirt engine: Ovirt.vm declares its devices there",
  ],
  [
    "of OpenNebula",
    { os: marked("one", "http://opennebula.org/xmlns/libvirt/1.0") },
    "domain web, which is run by OpenNebula: OpenNebula.vm declares its devices at the front end",
  ],
])("a domain that is not ours to declare: %s", (_, domain, words) => {
  const { vm, leftOut } = describeOne({ devices: hostdev("0000:02:00.0"), ...domain });
  expect(vm).toBeUndefined();
  expect(leftOut).toEqual([expect.stringContaining(words)]);
});

test("a libvirt that does not answer is said, and one that is not there is nothing", () => {
  const silent = kvm({}, { libvirt: { complaint: "no socket", domains: {} } });
  expect(describeDomains(silent)).toEqual({
    vms: [],
    leftOut: ["the domains of libvirt, which does not answer: no socket"],
  });
  expect(describeDomains({ ...silent, libvirt: null })).toEqual({ vms: [], leftOut: [] });
});
