import type { TerraformStack } from "cdktf";
import { LibvirtDeviceAccess, VfioBinding, VirtualFunctions, type IommuHost } from "../../lib";
import { messageOf, newHost, newStack, synth } from "./support";

let stack: TerraformStack;
let kvm1: IommuHost;
let cards: VfioBinding;
beforeEach(() => {
  stack = newStack();
  kvm1 = newHost(stack, "kvm1");
  cards = new VfioBinding(stack, "cards", { host: kvm1, devices: { gpu: { address: "0000:01:00" } } });
});

const access = (of: readonly (VfioBinding | VirtualFunctions)[], id = "nodes", adopt = false) =>
  new LibvirtDeviceAccess(stack, id, { host: kvm1, of, adopt });

test("it has the groups of every binding, once those are known, and waits for the host's event", () => {
  const fast = new VirtualFunctions(stack, "fast", { host: kvm1, of: "0000:05:00.1", count: 2 });
  access([cards, fast], "nodes", true);
  const { resource, import: imports } = synth(stack);
  expect(resource["passthrough_libvirt_device_access"]?.["nodes"]).toMatchObject({
    host: "kvm1",
    groups:
      "${merge(passthrough_vfio_binding.cards.iommu_groups, passthrough_virtual_functions.fast.iommu_groups)}",
    depends_on: [
      expect.stringContaining("reboot"),
      "passthrough_vfio_binding.cards",
      "passthrough_virtual_functions.fast",
    ],
  });
  // An import must be known at plan.
  expect(imports).toEqual([
    { id: JSON.stringify({ host: "kvm1", groups: {} }), to: "passthrough_libvirt_device_access.nodes" },
  ]);
});

test("nothing, another host's devices and a second list of a host are refused", () => {
  expect(messageOf(() => access([]))).toMatch(/nodes: of is empty/);
  const kvm2 = newHost(stack, "kvm2");
  const elsewhere = new VfioBinding(stack, "other", {
    host: kvm2,
    devices: { gpu: { address: "0000:01:00" } },
  });
  expect(messageOf(() => access([cards, elsewhere], "mixed"))).toMatch(
    /mixed: .*other is of another host than .*kvm1/,
  );
  access([cards], "first");
  expect(messageOf(() => access([cards], "second"))).toMatch(/first and .*second both keep the device nodes/);
  new LibvirtDeviceAccess(stack, "third", { host: kvm2, of: [elsewhere] });
});
