import { Token, Tokenization, type IResolvable } from "cdktf";
import type { Construct } from "constructs";
import { hypervisorTakes, vmSchema, type ConfigOf, type HypervisorTakes, type VmNic } from "../schema";
import { BoundDevice } from "./BoundDevice";
import * as errors from "./errors";
import { requireStackOf } from "./names";
import { PassthroughResource, type PassthroughResourceProps } from "./PassthroughResource";
import {
  checkPciSlots,
  checkTaken,
  checkUsbSlots,
  literalAddress,
  pciSlots,
  providedFor,
  resolvedAddress,
  claimBoundElsewhere,
  resolvedFunctions,
  romIdsOf,
  slotClaims,
  usbClaims,
  usbSlots,
  type AddressOf,
  type PciSlotProps,
  type Provided,
  type UsbSlotProps,
} from "./slots";
import * as valid from "./validation";
import type { VmTarget } from "./VmTarget";

/** A VM that is not there yet. */
export interface VmCreationProps {
  /** Name of the VM, as a DNS name. */
  readonly name: string;
  /**
   * Number of cores.
   * @default one; of a clone, its original's
   */
  readonly cores?: number;
  /**
   * MiB of memory.
   * @default 512; of a clone, its original's
   */
  readonly memory?: number;
  /**
   * OS type of Proxmox VE, such as `win11`.
   * @default "l26"; of a clone, its original's
   */
  readonly osType?: string;
  /**
   * Storage of its disks, such as `local-lvm`.
   * @default no disk; of a clone, its original's
   */
  readonly storage?: string;
  /**
   * GiB of a disk `scsi0` on that storage.
   * @default none
   */
  readonly disk?: number;
  /**
   * Bridge of a virtio network card `net0`, such as `vmbr0`.
   * @default no network card; of a clone, its original's
   */
  readonly bridge?: string;
  /**
   * Id of the VM or template of the same node that it is a copy of.
   * @default a new VM
   */
  readonly clone?: number | string;
  /**
   * Copy the disks of a template too, and do not build on them.
   * @default what Proxmox VE does: a template's disks are built on
   */
  readonly full?: boolean;
  /**
   * A destroy deletes the VM with its disks, unless it runs.
   * @default false: the VM stays, without our settings
   */
  readonly deleteOnDestroy?: boolean;
}

export interface PassthroughVmProps extends PassthroughResourceProps {
  /** The existing VM, such as `Proxmox.vm(host, 100)`; its host is of the same stack. */
  readonly on: VmTarget;
  /**
   * PCI devices by slot: `hostpci0` to `hostpci15` with Proxmox VE, elsewhere names of your own such as `gpu`. Other
   * slots of the VM stay as they are.
   * @default none
   */
  readonly pci?: Readonly<Record<string, PciSlotProps>>;
  /**
   * USB devices by slot: `usb0` to `usb13` with Proxmox VE, elsewhere names of your own. Other slots of the VM stay as
   * they are.
   * @default none
   */
  readonly usb?: Readonly<Record<string, UsbSlotProps>>;
  /**
   * Machine type, such as `q35`.
   * @default left as it is
   */
  readonly machine?: string;
  /**
   * CPU type, such as `host`.
   * @default left as it is
   */
  readonly cpu?: string;
  /**
   * Firmware.
   * @default left as it is
   */
  readonly bios?: "ovmf" | "seabios";
  /**
   * Virtual display, such as `none`.
   * @default left as it is
   */
  readonly vga?: string;
  /**
   * MiB that ballooning leaves the guest at least; 0 switches ballooning off. A VM with a PCI device keeps all its
   * memory, so anything else has no effect there.
   * @default left as it is
   */
  readonly balloon?: number;
  /**
   * Boot devices in order, such as `hostpci0`.
   * @default left as it is
   */
  readonly bootOrder?: readonly string[];
  /**
   * Network cards of the VM by name: with Proxmox VE `net0` to `net31` on a bridge, beside those that are passed
   * through; with oVirt each a virtual function that the engine picks from a card of the host. Other network cards of the
   * VM stay as they are, and so does what is not declared of one.
   * @default none
   */
  readonly nics?: Readonly<Record<string, PassthroughNic>>;
  /**
   * Make the VM where it is not there yet. Used once: changes of it do nothing to a VM that is there, and one that was
   * there before is never taken for it. Proxmox VE only.
   * @default the VM exists
   */
  readonly create?: VmCreationProps;
  /**
   * Restart the VM if it runs, so that a change takes effect at once and not at its next start.
   * @default false
   */
  readonly restart?: boolean;
}

