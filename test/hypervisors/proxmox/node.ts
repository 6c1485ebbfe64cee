import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { HostFacts, ProxmoxFacts } from "../../../lib/model/facts";
import {
  untouched,
  type PciSlot,
  type UsbSlot,
  type VmDeclaration,
  type VmRequest,
} from "../../../lib/hypervisors/types";
import { emptyPciSlot } from "../../../lib/hypervisors/vmDescription";
import { hostFacts, pciDevice } from "../../support/facts";

/** A VM configuration as Proxmox VE writes it. */
export function golden(name: "workstation" | "plain"): string {
  return readFileSync(join(__dirname, "golden", `${name}.conf`), "utf8");
}

export interface VmOnNode {
  readonly config: string;
  readonly running?: boolean;
  readonly node?: string;
}

/** A graphics card with sound, a second one, and a network card with two ports. */
const cards = [
  pciDevice({ address: "0000:00:02.0", vendor: "8086", device: "9bc5", name: "Intel UHD 630" }),
  pciDevice({ address: "0000:01:00.0", iommuGroup: "1" }),
  pciDevice({ address: "0000:01:00.1", device: "1aef", class: "040300", iommuGroup: "1" }),
  pciDevice({ address: "0000:02:00.0", iommuGroup: "2" }),
  pciDevice({ address: "0000:03:00.0", vendor: "8086", device: "1521", class: "020000", iommuGroup: "3" }),
  pciDevice({ address: "0000:03:00.1", vendor: "8086", device: "1521", class: "020000", iommuGroup: "4" }),
];

/** Proxmox VE node `pve1` with these VMs. */
export function node(
  vms: Readonly<Record<string, VmOnNode>>,
  different: Partial<HostFacts> = {},
  proxmox: Partial<ProxmoxFacts> = {},
): HostFacts {
  return hostFacts({
    hostname: "pve1",
    devices: cards,
    ...different,
    proxmox: {
      node: "pve1",
      version: "8.2.4",
      vms: Object.fromEntries(
        Object.entries(vms).map(([id, { config, running = false, node: on = "pve1" }]) => [
          id,
          { node: on, config, digest: digestOf(config), running },
        ]),
      ),
      nodes: ["pve1"],
      containers: {},
      highlyAvailable: [],
      interfaces: ["lo", "enp5s0", "vmbr0", "vmbr1"],
      replicated: [],
      romFiles: ["vbios.bin"],
      romDigests: {},
      pciMappings: ["gpu", "nic"],
      usbMappings: ["dongle"],
      mappingFiles: { pci: "", usb: "" },
      ...proxmox,
    },
  });
}

export function digestOf(config: string): string {
  return createHash("sha1").update(config).digest("hex");
}

export function pciSlot(slot: Partial<PciSlot> = {}): PciSlot {
  return {
    ...emptyPciSlot,
    device: slot.mapping === undefined ? "0000:01:00" : null,
    ...slot,
  };
}

export function usbSlot(slot: Partial<UsbSlot> = {}): UsbSlot {
  return {
    host: null,
    mapping: null,
    spice: null,
    usb3: null,
    boot_order: null,
    startup_policy: null,
    live: null,
    ...slot,
  };
}

export function declare(declaration: Partial<VmDeclaration> = {}): VmDeclaration {
  return {
    vmId: "100",
    pci: {},
    usb: {},
    machine: null,
    cpu: null,
    bios: null,
    vga: null,
    balloon: null,
    create: null,
    bootOrder: null,
    restart: false,
    peers: [],
    provided: [],
    ...declaration,
  };
}

/** What is wanted of VM 100, which nobody touched before. */
export function request(
  facts: HostFacts,
  declaration: Partial<VmDeclaration> | null,
  more: Partial<VmRequest> = {},
): VmRequest {
  const declared = declaration && declare(declaration);
  return {
    host: "pve1",
    facts,
    vmId: declared?.vmId ?? "100",
    declaration: declared,
    record: untouched,
    ...more,
  };
}
