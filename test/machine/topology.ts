/** What stands in the emulated machines, as QEMU's arguments, and where the host sees it. */

export type Processor = "intel" | "amd";

/** The cards that scenarios hand over, by the address that the host gives them. */
export interface Places {
  /** Two NVMe controllers that only their slot tells apart. */
  readonly twin: string;
  readonly otherTwin: string;
  /** 8086:10d3 */
  readonly nic: string;
  readonly usb: string;
  /** Picture and sound: two functions of a slot. */
  readonly picture: string;
  readonly sound: string;
  /** Two cards behind a bridge to conventional PCI: one IOMMU group. */
  readonly conventional: string;
  readonly conventionalSibling: string;
}

interface Topology {
  readonly iommu: readonly string[];
  readonly places: Places;
  readonly cards: (disk: (name: string) => string) => readonly string[];
}

export const topologies: Readonly<Record<Processor, Topology>> = {
  /** Each card behind a root port of its own, so that each has its own bus and IOMMU group. */
  intel: {
    iommu: ["-device", "intel-iommu,intremap=on,caching-mode=on"],
    places: {
      twin: "0000:01:00.0",
      otherTwin: "0000:02:00.0",
      nic: "0000:03:00.0",
      usb: "0000:04:00.0",
      conventional: "0000:06:01.0",
      conventionalSibling: "0000:06:02.0",
      picture: "0000:07:00.0",
      sound: "0000:07:00.1",
    },
    cards: (disk) => [
      ...[...rootPort(1, 0x10), ...nvme("twin-a", disk("twin-a"), "bus=port1")],
      ...[...rootPort(2, 0x11), ...nvme("twin-b", disk("twin-b"), "bus=port2")],
      ...[...rootPort(3, 0x12), ...nic("bus=port3")],
      ...[...rootPort(4, 0x13), ...["-device", "qemu-xhci,bus=port4"]],
      ...[...rootPort(5, 0x14), ...conventional(["e1000,mac=52:54:00:aa:00:02,romfile=", "edu"])],
      ...[...rootPort(6, 0x15), ...graphics("bus=port6,addr=0")],
      // Several controllers may lead to its disk, so the kernel shows the disk below none of them.
      ...[...rootPort(7, 0x16), ...["-device", "nvme-subsys,id=subsystem,nqn=bench"]],
      ...["-device", "nvme,id=multipath,serial=multipath,bus=port7,subsys=subsystem"],
      ...["-drive", `if=none,id=shared,format=raw,file=${disk("shared")}`],
      ...["-device", "nvme-ns,bus=multipath,drive=shared,nsid=1"],
    ],
  },
  /** QEMU's AMD IOMMU translates for bus 0 alone: whatever does DMA stands there. */
  amd: {
    iommu: ["-device", "amd-iommu,intremap=on"],
    places: {
      twin: "0000:00:10.0",
      otherTwin: "0000:00:11.0",
      nic: "0000:00:12.0",
      usb: "0000:00:13.0",
      conventional: "0000:02:01.0",
      conventionalSibling: "0000:02:02.0",
      picture: "0000:00:15.0",
      sound: "0000:00:15.1",
    },
    cards: (disk) => [
      ...nvme("twin-a", disk("twin-a"), "addr=0x10"),
      ...nvme("twin-b", disk("twin-b"), "addr=0x11"),
      ...nic("addr=0x12"),
      ...["-device", "qemu-xhci,addr=0x13"],
      ...[...rootPort(5, 0x14), ...conventional(["edu", "edu"])],
      ...graphics("addr=0x15"),
    ],
  },
};

export function rootPort(number: number, slot: number): string[] {
  const place = `chassis=${number},slot=${number},addr=0x${slot.toString(16)}`;
  return ["-device", `pcie-root-port,id=port${number},${place}`];
}

/** At `place`: a bus or a slot, in QEMU's words. */
export function nvme(serial: string, file: string, place: string): string[] {
  return [
    ...["-drive", `if=none,id=${serial},format=raw,file=${file}`],
    ...["-device", `nvme,serial=${serial},drive=${serial},${place}`],
  ];
}

function nic(place: string): string[] {
  return ["-device", `e1000e,mac=52:54:00:aa:00:01,romfile=,${place}`];
}

function graphics(place: string): string[] {
  return ["-device", `secondary-vga,multifunction=on,${place}.0`, "-device", `intel-hda,${place}.1`];
}

/** Behind a bridge to conventional PCI nothing can be told apart. */
function conventional(cards: readonly string[]): string[] {
  return [
    ...["-device", "pcie-pci-bridge,id=conventional,bus=port5"],
    ...cards.flatMap((card, at) => ["-device", `${card},bus=conventional,addr=${at + 1}`]),
  ];
}
