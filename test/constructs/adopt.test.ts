import { TerraformVariable } from "cdktf";
import { PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import { completeSelector } from "../../lib/schema";
import { fakeBundles, newHost, newStack, synth } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

test("the import block carries the whole declaration, also what is declared after it", () => {
  const stack = newStack();
  const host = newHost(stack, "pve1", { adopt: true, kernelParameters: ["iommu=pt"] });
  const gpu = new VfioBinding(stack, "gpu", {
    host,
    adopt: true,
    devices: { card: { address: "0000:01:00" } },
  });
  new PassthroughVm(stack, "vm", {
    on: Proxmox.vm(host, 100),
    adopt: true,
    usb: { usb0: { host: "1-2" } },
    // Its resolved address is not known before the import.
    pci: { hostpci0: { device: gpu.device("card") } },
  });

  const imports = synth(stack).import?.map(({ id, to }) => [to, JSON.parse(id)]);

  const card = completeSelector({ address: "0000:01:00" });
  expect(Object.fromEntries(imports ?? [])).toEqual({
    "passthrough_iommu_host.pve1": {
      host: "pve1",
      owner: "stack/pve1",
      kernel_parameters: ["iommu=pt"],
      devices: { "gpu/card": { ...card, live_rebind: null } },
    },
    "passthrough_vfio_binding.gpu": {
      host: "pve1",
      name: "gpu",
      devices: { card },
    },
    "passthrough_vm.vm": {
      host: "pve1",
      hypervisor: "proxmox",
      vm_id: "100",
      pci: {
        hostpci0: expect.objectContaining({ device: "0000:01:00", mapping: null, sub_device_id: null }),
      },
      usb: { usb0: expect.objectContaining({ host: "1-2", mapping: null, spice: null, usb3: null }) },
    },
  });
});

test("no import block without being asked", () => {
  const stack = newStack();
  newHost(stack, "pve1");

  expect(synth(stack).import).toBeUndefined();
});

test("a value that comes from elsewhere is encoded by Terraform", () => {
  const stack = newStack();
  newHost(stack, "pve1", {
    adopt: true,
    kernelParameters: [new TerraformVariable(stack, "p", {}).stringValue],
  });

  expect(synth(stack).import?.map(({ id }) => id)).toEqual([
    '${jsonencode({"host" = "pve1", "owner" = "stack/pve1", "kernel_parameters" = [var.p]})}',
  ]);
});
