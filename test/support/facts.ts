import type { HostFacts, PciDevice } from "../../lib/model/facts";

/** A PCI device with everything a test does not care about filled in. */
export function pciDevice(device: Partial<PciDevice> & { address: string }): PciDevice {
  return {
    vendor: "10de",
    device: "2204",
    subsystemVendor: "1043",
    subsystemDevice: "87b3",
    class: "030000",
    revision: "a1",
    path: ["0000:00:01.0", device.address],
    bridge: false,
    driver: null,
    driverOverride: null,
    iommuGroup: null,
    reservedRegions: [],
    bootVga: false,
    modalias: "",
    serial: null,
    pcieSerial: null,
    macs: [],
    physicalFunction: null,
    resetMethods: ["flr"],
    name: "NVIDIA Corporation GA102 [GeForce RTX 3090]",
    ...device,
  };
}

/** A Debian host with GRUB and an Intel CPU whose IOMMU is off. */
export function hostFacts(facts: Partial<HostFacts> = {}): HostFacts {
  return {
    machineId: "0123456789abcdef0123456789abcdef",
    hostname: "deb1",
    bootId: "boot-1",
    architecture: "x86_64",
    kernel: {
      release: "6.1.0-18-amd64",
      commandLine: "root=/dev/sda1 ro quiet",
      next: "6.1.0-18-amd64",
      installed: ["6.1.0-18-amd64"],
    },
    distribution: { id: "debian", idLike: [], versionId: "12", prettyName: "Debian GNU/Linux 12 (bookworm)" },
    cpu: { vendor: "intel", virtualization: true },
    firmware: { efi: true, iommuTable: "DMAR", product: "Dell Inc. PowerEdge" },
    iommuUnits: [],
    bootLoaders: { updateGrub: true, proxmoxBootTool: false, proxmoxBootUuids: [], espModes: {} },
    bootEvidence: {
      programs: [],
      grubMenus: [],
      blsEnabled: false,
      loader: "",
      stub: "",
      images: {},
      packages: {},
      rootReadOnly: false,
      ostree: false,
      variant: "",
    },
    initramfsTools: ["initramfs-tools"],
    missingTools: [],
    modules: {},
    builtinModules: [],
    devices: [],
    critical: [],
    unresolved: [],
    files: {},
    scriptLines: [],
    grubForeign: { linux: "", linuxDefault: "quiet" },
    record: null,
    pending: [],
    proxmox: null,
    memory: 64 * 1024 * 1024,
    usbDevices: [],
    libvirt: null,
    opennebula: null,
    ...facts,
  } as HostFacts;
}
