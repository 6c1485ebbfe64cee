import type { Step } from "../model/change";
import type { HostFacts } from "../model/facts";

/** One PCI slot as the author declares it; null or left out where not set. */
export interface PciSlot {
  /** `[dddd:]bb:dd[.f]`, several joined by `;`. */
  readonly device: string | null;
  readonly mapping: string | null;
  readonly pcie: boolean | null;
  readonly rombar: boolean | null;
  readonly romfile: string | null;
  readonly x_vga: boolean | null;
  readonly mdev: string | null;
  readonly legacy_igd: boolean | null;
  readonly driver: string | null;
  readonly vendor_id: string | null;
  readonly device_id: string | null;
  readonly sub_vendor_id: string | null;
  readonly sub_device_id: string | null;
  readonly managed?: boolean | null;
  readonly rom?: boolean | null;
  readonly boot_order?: number | null;
  readonly guest_address?: string | null;
  readonly unassigned?: boolean | null;
  readonly teaming?: string | null;
  readonly live?: boolean | null;
  /** Any device of a kind, where the system of VMs picks one itself. */
  readonly request?: PciRequest | null;
  /** The device is a NIC that the system of VMs connects to a network. */
  readonly nic?: PciNic | null;
  /** Of a virtual GPU. */
  readonly profile?: string | null;
}

/** A kind of device by its ids in hex, any of them, or one function by its address `bb:dd.f`. */
export interface PciRequest {
  readonly vendor: string | null;
  readonly device: string | null;
  readonly class: string | null;
  readonly short_address: string | null;
}

/** What a passed-through NIC gets of a virtual network. */
export interface PciNic {
  readonly network: string | null;
  /** Whose network it is. */
  readonly network_uname: string | null;
  readonly mac: string | null;
  readonly ip: string | null;
  readonly ip6: string | null;
  readonly vlan_id: number | null;
}

/** One USB slot as the author declares it; null or left out where not set. */
export interface UsbSlot {
  /** `vvvv:pppp` or `bus-port[.port...]`. */
  readonly host: string | null;
  readonly mapping: string | null;
  readonly spice: boolean | null;
  readonly usb3: boolean | null;
  readonly boot_order?: number | null;
  readonly startup_policy?: string | null;
  readonly live?: boolean | null;
}

/** One network card as the author declares it; null or left out where not set. */
export interface VmNic {
  /** A vNIC profile of an engine. */
  readonly profile: string | null;
  readonly model?: string | null;
  readonly bridge?: string | null;
  readonly mac?: string | null;
  readonly vlan_id?: number | null;
  readonly trunks?: string | null;
  readonly firewall?: boolean | null;
  readonly link_down?: boolean | null;
  readonly mtu?: number | null;
  readonly queues?: number | null;
  /** Megabytes in a second. */
  readonly rate?: number | null;
}

/** What a VM that is not there yet is to be; used once, when it is made. Null where not set. */
export interface VmCreation {
  readonly name: string | null;
  readonly cores: number | null;
  /** MiB */
  readonly memory: number | null;
  readonly os_type: string | null;
  readonly storage: string | null;
  /** GiB */
  readonly disk: number | null;
  readonly bridge: string | null;
  /** Id of the VM or template that it is a copy of. */
  readonly clone: string | null;
  readonly full: boolean | null;
  readonly delete_on_destroy: boolean | null;
}

/** What an author declares of one virtual machine. A setting that is null is not ours. */
export interface VmDeclaration {
  readonly vmId: string;
  readonly pci: Readonly<Record<string, PciSlot>>;
  /** Names of the PCI slots in the order in which the VM is to have them; null where any will do. */
  readonly pciOrder?: readonly string[] | null;
  readonly usb: Readonly<Record<string, UsbSlot>>;
  readonly machine: string | null;
  readonly cpu: string | null;
  readonly bios: string | null;
  readonly vga: string | null;
  /** MiB that ballooning leaves at least; 0: no ballooning. */
  readonly balloon: number | null;
  readonly bootOrder: readonly string[] | null;
  /** null: the VM exists. */
  readonly create: VmCreation | null;
  /** Restart a running VM so that a change takes effect. */
  readonly restart: boolean;
  /** Host that the VM is pinned to, where the system of VMs places them itself. */
  readonly pinTo?: string | null;
  /** Network cards, by name: virtual ones, or on virtual functions that the system of VMs hands out itself. */
  readonly nics?: Readonly<Record<string, VmNic>>;
  /** Other VMs of the same stack: a device may move between them. */
  readonly peers: readonly string[];
  /** What the stack makes before: `pci/<mapping>`, `usb/<mapping>`, `rom/<file>`. */
  readonly provided: readonly string[];
  /** The devices that ROM files of the stack are for, by the file's name: `vvvv:dddd`, several with a space between. */
  readonly romIds?: Readonly<Record<string, string>>;
}

