import type { VmNic } from "../../../../lib/hypervisors/types";
import { node, pciSlot } from "../node";
import { found, nothing } from "./found";

const card = (given: Partial<VmNic>): VmNic => ({ profile: null, ...given });
const vm = (nets: string, running = false, others: Record<string, { config: string }> = {}) =>
  node({ "100": { config: `name: ws\n${nets}scsi0: local:1\n`, running }, ...others });
const net0 = "net0: virtio=BC:24:11:00:00:01,bridge=vmbr0\n";

test("a card like those that are there is nothing to speak of", () => {
  expect(found(vm(net0), { nics: { net1: card({ bridge: "vmbr1" }) } })).toMatchObject(nothing);
});

test("a bridge that the node does not have", () => {
  const { warnings, words, keys } = found(vm(net0), { nics: { net1: card({ bridge: "vmbr9" }) } });
  expect([warnings, keys]).toEqual([["There is no bridge vmbr9 on pve1"], ["net1"]]);
  expect(words).toContain("There is: enp5s0, lo, vmbr0, vmbr1.");
});

test("one address for two cards", () => {
  const others = { "101": { config: "name: router\nnet3: e1000=bc:24:11:00:00:09\n" } };
  const { warnings, words } = found(vm(net0, false, others), {
    nics: { net1: card({ mac: "BC:24:11:00:00:09" }) },
  });
  expect(warnings).toEqual(["BC:24:11:00:00:09 is the address of two network cards"]);
  expect(words).toContain("net3 of VM 101 (router) has it");
});

test("a card that changes while the guest runs, at plan", () => {
  const change = { nics: { net0: card({ bridge: "vmbr1" }) } };
  expect(found(vm(net0, true), change).warnings).toEqual([
    "net0 of VM 100 (ws) on pve1 changes while it runs",
  ]);
  expect(found(vm(net0, true), change, "apply")).toMatchObject(nothing);
  expect(found(vm(`hotplug: disk,usb\n${net0}`, true), change).warnings).toEqual([
    "VM 100 (ws) on pve1 takes the change at its next start",
  ]);
});

test("the last network card that leaves, be it a passed one", () => {
  const written = (key: string, text: string) => ({
    record: { base: { [key]: null }, written: { [key]: text } },
  });
  const passed = "hostpci0: 0000:03:00.0\n";
  const gone = (nets: string, key: string, text: string, pci = {}) =>
    found(vm(nets), { pci }, "plan", written(key, text)).warnings;
  expect(gone(passed, "hostpci0", "0000:03:00.0")).toEqual([
    "VM 100 (ws) on pve1 is left without a network card",
  ]);
  expect(gone(net0, "net0", "bridge=vmbr0")).toEqual(["VM 100 (ws) on pve1 is left without a network card"]);
  expect(gone(`${passed}${net0}`, "hostpci0", "0000:03:00.0")).toEqual([]);
  expect(
    gone(`${passed}${net0}`, "net0", "bridge=vmbr0", { hostpci0: pciSlot({ device: "0000:03:00.0" }) }),
  ).toEqual([]);
});
