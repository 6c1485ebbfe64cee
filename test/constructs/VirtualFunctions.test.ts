import type { TerraformStack } from "cdktf";
import { Testing } from "cdktf";
import {
  PassthroughVm,
  Proxmox,
  VfioBinding,
  VirtualFunctions,
  type IommuHost,
  type VirtualFunctionsProps,
} from "../../lib";
import { messageOf, newHost, newStack } from "./support";

const of = "0000:05:00.1";
let stack: TerraformStack;
let pve1: IommuHost;
beforeEach(() => {
  stack = newStack();
  pve1 = newHost(stack, "pve1");
});

const functions = (props: Partial<VirtualFunctionsProps> = {}, id = "fast") =>
  new VirtualFunctions(stack, id, { host: pve1, of, count: 4, ...props });

test("it waits for the host's event, and a VM waits for it and names one by its number", () => {
  const fast = functions({ functions: { 2: { mac: "52:54:00:00:20:01", vlan: 20 } } });
  new PassthroughVm(stack, "router", {
    on: Proxmox.vm(pve1, 101),
    pci: { hostpci0: { device: fast.function(2) } },
  });
  const { resource } = JSON.parse(Testing.synth(stack)) as {
    resource: Record<string, Record<string, Record<string, unknown>>>;
  };
  expect(resource["passthrough_virtual_functions"]?.["fast"]).toMatchObject({
    host: "pve1",
    name: "fast",
    of,
    function_count: 4,
    settings: { 2: { mac: "52:54:00:00:20:01", vlan: 20 } },
    users: ["101"],
    depends_on: [expect.stringContaining("reboot")],
  });
  expect(resource["passthrough_vm"]?.["router"]).toMatchObject({
    pci: { hostpci0: { device: '${passthrough_virtual_functions.fast.addresses["2"]}' } },
    depends_on: expect.arrayContaining(["passthrough_virtual_functions.fast"]),
  });
});

const wrong: [what: string, props: Partial<VirtualFunctionsProps>, ...words: string[]][] = [
  ["a slot", { of: "0000:05:00" }, "0000:05:00.0"],
  ["no address", { of: "eth0; reboot" }, "is not a PCI address"],
  ["none", { count: 0 }, "whole number from 1"],
  ["half a function", { count: 2.5 }, "whole number from 1"],
  ["a number that is not there", { functions: { 4: {} } }, "no virtual function 4", "0 to 3"],
  ["a number below none", { functions: { [-1]: {} } }, "no virtual function -1"],
  ["no MAC address", { functions: { 0: { mac: "52:54" } } }, 'functions.0.mac: "52:54"'],
  ["a group address", { functions: { 0: { mac: "01:00:5e:00:00:01" } } }, "functions.0.mac"],
  ["no address at all", { functions: { 0: { mac: "00:00:00:00:00:00" } } }, "functions.0.mac"],
  ["a VLAN too high", { functions: { 1: { vlan: 4095 } } }, "functions.1.vlan", "4095"],
  [
    "one MAC address twice",
    { functions: { 0: { mac: "52:54:00:00:00:0a" }, 3: { mac: "52:54:00:00:00:0A" } } },
    "Functions 0 and 3",
  ],
  ["a critical address of its own kind", { allowCritical: ["eno1"] }, 'allowCritical: "eno1"'],
];
test.each(wrong)("refused: %s", (_what, props, ...words) => {
  const message = messageOf(() => functions(props));
  for (const word of ["fast", ...words]) expect(message).toContain(word);
});

test("a function is asked for by a number that is there", () => {
  const fast = functions();
  for (const number of [4, -1, 0.5, NaN]) expect(messageOf(() => fast.function(number))).toContain("0 to 3");
});

test("each physical function has one declaration, whichever way its address is written", () => {
  functions();
  expect(messageOf(() => functions({ of: "05:00.1" }, "slow"))).toMatch(/fast and .*slow both make/);
  expect(() => functions({ of: "0000:05:00.0" }, "other")).not.toThrow();
});

test.each(["functions first", "binding first"])("a card is given whole or in functions: %s", (order) => {
  const bind = () =>
    new VfioBinding(stack, "card", { host: pve1, devices: { nic: { address: "0000:05:00" } } });
  const [one, other] = order === "functions first" ? [functions, bind] : [bind, functions];
  one();
  expect(messageOf(() => other())).toMatch(/fast makes virtual functions of .*card.* gives to vfio-pci/);
});

test("two VMs do not get the same one", () => {
  const fast = functions();
  const give = (vm: number, number: number) =>
    new PassthroughVm(stack, `vm${vm}`, {
      on: Proxmox.vm(pve1, vm),
      pci: { hostpci0: { device: fast.function(number) } },
    });
  give(100, 1);
  give(101, 2);
  expect(messageOf(() => give(102, 1))).toMatch(/vm100.*vm102/s);
});