/** One network card. oVirt takes `profile`, Proxmox VE the others; what is left out of one that is there stays as it is. */
export interface PassthroughNic {
  /**
   * Name or id of a vNIC profile with passthrough.
   * @default none; oVirt needs it
   */
  readonly profile?: string;
  /**
   * Model, such as `virtio` or `e1000`.
   * @default left as it is; "virtio" of a new one
   */
  readonly model?: string;
  /**
   * Bridge that it is on, such as `vmbr0`.
   * @default left as it is
   */
  readonly bridge?: string;
  /**
   * MAC address.
   * @default left as it is; Proxmox VE makes one for a new card
   */
  readonly mac?: string;
  /**
   * VLAN that the bridge tags for it.
   * @default left as it is
   */
  readonly vlanId?: number;
  /**
   * VLANs that the guest tags, and ranges of them, such as `7;20-30`.
   * @default left as it is
   */
  readonly trunks?: string;
  /**
   * The VM's firewall filters it.
   * @default left as it is
   */
  readonly firewall?: boolean;
  /**
   * Its cable is pulled.
   * @default left as it is
   */
  readonly linkDown?: boolean;
  /**
   * MTU of a `virtio` card; 1 for the bridge's.
   * @default left as it is
   */
  readonly mtu?: number;
  /**
   * Number of packet queues, up to 64.
   * @default left as it is
   */
  readonly queues?: number;
  /**
   * Limit in megabytes per second.
   * @default left as it is
   */
  readonly rate?: number;
}

type Declared = ConfigOf<typeof vmSchema.attributes>;

/** The PCI and USB devices of one existing virtual machine. */
export class PassthroughVm extends PassthroughResource<typeof vmSchema.attributes> {
  readonly target: VmTarget;
  readonly #props: PassthroughVmProps;
  readonly #provided: readonly Provided[];

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, props: PassthroughVmProps) {
    super(scope, id, vmSchema, props);
    const { path } = this.node;
    const { host, vmId, pinTo } = props.on;
    requireStackOf(host, this);
    checkProps(path, props);
    this.#props = props;
    this.target = props.on;
    this.#provided = providedFor(props.pci ?? {}, props.usb ?? {});
    for (const provided of this.#provided) provided._addUser(vmId);
    for (const { device } of Object.values(props.pci ?? {}))
      if (device instanceof BoundDevice) device.binding._addUser?.(vmId);
    host._addGuest({
      vmId,
      path,
      pinTo,
      claims: [...slotClaims(path, host, props.pci ?? {}), ...usbClaims(path, props.usb ?? {})],
    });
    // A template only asks: the VMs made of it get whatever is free then.
    if (!vmId.startsWith("template:")) claimBoundElsewhere(path, host, props.pci ?? {});
  }

  /** Our settings of the VM in the hypervisor's own words, by key. */
  get settings(): Record<string, string> {
    return this.getStringMapAttribute("settings");
  }

  /** One of them, such as `setting("hostpci0")`. */
  setting(key: string): string {
    return Token.asString(this.interpolationForAttribute(`settings[${JSON.stringify(key)}]`));
  }

  /** This declaration made the VM. */
  get created(): IResolvable {
    return this.getBooleanAttribute("created");
  }

  /** The VM runs with other settings than configured until its next start. */
  get restartPending(): IResolvable {
    return this.getBooleanAttribute("restart_pending");
  }

  /** The cluster node that has the VM. */
  get clusterNode(): string {
    return this.getStringAttribute("node");
  }

  protected override predecessors(): readonly string[] {
    const bindings = Object.values(this.#props.pci ?? {}).flatMap(({ device }) =>
      device instanceof BoundDevice ? [device.binding.fqn] : [],
    );
    const { _event: event } = this.target.host;
    return [...(event === undefined ? [] : [event]), ...bindings, ...this.#provided.map(({ fqn }) => fqn)];
  }

  protected override declared(): Declared {
    return this.#declared(this.target.hypervisor === "opennebula" ? resolvedFunctions : resolvedAddress);
  }

  protected override imported(): Declared {
    return this.#declared(literalAddress);
  }

  #declared(addressOf: AddressOf): Declared {
    const { on, pci, usb, machine, cpu, bios, vga, balloon, bootOrder, nics, create, restart } = this.#props;
    const peers = on.host._peersOf(on.vmId);
    const roms = romIdsOf(pci ?? {});
    return {
      host: on.host.name,
      hypervisor: on.hypervisor,
      vm_id: on.vmId,
      pci: pci && pciSlots(pci, addressOf),
      pci_order: on.hypervisor === "opennebula" && pci ? Object.keys(pci) : undefined,
      usb: usb && usbSlots(usb),
      machine,
      cpu,
      bios,
      vga,
      balloon,
      boot_order: bootOrder && [...bootOrder],
      pin_to: on.pinTo,
      nics: nics && vmNics(nics),
      create: create && creationOf(create),
      restart,
      peers: peers.length > 0 ? peers : undefined,
      provided:
        this.#provided.length > 0 ? [...new Set(this.#provided.map(({ provides }) => provides))] : undefined,
      rom_ids: Object.keys(roms).length > 0 ? roms : undefined,
    };
  }
}

