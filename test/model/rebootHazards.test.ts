import type { LibvirtDomainFacts, ProxmoxVmFacts } from "../../lib/model/facts";
import { rebootHazards, type Runner } from "../../lib/model/rebootHazards";
import { hostFacts, pciDevice } from "../support/facts";

const elsewhere: Runner = { bootId: "runner-boot", macAddresses: ["02:00:00:00:00:01"] };
const own = "bc:24:11:10:01:00";

const vm = (config: string, more: Partial<ProxmoxVmFacts> = {}): ProxmoxVmFacts => ({
  node: "pve1",
  config,
  digest: "",
  running: true,
  ...more,
});
const proxmox = (vms: Record<string, ProxmoxVmFacts>) =>
  hostFacts({
    bootId: "host-boot",
    hostname: "pve1",
    proxmox: {
      node: "pve1",
      version: "8.3.0",
      vms,
      containers: {},
      nodes: ["pve1", "pve2"],
      highlyAvailable: [],
      interfaces: ["lo", "enp5s0", "vmbr0", "vmbr1"],
      replicated: [],
      romFiles: [],
      romDigests: {},
      pciMappings: [],
      usbMappings: [],
      mappingFiles: { pci: "", usb: "" },
    },
  });
const domain = (live: string | null): LibvirtDomainFacts => ({
  uuid: "u",
  configured: `<domain><interface><mac address='${own}'/></interface></domain>`,
  live,
  persistent: true,
  autostart: false,
});
const libvirt = (live: string | null) =>
  hostFacts({
    bootId: "host-boot",
    hostname: "kvm1",
    libvirt: { complaint: null, domains: { "ci & cd": domain(live) } },
  });

it("has nothing to say of a host that the deploy does not depend on", () => {
  expect(
    rebootHazards(proxmox({ 100: vm("net0: virtio=BC:24:11:10:01:00,bridge=vmbr0\n") }), elsewhere),
  ).toEqual([]);
});

it("passes on what the host says of itself", () => {
  const facts = hostFacts({ bootHazards: ["vault is unlocked by somebody"] });
  expect(rebootHazards(facts, elsewhere)).toEqual(["vault is unlocked by somebody"]);
});

it("knows its own kernel, which a container of the host shares", () => {
  const facts = hostFacts({ bootId: "same", hostname: "pve1" });
  expect(rebootHazards(facts, { bootId: "same", macAddresses: [] })).toEqual([
    "this deploy runs on pve1 itself, or in a container there, and would end with it",
  ]);
  expect(rebootHazards(hostFacts({ bootId: "other" }), { bootId: null, macAddresses: [] })).toEqual([]);
});

describe("the machine that the deploy runs on", () => {
  const runner: Runner = { bootId: "runner-boot", macAddresses: ["02:00:00:00:00:01", own] };

  it.each([
    ["net0: virtio=BC:24:11:10:01:00,bridge=vmbr0,firewall=1\n", {}, 1],
    ["net12: e1000=bc:24:11:10:01:00\n", {}, 1],
    ["name: net0: virtio=BC:24:11:10:01:00\n", {}, 0],
    ["net0: virtio=BC:24:11:10:01:01,bridge=vmbr0\n", {}, 0],
    ["net0: virtio=BC:24:11:10:01:00\n", { running: false }, 0],
    ["net0: virtio=BC:24:11:10:01:00\n", { node: "pve2" }, 0],
  ])("is a virtual machine of Proxmox: %j %j", (config, more, hazards) => {
    expect(rebootHazards(proxmox({ 104: vm(config, more) }), runner)).toEqual(
      Array(hazards).fill(
        `the machine that this deploy runs on is the virtual machine 104 of this host (${own}), and would go down with it`,
      ),
    );
  });

  it.each([
    [
      `<domain><interface type='bridge'>\n<mac address='52:54:00:30:00:01'/></interface><interface><mac address="BC:24:11:10:01:00"/></interface></domain>`,
      1,
    ],
    [`<domain><name>${own}</name></domain>`, 0],
    [null, 0],
  ])("is a running domain of libvirt: %j", (live, hazards) => {
    expect(rebootHazards(libvirt(live), runner)).toEqual(
      Array(hazards).fill(
        `the machine that this deploy runs on is the domain ci & cd of this host (${own}), and would go down with it`,
      ),
    );
  });
});

describe("a server that the deploy lives on", () => {
  const servers = [{ use: "the server that keeps Terraform's state (10.0.0.5)", macAddresses: [own] }];
  const runner: Runner = { ...elsewhere, servers };
  const node = proxmox({ 100: vm("net0: virtio=BC:24:11:10:01:00\n") });
  const container = (running: boolean) => {
    const { proxmox: there } = proxmox({});
    const config = "net0: name=eth0,bridge=vmbr0,hwaddr=BC:24:11:10:01:00,type=veth\n";
    return { ...node, proxmox: there && { ...there, containers: { 200: { config, running } } } };
  };
  const port = { ...node, proxmox: null, devices: [pciDevice({ address: "0000:03:00.0", macs: [own] })] };

  it.each([
    ["a virtual machine", node, ["the virtual machine 100 of this host"]],
    ["a container", container(true), ["the container 200 of this host"]],
    ["a container that does not run", container(false), []],
    ["the host itself", port, ["pve1 itself"]],
  ])("is %s", (_, facts, names) => {
    expect(rebootHazards(facts, runner)).toEqual(
      names.map(
        (name) =>
          `the server that keeps Terraform's state (10.0.0.5) is ${name} (${own}), and would go down with it`,
      ),
    );
    expect(rebootHazards(facts, elsewhere)).toEqual([]);
  });
});
