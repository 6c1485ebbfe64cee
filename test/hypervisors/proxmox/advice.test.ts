import { readFileSync } from "node:fs";
import { join } from "node:path";
import { guestAdvice, guestRules } from "../../../lib/hypervisors/proxmox/advice";
import type { HostFacts } from "../../../lib/model/facts";
import { hostFacts, pciDevice } from "../../support/facts";

const devices = [
  pciDevice({ address: "0000:01:00.0" }),
  pciDevice({ address: "0000:01:00.1", class: "040300" }),
  pciDevice({ address: "0000:00:1f.3", class: "040300" }),
];

function found(config: string, node = "pve1") {
  const proxmox = {
    node: "pve1",
    version: "8.2.2",
    vms: { 100: { node, config, digest: "", running: false } },
  } as unknown as HostFacts["proxmox"];
  return guestAdvice(hostFacts({ proxmox, devices }));
}

const advice = (config: string, node?: string) => found(config, node).map(({ rule, text }) => [rule, text]);

test.each<[string, string, string[][]]>([
  [
    "a path as romfile",
    "hostpci0: 01:00,pcie=1,x-vga=1,romfile=/var/lib/vz/template/efi-nvidia.bin\n",
    [["romfile-path", "hostpci0: 01:00,pcie=1,x-vga=1,romfile=/var/lib/vz/template/efi-nvidia.bin"]],
  ],
  ["a name as romfile", "hostpci0: 01:00,romfile=gpu.rom\n", []],
  [
    "a passed disk in the boot order as scsi0",
    "boot: order=scsi0\nhostpci0: 03:00,pcie=1\n",
    [["boot-order-of-passed-disk", "boot: order=scsi0"]],
  ],
  ["a disk in the boot order", "boot: order=scsi0;net0\nscsi0: local:1\nnet0: virtio\nhostpci0: 03:00\n", []],
  ["the old form of the boot order", "boot: cdn\nhostpci0: 03:00\n", []],
  [
    "the sound in the place of its card",
    "hostpci0: 01:00.1,pcie=1\n",
    [["audio-alone", "hostpci0: 01:00.1,pcie=1"]],
  ],
  ["card and sound in two slots", "hostpci0: 01:00.0\nhostpci1: 01:00.1\n", []],
  ["sound of the board", "hostpci0: 00:1f.3\n", []],
  ["the guide's USB line", "usb0: xhci,pcie=1\n", [["usb-xhci", "usb0: xhci,pcie=1"]]],
  ["a USB device", "usb0: host=046d:c52b,usb3=1\n", []],
])("%s", (_what, config, expected) => {
  expect(advice(config)).toEqual(expected);
});

test("VMs of another node are another host's", () => {
  expect(advice("usb0: xhci,pcie=1\n", "pve2")).toEqual([]);
});

test("docs/advice.md has every rule, with what it says", () => {
  const text = readFileSync(join(__dirname, "../../../docs/advice.md"), "utf8").replace(/ +/g, " ");
  const config = `hostpci0: 01:00.1,romfile=/x.rom\nboot: order=scsi0\nusb0: xhci,pcie=1\n`;
  const said = new Map(found(config).map(({ rule, words }) => [rule, words]));
  for (const { name, applies, source } of guestRules)
    expect(text).toContain(`| \`${name}\` | ${applies} | It ${said.get(name) ?? ""}. | ${source} |`);
});
