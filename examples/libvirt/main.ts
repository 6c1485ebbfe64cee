/**
 * A Debian host with libvirt: a graphics card for one domain, an NVMe disk for another. Try it on an embedded host first,
 * with no hardware at all: `npx passthrough embedded-host --profile debian-libvirt --dir ./host` prints what to set below.
 */
import { App, TerraformStack } from "cdktf";
import type { Construct } from "constructs";
import { IommuHost, Libvirt, PassthroughVm, VfioBinding } from "cdktf-passthrough";

class Devices extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const kvm1 = new IommuHost(this, "kvm1", {
      connection: {
        host: process.env["KVM1_HOST"] ?? "10.0.0.21",
        port: Number(process.env["KVM1_PORT"] ?? 22),
        user: "root",
        identityFile: process.env["KVM1_IDENTITY_FILE"],
        hostKey: process.env["KVM1_HOST_KEY"],
      },
      kernelParameters: ["iommu=pt"],
    });

    const cards = new VfioBinding(this, "cards", {
      host: kvm1,
      devices: { gpu: { address: "0000:01:00" }, nvme: { address: "0000:02:00.0" } },
    });

    new PassthroughVm(this, "workstation", {
      on: Libvirt.domain(kvm1, "workstation"),
      pci: {
        // All four functions, and for the guest they are one card again.
        gpu: { device: cards.device("gpu"), guestAddress: "0000:08:00" },
      },
    });

    new PassthroughVm(this, "storage", {
      on: Libvirt.domain(kvm1, "storage"),
      pci: { nvme: { device: cards.device("nvme"), rombar: false } },
    });
  }
}

const app = new App();
new Devices(app, "devices");
app.synth();
