import type { HostSettings } from "../model/hostSettings";
import type { IommuHostState } from "../schema";

/** Where each setting stands. */
export const settingAttributes = {
  iommuMode: "iommu_mode",
  acsOverride: "acs_override",
  hugepages: "hugepages",
  kvm: "kvm",
  disableVga: "disable_vga",
  disabledModules: "disabled_modules",
  initramfsModules: "initramfs_modules",
  dracutDrivers: "dracut_drivers",
} as const satisfies Record<keyof HostSettings, keyof IommuHostState>;

export function settingsOf(state: IommuHostState): HostSettings {
  const { hugepages, kvm } = state;
  return {
    iommuMode: state.iommu_mode,
    acsOverride: state.acs_override,
    hugepages: hugepages && { defaultSize: hugepages.default_size, pools: hugepages.pools },
    kvm: kvm && {
      ignoreMsrs: kvm.ignore_msrs,
      reportIgnoredMsrs: kvm.report_ignored_msrs,
      nested: kvm.nested,
    },
    disableVga: state.disable_vga,
    disabledModules: state.disabled_modules,
    initramfsModules: state.initramfs_modules,
    dracutDrivers: state.dracut_drivers,
  };
}
