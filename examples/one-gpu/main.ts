/**
 * One Proxmox VE host hands a GPU to one VM. Try it on an embedded host first, with no hardware at all:
 * `npx passthrough embedded-host --profile proxmox-amd --dir ./host` prints what to set below.
 */
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "cdktf-passthrough";

class Workstation extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const pve1 = new IommuHost(this, "pve1", {
      connection: {
        host: process.env["PVE1_HOST"] ?? "10.0.0.11",
        port: Number(process.env["PVE1_PORT"] ?? 22),
        user: "root",
        identityFile: process.env["PVE1_IDENTITY_FILE"],
        hostKey: process.env["PVE1_HOST_KEY"],
      },
      kernelParameters: ["iommu=pt"],
    });

    const gpu = new VfioBinding(this, "gpu", {
      host: pve1,
      devices: { card: { address: "0000:01:00" } }, // every function of the slot: the GPU and its sound
    });

    new PassthroughVm(this, "workstation", {
      on: Proxmox.vm(pve1, 100),
      machine: "q35",
      pci: { hostpci0: { device: gpu.device("card"), pcie: true, xVga: true } },
    });
  }
}

const app = new App();
new Workstation(app, "workstation");
app.synth();
