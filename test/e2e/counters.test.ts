/** What it costs a host to be managed: counted on the host, with the real Terraform. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, Rig } from "../support/rig";

jest.setTimeout(240_000);

/** Three bindings and two VMs. */
function workshop(host: EmbeddedHost, vga?: string) {
  return (stack: TerraformStack) => {
    const pve1 = new IommuHost(stack, "pve1", { connection: connect(host), kernelParameters: ["iommu=pt"] });
    const bound = (name: string, address: string) =>
      new VfioBinding(stack, name, { host: pve1, devices: { card: { address } } });
    const gpu = bound("gpu", "0000:01:00");
    const twin = bound("twin", "0000:02:00");
    const hba = bound("hba", "0000:06:00");
    new PassthroughVm(stack, "workstation", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: gpu.device("card"), pcie: true } },
      ...(vga === undefined ? {} : { vga }),
    });
    new PassthroughVm(stack, "router", {
      on: Proxmox.vm(pve1, 101),
      pci: { hostpci0: { device: twin.device("card") }, hostpci1: { device: hba.device("card") } },
    });
  };
}

describe("a host with three bindings and two VMs", () => {
  const rig = new Rig();
  let host: EmbeddedHost;

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    await rig.stack(workshop(host));
    await rig.apply();
  });
  afterAll(() => rig.close());

  test("a plan with nothing to do is one connection and one command", async () => {
    host.resetCounters();
    const { changes } = await rig.tf.plan();
    expect(changes).toBe(false);
    expect(host.counters()).toEqual({ connections: 1, commands: 1, reboots: 0 });
  });

  test("an apply with nothing to do asks no more than its plan", async () => {
    host.resetCounters();
    await rig.apply();
    expect(host.counters()).toEqual({ connections: 1, commands: 1, reboots: 0 });
  });

  test("changing one resource adds two commands: it is looked at once more, and changed and read back in one", async () => {
    await rig.stack(workshop(host, "none"));
    host.resetCounters();
    const output = await rig.apply();
    expect(output).toContain("1 changed");
    // Terraform plans and applies with two processes of the provider.
    expect(host.counters()).toEqual({ connections: 2, commands: 1 + 2, reboots: 0 });
  });
});