/** Settings by key, in the hypervisor's own words: `hostpci0` -> `0000:01:00,pcie=1`. */
export type Settings = Readonly<Record<string, string>>;

/** What we did to one VM; kept beside the state, so that a destroy can undo it. */
export interface VmRecord {
  /** The value of each key of ours before our first write; null where it had none. */
  readonly base: Readonly<Record<string, string | null>>;
  /** What we last declared: a key that has another value by now is somebody else's. */
  readonly written: Settings;
  /** We made the VM, and what a destroy does with it; absent where it was there before us. */
  readonly created?: "keep" | "delete";
}

/** How a VM stands. What counts is what is configured, also where it only takes effect at the next start. */
export interface VmView {
  readonly name: string;
  readonly node: string;
  readonly running: boolean;
  /** Why the hypervisor refuses changes now, in its own word, such as `backup`. */
  readonly locked: string | null;
  /** The wanted keys that the VM has: in the wanted text where the meaning is the same. */
  readonly settings: Settings;
  /** It runs with another value of a wanted key than is configured. */
  readonly restartPending: boolean;
}

export interface Problem {
  readonly severity: "error" | "warning";
  /** The setting it is about, such as `hostpci0`; none where it is about the VM. */
  readonly key?: string;
  /** One line. */
  readonly summary: string;
  readonly detail: string;
}

/** A PCI function that a VM has in its configuration. */
export interface Claim {
  /** `dddd:bb:dd.f`; a whole slot where no function of it is on the host. */
  readonly address: string;
  readonly vmId: string;
  readonly vmName: string;
  /** The key, such as `hostpci0`. */
  readonly slot: string;
  readonly running: boolean;
  /** The VM runs with it. A running VM may also have it for its next start only, or give it up then. */
  readonly inUse: boolean;
  /** The VM still has it at its next start. */
  readonly configured: boolean;
  /** A mediated device: several VMs may have one each. */
  readonly shared: boolean;
}

/** What is wanted of one VM, in the place that has it as that stands. */
export interface VmRequest<F = HostFacts> {
  /** Name of the host or engine in the declaration, for messages. */
  readonly host: string;
  readonly facts: F;
  readonly vmId: string;
  /** null: give back what is ours (destroy). */
  readonly declaration: VmDeclaration | null;
  readonly record: VmRecord;
  /** Nothing of it is in the state yet. */
  readonly isNew?: boolean;
}

/** One setting that changes; null where there is none. */
export interface SettingChange {
  readonly key: string;
  readonly before: string | null;
  readonly after: string | null;
}

export interface VmChange<S = Step> {
  /** Nothing to do where empty. */
  readonly steps: readonly S[];
  readonly changes: readonly SettingChange[];
  /** What to keep if every step runs; see `recordAfter`. */
  readonly record: VmRecord;
}

/**
 * One system that runs VMs. Decisions only: it reads facts and answers with steps, those of a host or those of an
 * engine that manages several.
 */
export interface Hypervisor<F = HostFacts, S = Step> {
  readonly name: string;

  /** It runs on this host, though it may not answer right now. */
  isOn(facts: F): boolean;

  /** What is wrong with a declaration whatever the host: malformed slots and values. */
  validate(declaration: VmDeclaration): Problem[];

  /**
   * The declared settings in the hypervisor's own words.
   * @throws an Error where `validate` finds one.
   */
  desired(declaration: VmDeclaration): Settings;

  /**
   * How the VM stands, of the wanted keys; null if the hypervisor knows no such VM.
   * @throws an Error where the hypervisor does not answer on this host: no answer does not mean that the VM is gone.
   */
  observe(facts: F, vmId: string, wanted: Settings): VmView | null;

  /**
   * What speaks against the request on this host. What may still pass until the change is made, such as a lock, is
   * a warning at `plan` and an error at `apply`.
   */
  problems(request: VmRequest<F>, moment: "plan" | "apply"): Problem[];

  /** Keys whose value is neither what the plan saw nor declared now: somebody changed them since. */
  changedSince(request: VmRequest<F>, seen: Settings): SettingChange[];

  /** The steps that bring the declaration about; a device that a stopped peer has is taken from it first. */
  change(request: VmRequest<F>): VmChange<S>;

  /**
   * What to keep beside the state once the change was tried, by what the host says then: a step may have failed, or
   * worked although its answer was lost.
   */
  recordAfter(request: VmRequest<F>, change: VmChange<S>, facts: F): VmRecord;

  /** Which VM has which PCI function of this host. */
  claims(facts: F): Claim[];
}

/** A VM that we have not touched. */
export const untouched: VmRecord = { base: {}, written: {} };
