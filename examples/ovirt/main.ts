/**
 * A GPU of one oVirt host for one VM: the host is configured over SSH, the VM over the engine's REST API, and the engine
 * learns which kernel parameters its host has. The engine's password comes from PASSTHROUGH_OVIRT_PASSWORD.
 */
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { IommuHost, Ovirt, OvirtEngine, OvirtHost, PassthroughVm, VfioBinding } from "cdktf-passthrough";

class Workstation extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const engine = new OvirtEngine(this, "engine", {
      url: process.env["OVIRT_URL"] ?? "https://engine.example",
      user: process.env["OVIRT_USER"] ?? "admin@internal",
      caFile: process.env["OVIRT_CA_FILE"], // a copy of the engine's /etc/pki/ovirt-engine/ca.pem
    });

    const kvm1 = new IommuHost(this, "kvm1", {
      connection: {
        host: process.env["KVM1_HOST"] ?? "10.0.0.21",
        port: Number(process.env["KVM1_PORT"] ?? 22),
        user: "root",
        identityFile: process.env["KVM1_IDENTITY_FILE"],
        hostKey: process.env["KVM1_HOST_KEY"],
      },
      kernelParameters: ["iommu=pt"],
      // Into maintenance before a reboot, active after the proof. The VM with the card cannot move: it shuts down.
      beforeReboot: { managedBy: Ovirt.host(engine, "kvm1"), immovable: "shut-down" },
    });

    // The engine writes its own kernel command line when it installs the host: both must say the same.
    new OvirtHost(this, "kvm1-at-engine", { host: kvm1, engine, name: "kvm1" });

    const gpu = new VfioBinding(this, "gpu", {
      host: kvm1,
      devices: { card: { address: "0000:01:00" } }, // every function of the slot: nothing is a mere placeholder
    });

    new PassthroughVm(this, "workstation", {
      on: Ovirt.vm(engine, "workstation", { pinTo: "kvm1" }),
      pci: { gpu: { device: gpu.device("card") } },
    });
  }
}

const app = new App();
new Workstation(app, "workstation");
app.synth();
