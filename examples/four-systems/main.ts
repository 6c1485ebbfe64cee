/**
 * One model of a device on four systems: each node holds the first of its NVIDIA cards, with every function of it, and
 * one VM has it. Only the line that names the VM tells Proxmox VE, libvirt, OpenNebula and oVirt apart.
 * The engine's password comes from PASSTHROUGH_OVIRT_PASSWORD.
 */
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import {
  IommuHost,
  Libvirt,
  OpenNebula,
  OpenNebulaPciFilter,
  Ovirt,
  OvirtEngine,
  OvirtHost,
  PassthroughVm,
  Proxmox,
  VfioBinding,
  type BoundDevice,
  type Connection,
} from "cdktf-passthrough";

/** A node and the card that it hands over, found by what it is and not by where it is plugged in. */
class GpuNode {
  readonly host: IommuHost;
  readonly card: BoundDevice;

  constructor(stack: TerraformStack, name: string) {
    this.host = new IommuHost(stack, name, { connection: connection(name), iommuMode: "passthrough" });
    const binding = new VfioBinding(stack, `${name}-gpu`, {
      host: this.host,
      devices: { card: { vendor: "10de", class: "0300", nth: 1, whole: true } },
    });
    this.card = binding.device("card");
  }
}

class Workstations extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const pve1 = new GpuNode(this, "pve1");
    new PassthroughVm(this, "on-proxmox", {
      on: Proxmox.vm(pve1.host, 100),
      machine: "q35",
      pci: { hostpci0: { device: pve1.card, pcie: true } },
    });

    const kvm1 = new GpuNode(this, "kvm1");
    new PassthroughVm(this, "on-libvirt", {
      on: Libvirt.domain(kvm1.host, "workstation"),
      pci: { gpu: { device: kvm1.card } },
    });

    const node1 = new GpuNode(this, "node1");
    const one = new OpenNebula(this, "one", { connection: connection("one") });
    new OpenNebulaPciFilter(this, "listed", { frontEnd: one, hosts: { node1: { devices: [node1.card] } } });
    new PassthroughVm(this, "on-opennebula", {
      on: OpenNebula.vm(one, "workstation"),
      pci: { gpu: { device: node1.card } },
    });

    const rhv1 = new GpuNode(this, "rhv1");
    const engine = new OvirtEngine(this, "engine", {
      url: process.env["OVIRT_URL"] ?? "https://engine.example",
      user: process.env["OVIRT_USER"] ?? "admin@internal",
      caFile: process.env["OVIRT_CA_FILE"], // a copy of the engine's /etc/pki/ovirt-engine/ca.pem
    });
    new OvirtHost(this, "rhv1-at-engine", { host: rhv1.host, engine, name: "rhv1" });
    new PassthroughVm(this, "on-ovirt", {
      on: Ovirt.vm(engine, "workstation", { pinTo: "rhv1" }),
      pci: { gpu: { device: rhv1.card } },
    });
  }
}

/** `PVE1_HOST` and its like, or the host's own name and what OpenSSH's configuration says of it. */
function connection(name: string): Connection {
  const own = (setting: string): string | undefined => process.env[`${name.toUpperCase()}_${setting}`];
  return {
    host: own("HOST") ?? name,
    port: own("PORT") === undefined ? undefined : Number(own("PORT")),
    user: "root",
    identityFile: own("IDENTITY_FILE"),
    hostKey: own("HOST_KEY"),
  };
}

const app = new App();
new Workstations(app, "workstations");
app.synth();
