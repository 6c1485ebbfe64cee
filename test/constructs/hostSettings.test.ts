import type { HostSettings } from "../../lib";
import { fakeBundles, messageOf, newHost, newStack, synth } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

test("every setting reaches the resource by its name", () => {
  const stack = newStack();
  newHost(stack, "pve1", {
    iommuMode: "passthrough",
    acsOverride: ["downstream", "id:8086:a110"],
    hugepages: { pools: { "1G": 16 } },
    kvm: { ignoreMsrs: true },
    disableVga: true,
    disabledModules: ["nouveau"],
    initramfsModules: ["nvme"],
    dracutDrivers: { load: ["vfio-pci"] },
  });

  expect(synth(stack).resource["passthrough_iommu_host"]?.["pve1"]).toMatchObject({
    iommu_mode: "passthrough",
    acs_override: ["downstream", "id:8086:a110"],
    hugepages: { pools: { "1G": 16 } },
    kvm: { ignore_msrs: true },
    disable_vga: true,
    disabled_modules: ["nouveau"],
    initramfs_modules: ["nvme"],
    dracut_drivers: { load: ["vfio-pci"] },
  });
});

test.each<[Record<string, unknown>, string]>([
  [{ iommuMode: "pt" }, 'iommuMode: "pt" is not supported. Expected one of'],
  [
    { acsOverride: ["downstream,quiet"] },
    'acsOverride: "downstream,quiet" is nothing that ACS can be overridden for',
  ],
  [{ acsOverride: [] }, "acsOverride is empty"],
  [{ hugepages: {} }, "hugepages names no page"],
  [{ hugepages: { pools: { "1G; reboot": 1 } } }, 'hugepages.pools: "1G; reboot" is not the size of a page'],
  [{ hugepages: { pools: { "1G": -1 } } }, 'hugepages.pools["1G"]: -1 is not a number of pages'],
  [{ hugepages: { defaultSize: "huge" } }, 'hugepages.defaultSize: "huge" is not the size of a page'],
  [{ disabledModules: ["vfio-pci"] }, 'disabledModules: "vfio-pci" is what holds devices'],
  [{ initramfsModules: ["a\nb"] }, "initramfsModules"],
  [{ dracutDrivers: { blacklist: ["$(id)"] } }, "dracutDrivers.blacklist"],
])("%j is refused", (settings, words) => {
  expect(messageOf(() => newHost(newStack(), "pve1", settings as HostSettings))).toContain(words);
});