function creationOf({ osType, deleteOnDestroy, clone, ...props }: VmCreationProps) {
  return {
    ...{ name: props.name, cores: props.cores ?? null, memory: props.memory ?? null },
    ...{ storage: props.storage ?? null, disk: props.disk ?? null, bridge: props.bridge ?? null },
    os_type: osType ?? null,
    clone: typeof clone === "number" ? Tokenization.stringifyNumber(clone) : (clone ?? null),
    full: props.full ?? null,
    delete_on_destroy: deleteOnDestroy ?? null,
  };
}

function vmNics(nics: Readonly<Record<string, PassthroughNic>>): Record<string, VmNic> {
  const written = ({ vlanId, linkDown, ...nic }: PassthroughNic): VmNic => ({
    ...{ profile: nic.profile ?? null, model: nic.model ?? null, bridge: nic.bridge ?? null },
    ...{ mac: nic.mac ?? null, vlan_id: vlanId ?? null, trunks: nic.trunks ?? null },
    ...{ firewall: nic.firewall ?? null, link_down: linkDown ?? null, mtu: nic.mtu ?? null },
    ...{ queues: nic.queues ?? null, rate: nic.rate ?? null },
  });
  return Object.fromEntries(Object.entries(nics).map(([name, nic]) => [name, written(nic)]));
}

function checkNic(where: string, nic: PassthroughNic, { title, nicRequired = [] }: HypervisorTakes): void {
  for (const option of nicRequired)
    if (nic[option as keyof PassthroughNic] === undefined) throw errors.nicWithout(where, option, title);
  valid.check(valid.isEngineName, `${where}.profile`, nic.profile);
  for (const option of ["model", "bridge", "trunks"] as const)
    valid.check(valid.isVmValue, `${where}.${option}`, nic[option]);
  valid.check(valid.isStationMac, `${where}.mac`, nic.mac);
  valid.check(valid.isVlanId, `${where}.vlanId`, nic.vlanId);
}

function checkProps(path: string, props: PassthroughVmProps): void {
  const at = (prop: string): string => `${path}: ${prop}`;
  const { pci = {}, usb = {} } = props;
  const takes = hypervisorTakes[props.on.hypervisor];
  const { machine, cpu, bios, vga, balloon, bootOrder, nics, create, restart } = props;
  checkTaken(path, takes, {
    ...{ pci: pciSlots(pci, () => ""), usb: usbSlots(usb) },
    ...{ machine, cpu, bios, vga, balloon, boot_order: bootOrder && [...bootOrder], restart },
    ...{ nics: nics && vmNics(nics), create: create && creationOf(create) },
  });
  checkPciSlots(path, pci, machine, takes);
  checkUsbSlots(path, usb, takes);
  for (const [name, { device, romfile, nic }] of Object.entries(pci)) {
    if (typeof romfile === "object" && romfile.host !== props.on.host) {
      const hosts = [romfile.host.node.path, props.on.host.node.path] as const;
      throw errors.otherHost(at(`pci.${name}`), `the ROM file ${romfile.slotValue}`, ...hosts);
    }
    if (typeof nic?.network === "object" && nic.network.frontEnd !== props.on.host) {
      const hosts = [nic.network.frontEnd.node.path, props.on.host.node.path] as const;
      throw errors.otherHost(at(`pci.${name}.nic`), `the network ${nic.network.slotValue}`, ...hosts);
    }
    if (device instanceof BoundDevice && !props.on.host._reaches(device.binding.host)) {
      const hosts = [device.binding.host.node.path, props.on.host.node.path] as const;
      throw errors.otherHost(at(`pci.${name}`), device.toString(), ...hosts);
    }
  }
  valid.check(valid.isVmValue, at("machine"), props.machine);
  valid.check(valid.isVmValue, at("cpu"), props.cpu);
  valid.check(valid.isBios, at("bios"), props.bios);
  valid.check(valid.isVmValue, at("vga"), props.vga);
  valid.check(valid.isMebibytes, at("balloon"), props.balloon);
  valid.checkAll(valid.isVmValue, at("bootOrder"), props.bootOrder);
  for (const [name, nic] of Object.entries(nics ?? {})) checkNic(at(`nics.${name}`), nic, takes);
}
