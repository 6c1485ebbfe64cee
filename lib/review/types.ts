/** What a review says: the shape of `passthrough review --json`, as review.schema.json describes it. */

export interface Review {
  /** Of this shape; raised when something in it changes its meaning or goes. */
  readonly version: 1;
  /** The whole in one line. */
  readonly verdict: string;
  readonly summary: Summary;
  readonly stacks: readonly StackReview[];
  readonly hosts: readonly HostReview[];
  /** What the plans change beside this provider's resources. */
  readonly otherChanges: readonly OtherChange[];
}

export interface Summary {
  /** Hosts that something of this provider changes. */
  readonly hostsChanged: number;
  /** The same of engines and front ends. */
  readonly managersChanged: number;
  readonly reboots: number;
  /** Hosts of which only the apply knows whether they reboot. */
  readonly possibleReboots: number;
  /** The most hosts that may reboot at the same time. */
  readonly rebootsAtOnce: number;
  readonly guestsStopping: number;
  readonly guestsMoving: number;
  /** Cards and controllers, not their functions. */
  readonly devicesChangingHands: number;
  /** Single values that somebody else has changed. */
  readonly drift: number;
  /** Hosts that the plan was made without. */
  readonly hostsAssumed: number;
  readonly otherChanges: number;
}

export interface StackReview {
  /** Null where the plan came without a name. */
  readonly name: string | null;
  /** False: there is no plan of it, so that nothing here says what it would do. */
  readonly planned: boolean;
  readonly terraformVersion: string | null;
  /** Terraform ended the plan with an error. */
  readonly errored: boolean;
}

export type ActionWord = "none" | "create" | "update" | "replace" | "delete" | "forget" | "import";

/** What stands behind a name: a host, oVirt's engine or OpenNebula's front end. */
export type PlaceKind = "host" | "engine" | "front-end";

export interface HostReview {
  readonly stack: string | null;
  readonly kind: PlaceKind;
  /** As the resources name it. */
  readonly name: string;
  /** Of its resource; null where the plan only has bindings or VMs of it. */
  readonly address: string | null;
  readonly action: ActionWord;
  /** The plan was made without the host: it stands on what the state remembers, or on nothing. */
  readonly assumed: boolean;
  readonly reboot: RebootReview;
  readonly guests: readonly GuestReview[];
  readonly devices: readonly DeviceReview[];
  readonly risks: readonly Risk[];
  /** What the plan changes, apart from drift. */
  readonly changes: readonly ValueChange[];
  readonly drift: readonly DriftReview[];
  readonly unknown: readonly UnknownReview[];
}

export interface RebootReview {
  /** Null: known only in the apply. */
  readonly required: boolean | null;
  readonly reason: string | null;
  /** A reboot for this declaration did not help; it is not tried again. */
  readonly blocked: boolean;
  /** One is due, or may be, and the deploy leaves it to somebody: this host's reboots are manual. */
  readonly waits: boolean;
  /** From 1; hosts of one wave may reboot at the same time. Null where no reboot may come. */
  readonly wave: number | null;
}

export interface GuestReview {
  /** The hypervisor's id of it; null where it is not known. */
  readonly id: string | null;
  readonly address: string;
  readonly name: string;
  readonly hypervisor: string | null;
  readonly action: ActionWord;
  /**
   * `stops`: with its host, which reboots; `may-stop`: if its host reboots; `restarts`: for its own change, if it runs;
   * `moves`: declared on another host; `next-start`: changed, and not interrupted; `none`.
   */
  readonly effect: GuestEffect;
  /** The host that it was declared on, where that is another one. */
  readonly movesFrom: string | null;
}

export type GuestEffect = "stops" | "may-stop" | "restarts" | "moves" | "next-start" | "none";

export interface DeviceReview {
  /** Of the function, or what is declared where the functions are not known. */
  readonly address: string;
  /** The card or controller that it is a function of. */
  readonly slot: string;
  readonly name: string | null;
  /** `vvvv:dddd`. */
  readonly id: string | null;
  readonly class: string | null;
  readonly binding: string | null;
  readonly iommuGroup: Pair<string | null>;
  /** The driver; null where it is not known, empty for none. */
  readonly driver: Pair<string | null>;
  /** Ids of the VMs that are given it. */
  readonly guests: Pair<readonly string[]>;
  readonly changesDriver: boolean;
  readonly changesHands: boolean;
}

export interface Pair<T> {
  readonly before: T;
  readonly after: T;
}

export interface Risk {
  readonly kind: RiskKind;
  /** What it is about, such as an address or a parameter. */
  readonly subject: string;
  /** It comes with this plan; false: it stands already. */
  readonly introduced: boolean;
}

export const riskKinds = [
  "assumed",
  "unsafe-interrupts",
  "acs-override",
  "critical-device",
  "id-selector",
  "siblings",
  "shared-group",
  "live-rebind",
  "iommu-off",
  "blocked",
  "pending",
  "no-event",
  "host-replaced",
  "host-destroyed",
] as const;
export type RiskKind = (typeof riskKinds)[number];

/** One value of a resource; null where it is not set, words in brackets where it is not shown. */
export interface ValueChange {
  readonly address: string;
  readonly path: readonly string[];
  readonly before: string | null;
  readonly after: string | null;
}

export interface DriftReview extends ValueChange {
  /** The plan puts back what was there. */
  readonly putBack: boolean;
}

export interface UnknownReview {
  readonly address: string;
  readonly attribute: string;
  readonly why: UnknownReason;
  /** What it waits for, in the configuration's words. */
  readonly from: readonly string[];
}

/**
 * `assumed`: the plan was made without the host; `reference`: another resource gives it; `input`: it follows from an
 * attribute that is not known; `apply`: the host tells it in the apply.
 */
export type UnknownReason = "assumed" | "reference" | "input" | "apply";

export interface OtherChange {
  readonly stack: string | null;
  readonly address: string;
  readonly type: string;
  readonly action: ActionWord;
}
