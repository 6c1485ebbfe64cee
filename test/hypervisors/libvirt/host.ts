import type { HostFacts, LibvirtDomainFacts } from "../../../lib/model/facts";
import type { PciSlot, UsbSlot, VmDeclaration, VmRequest } from "../../../lib/hypervisors/types";
import { hostFacts, pciDevice } from "../../support/facts";
import * as proxmox from "../proxmox/node";

export const pciSlot = (slot: Partial<PciSlot> = {}): PciSlot =>
  proxmox.pciSlot({ device: "mdev" in slot ? null : "0000:01:00", ...slot });
export const usbSlot = (slot: Partial<UsbSlot> = {}): UsbSlot => proxmox.usbSlot(slot);

/** A PCI device as libvirt writes it. */
export const hostdev = (
  address: string,
  more: { alias?: string; managed?: string; inside?: string } = {},
) => {
  const [, bus = "", slot = "", fn = ""] = /^0000:(..):(..)\.(.)$/.exec(address) ?? [];
  return `<hostdev mode='subsystem' type='pci' managed='${more.managed ?? "yes"}'>
      <source>
        <address domain='0x0000' bus='0x${bus}' slot='0x${slot}' function='0x${fn}'/>
      </source>
      ${more.alias === undefined ? "" : `<alias name='${more.alias}'/>`}${more.inside ?? ""}
      <address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/>
    </hostdev>`;
};

/** Both functions of the card in a slot of ours. */
export const card = (slot = "gpu") =>
  [0, 1].map((fn) => hostdev(`0000:01:00.${fn}`, { alias: `ua-cdktf-${slot}_${fn}` })).join("\n");

export interface DomainOnHost {
  readonly devices?: string;
  /** What it runs with; not running where it is not there. */
  readonly live?: string;
  readonly os?: string;
  readonly memory?: number;
  readonly current?: number;
  readonly persistent?: boolean;
  readonly autostart?: boolean;
}

export const uuidOf = (at: number) => `00000000-0000-4000-8000-${String(at).padStart(12, "0")}`;

export function definition(name: string, at: number, devices: string, domain: DomainOnHost = {}): string {
  const { os = "", memory = 4194304, current = memory } = domain;
  const escaped = name.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  return `<domain type='kvm'>
  <name>${escaped}</name>
  <uuid>${uuidOf(at)}</uuid>
  <memory unit='KiB'>${memory}</memory>
  <currentMemory unit='KiB'>${current}</currentMemory>
  <os>${os}</os>
  <devices>
    <disk type='file' device='disk'><source file='/a'/><target dev='vda'/><boot order='1'/></disk>
    ${devices}
    <memballoon model='virtio'/>
  </devices>
</domain>`;
}

const devices = [
  pciDevice({ address: "0000:00:01.0", class: "060400", bridge: true, iommuGroup: "1", driver: "pcieport" }),
  pciDevice({ address: "0000:01:00.0", iommuGroup: "1", driver: "vfio-pci" }),
  pciDevice({ address: "0000:01:00.1", iommuGroup: "1", driver: "vfio-pci", class: "040300" }),
  pciDevice({ address: "0000:02:00.0", iommuGroup: "2", driver: "vfio-pci", class: "010802" }),
  pciDevice({ address: "0000:03:00.0", iommuGroup: "3", driver: "igb", class: "020000" }),
  pciDevice({ address: "0000:03:00.1", iommuGroup: "3", driver: "igb", class: "020000" }),
];

/** A host `kvm1` with these domains. */
export function kvm(
  domains: Readonly<Record<string, DomainOnHost>>,
  different: Partial<HostFacts> = {},
): HostFacts {
  return hostFacts({
    hostname: "kvm1",
    devices,
    memory: 64 * 1024 * 1024,
    usbDevices: [{ port: "1-4", id: "046d:c52b", hub: false, number: 5, name: "Receiver" }],
    ...different,
    libvirt: {
      complaint: null,
      domains: Object.fromEntries(
        Object.entries(domains).map(([name, domain], at): [string, LibvirtDomainFacts] => [
          name,
          {
            uuid: uuidOf(at),
            configured: definition(name, at, domain.devices ?? "", domain),
            live: domain.live === undefined ? null : definition(name, at, domain.live, domain),
            persistent: domain.persistent ?? true,
            autostart: domain.autostart ?? false,
          },
        ]),
      ),
      ...different.libvirt,
    },
  });
}

/** What is wanted of domain `web`, which nobody touched before. */
export function request(
  facts: HostFacts,
  declaration: Partial<VmDeclaration> | null,
  more: Partial<VmRequest> = {},
): VmRequest {
  return {
    ...proxmox.request(facts, declaration && { vmId: "web", ...declaration }),
    host: "kvm1",
    vmId: "web",
    ...more,
  };
}
