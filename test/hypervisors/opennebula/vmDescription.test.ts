import { opennebula } from "../../../lib/hypervisors/opennebula/opennebula";
import { describeCloud } from "../../../lib/hypervisors/opennebula/vmDescription";
import { untouched } from "../../../lib/hypervisors/types";
import { declare } from "../proxmox/node";
import { device, frontEnd, host, named, vm } from "./frontEnd";

const node = host("0", "node1", [
  device("01:00.0 10de:1e84:0300", "42"),
  device("02:00.0 144d:a808:0108"),
  device("03:00.0 8086:1521:0200", "43"),
]);
const facts = frontEnd({
  hosts: [node],
  vms: [
    vm("42", "render", "8", "0", {
      PCI: [
        { VENDOR: "10de", DEVICE: "1e84", CLASS: "0300", SHORT_ADDRESS: "01:00.0", PCI_ID: "0" },
        { SHORT_ADDRESS: "02:00.0", PCI_ID: "1" },
      ],
    }),
    vm("43", "router", "3", "0", {
      PCI: {
        ...{ TYPE: "NIC", NETWORK: "uplink", NETWORK_UNAME: "oneadmin", VENDOR: "8086", PCI_ID: "0" },
        ...{ MAC: "02:00:00:00:00:01", IP: "10.0.0.2", SHORT_ADDRESS: "03:00.0" },
      },
    }),
    vm("44", "ours", "8", "0", { PCI: { CLASS: "0403", CDKTF_PASSTHROUGH: "sound" } }),
    vm("45", "none", "8", "0", {}),
    vm("46", "gone", "6", "0", { PCI: { CLASS: "0403" } }),
  ],
  templates: [named("7", "gpu-server", { PCI: { CLASS: "0302", PROFILE: "nvidia-35" } })],
});

test("VMs and templates ask for what they ask for, and what OpenNebula filled in is nobody's wish", () => {
  const { vms, leftOut } = describeCloud(facts);
  expect(leftOut).toEqual([]);
  expect(vms.map(({ name, declaration }) => [name, declaration.vmId, declaration.pci])).toMatchObject([
    [
      "render",
      "42",
      {
        gpu: { request: { vendor: "10de", device: "1e84", class: "0300", short_address: null }, nic: null },
        storage: { request: { vendor: null, short_address: "02:00.0" } },
      },
    ],
    [
      "router",
      "43",
      {
        nic: { request: { vendor: "8086" }, nic: { network: "uplink", network_uname: "oneadmin", ip: null } },
      },
    ],
    ["ours", "44", {}],
    ["gpu-server", "template:7", { gpu: { request: { class: "0302" }, profile: "nvidia-35" } }],
  ]);
  expect(vms.map((vm) => vm.leftOut)).toEqual([
    [],
    [],
    ["*:*:0403 of VM 44 (ours): it cannot be declared as it is there"],
    [],
  ]);
});

test("declaring it changes nothing", () => {
  for (const { declaration } of describeCloud(facts).vms) {
    const asked = declare(declaration);
    const wanted = opennebula.desired(asked);
    expect(opennebula.observe(facts, asked.vmId, wanted)?.settings).toEqual(wanted);
    const request = { host: "one", facts, vmId: asked.vmId, declaration: asked, record: untouched };
    expect(opennebula.change(request).steps).toEqual([]);
  }
});

test("a front end that does not answer is said", () => {
  expect(describeCloud(frontEnd({}, { failure: "onevm list: no daemon" }))).toEqual({
    vms: [],
    leftOut: ["the VMs of OpenNebula, which does not answer: onevm list: no daemon"],
  });
});
