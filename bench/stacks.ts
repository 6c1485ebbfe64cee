import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../lib";
import type { EmbeddedHost } from "../lib/embedded";
import { connect } from "../test/support/rig";

/** A host with three bindings and two VMs. */
export function workshop(host: EmbeddedHost, vga: string) {
  return (stack: TerraformStack): void => {
    const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), kernelParameters: ["iommu=pt"] });
    const bound = (name: string, address: string) =>
      new VfioBinding(stack, name, { host: pve1, devices: { card: { address } } });
    const gpu = bound("gpu", "0000:01:00");
    const twin = bound("twin", "0000:02:00");
    const hba = bound("hba", "0000:06:00");
    new PassthroughVm(stack, "workstation", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: gpu.device("card"), pcie: true } },
      vga,
    });
    new PassthroughVm(stack, "router", {
      on: Proxmox.vm(pve1, 101),
      pci: { hostpci0: { device: twin.device("card") }, hostpci1: { device: hba.device("card") } },
    });
  };
}
