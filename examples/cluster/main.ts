/**
 * Two hosts of a Proxmox VE cluster that never reboot at the same time: the second one's kernel is not even
 * configured before the first has come back and proven its devices. A check of the author's own runs once the VM
 * on the first host has its card.
 *
 * Try it on embedded hosts first, with no hardware at all: `npx passthrough embedded-host --profile proxmox-amd
 * --dir ./pve1`, and the same with `--profile proxmox-intel-systemd-boot --dir ./pve2`, print what to set below.
 */
import { App, TerraformStack } from "cdktf";
import { NullProvider } from "@cdktf/provider-null/lib/provider";
import { Resource as NullResource } from "@cdktf/provider-null/lib/resource";
import type { Construct } from "constructs";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding, type Connection } from "cdktf-passthrough";

class Cluster extends TerraformStack {
  constructor(scope: Construct, id: string) {
    super(scope, id);

    const pve1 = new IommuHost(this, "pve1", {
      connection: connection("PVE1", "10.0.0.11"),
      kernelParameters: ["iommu=pt"],
    });
    const pve2 = new IommuHost(this, "pve2", {
      connection: connection("PVE2", "10.0.0.12"),
      kernelParameters: ["iommu=pt"],
    });

    // Two cards of the same kind in pve1: only this one leaves the host, its twin stays.
    const render = new VfioBinding(this, "render", {
      host: pve1,
      devices: { card: { address: "0000:01:00" } },
    });
    const compute = new VfioBinding(this, "compute", {
      host: pve2,
      devices: { card: { address: "0000:03:00" } },
    });

    const renderVm = new PassthroughVm(this, "render-vm", {
      on: Proxmox.vm(pve1, 100),
      machine: "q35",
      pci: { hostpci0: { device: render.device("card"), pcie: true } },
    });
    new PassthroughVm(this, "compute-vm", {
      on: Proxmox.vm(pve2, 200),
      pci: { hostpci0: { device: compute.device("card"), pcie: true } },
    });

    new NullProvider(this, "null");
    new NullResource(this, "check", {
      triggers: { card: renderVm.setting("hostpci0") },
      provisioners: [{ type: "local-exec", command: "echo render-vm has its card" }],
    });
  }
}

function connection(variable: string, host: string): Connection {
  const { env } = process;
  return {
    host: env[`${variable}_HOST`] ?? host,
    port: Number(env[`${variable}_PORT`] ?? 22),
    user: "root",
    identityFile: env[`${variable}_IDENTITY_FILE`],
    hostKey: env[`${variable}_HOST_KEY`],
  };
}

const app = new App();
new Cluster(app, "cluster");
app.synth();
