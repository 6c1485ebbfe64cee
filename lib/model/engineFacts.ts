/** What an oVirt or Red Hat Virtualization engine says of the VMs and hosts that matter to one VM. */
export interface EngineFacts {
  /** Of the engine's installation; null from an engine that does not tell it. */
  readonly instanceId: string | null;
  /** Such as `oVirt Engine 4.5.6`. */
  readonly product: string;
  readonly vms: readonly EngineVm[];
  readonly hosts: readonly EngineHost[];
  readonly vnicProfiles: readonly EngineVnicProfile[];
}

export interface EngineVm {
  readonly id: string;
  readonly name: string;
  /** The engine's word, such as `up` or `down`. */
  readonly status: string;
  /** `migratable`, `user_migratable` or `pinned`. */
  readonly affinity: string;
  /** Ids of the hosts that it may start on; none: any. */
  readonly pinnedTo: readonly string[];
  /** Id of the host that it runs on; null while it is down. */
  readonly runsOn: string | null;
  /** The engine itself runs in it; its agents move it, not the engine. */
  readonly isEngine: boolean;
  /** It runs with another configuration than it starts with next. */
  readonly nextRun: boolean;
  /** null: not asked for, as it is not pinned to a host in question. */
  readonly devices: readonly AttachedDevice[] | null;
  /** null: not asked for. */
  readonly nics: readonly EngineNic[] | null;
}

/** A host device in the configuration of a VM. */
export interface AttachedDevice {
  /** libvirt's name, such as `pci_0000_04_00_0`. */
  readonly name: string;
  /** The guest does not get it: it belongs to the IOMMU group of one that the guest does get. */
  readonly placeholder: boolean;
}

export interface EngineNic {
  readonly id: string;
  readonly name: string;
  /** Such as `virtio` or `pci_passthrough`. */
  readonly interface: string;
  /** Id of its vNIC profile; null without one. */
  readonly profile: string | null;
}

export interface EngineVnicProfile {
  readonly id: string;
  readonly name: string;
  /** Its NICs get a virtual function of the host's card. */
  readonly passThrough: boolean;
}

export interface EngineHost {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly address: string;
  /** Such as `Intel(R) Xeon(R) ...`. */
  readonly cpu: string;
  /** What "Kernel" of the host's dialog holds; written to the host when it is installed the next time. */
  readonly customCommandLine: string;
  /** What the host's kernel was booted with. */
  readonly reportedCommandLine: string;
  /** The engine found an IOMMU that is on; null from an engine that does not tell. */
  readonly passthrough: boolean | null;
  /** The engine may fence it: power it off when it does not answer. */
  readonly powerManagement: boolean;
  /** It may run the engine's own VM. */
  readonly hostedEngine: boolean;
  /** Its agent does not take the engine's VM. */
  readonly localMaintenance: boolean;
  /** null: not asked for. */
  readonly devices: readonly EngineDevice[] | null;
}

export interface EngineDevice {
  readonly name: string;
  /** `pci`, `usb_device`, ... */
  readonly capability: string;
  readonly group: string | null;
  /** `vvvv:dddd`; empty where unknown. */
  readonly id: string;
  readonly product: string;
  readonly driver: string;
  /** Id of the VM that runs with it. */
  readonly usedBy: string | null;
}
