import type { DeviceKind } from "./deviceKinds";
import type { Judgement } from "./judgement";
import type { Role } from "./roles";

/** What the picture shows, before anything of it has a place. */
export interface Picture {
  readonly title: string;
  readonly hosts: readonly HostView[];
}

export interface HostView {
  readonly name: string;
  /** System, kernel, machine, IOMMU; in words. */
  readonly about: readonly string[];
  /** Why the plan reboots it; null where it does not, or no plan is drawn. */
  readonly reboot: string | null;
  /** What else to know, in words. */
  readonly notes: readonly string[];
  /** One: the host as it is. Two: before and after the apply. */
  readonly sides: readonly SideView[];
}

export interface SideView {
  /** null where there is only one. */
  readonly title: string | null;
  readonly buses: readonly BusView[];
  readonly vms: readonly VmView[];
  readonly counts: Readonly<Record<Role, number>>;
  /** Devices that the plan changes. */
  readonly changes: number;
}

/** What hangs below one root of the PCI tree. */
export interface BusView {
  readonly title: string;
  readonly trees: readonly TreeView[];
  /** Groups of bridges with nothing else below them. */
  readonly idle: readonly GroupView[];
}

/** Groups that hang together, and which hangs below which. */
export interface TreeView {
  readonly groups: readonly GroupView[];
  readonly edges: readonly { readonly from: string; readonly to: string }[];
}

export interface GroupView {
  readonly key: string;
  /** `Group 14`; `Slot 0000:01:00` where there is no group, or none is known. */
  readonly title: string;
  readonly devices: readonly DeviceView[];
}

export interface DeviceView extends Judgement {
  readonly address: string;
  readonly kind: DeviceKind;
  /** The role in two words, such as `VM 100`. */
  readonly badge: string;
  readonly bridge: boolean;
  readonly name: string;
  /** `vvvv:dddd` */
  readonly id: string;
  readonly driver: string | null;
  readonly group: string | null;
  /** What the plan changes of it, in a few words each. */
  readonly changes: readonly ChangeView[];
  /** What the picture says below its name; the rest of it is in the details. */
  readonly lines: readonly Line[];
  /** How many lines it has room for: as many as it has on the other side of a plan. */
  readonly height: number;
  /** Everything else there is to say, by name. */
  readonly details: readonly (readonly [name: string, value: string])[];
}

export interface ChangeView {
  /** What comes or goes, as it would be told of a user. */
  readonly of: string;
  readonly text: string;
}

export interface Line {
  readonly text: string;
  /** What it is told in the colour of. */
  readonly tone: Role | "change";
}

/** Our settings of one VM on one side of a plan. */
export interface VmView {
  readonly id: string;
  readonly settings: readonly {
    readonly key: string;
    readonly value: string;
    /** What the plan does to it; null: nothing. */
    readonly change: "added" | "removed" | "changed" | null;
  }[];
}
