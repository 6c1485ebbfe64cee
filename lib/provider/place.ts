import type { Diagnostic, PrivateState } from "../plugin/types";
import type { VmState } from "../schema";
import type { Selectable } from "./selectedSlots";

/** What says which VM, where. */
export type Whereabouts = Pick<VmState, "host" | "vm_id" | "pin_to" | "machine_id">;

/** Where VMs are: a host that runs them, or an engine that manages several. */
export interface Place<F, S> {
  look(vm: Whereabouts, kept: unknown, signal: AbortSignal): Promise<VmSight<F, S>>;
  /** For an apply: the place as it is now, to itself. */
  alone<T>(
    vm: Whereabouts,
    kept: unknown,
    signal: AbortSignal,
    work: (seen: SeenPlace<F, S>) => Promise<T>,
  ): Promise<T>;
  /** What slots may select their devices from; nothing where an engine hands them out. */
  readonly selectable?: {
    seen(facts: F): Selectable;
    /** As it was at the last refresh; null where that is not known. */
    kept(kept: PrivateState): Selectable | null;
  };
}

export type VmSight<F, S> =
  | SeenPlace<F, S>
  /** Not reached, and the author or the CI said to go on with what the state remembers. */
  | { readonly kind: "assumed"; readonly notice: Diagnostic }
  /** Its connection is only known after apply. */
  | { readonly kind: "unknown" };

/** A place as it is now. */
export interface SeenPlace<F, S> {
  readonly kind: "seen";
  readonly facts: F;
  /**
   * What the VM of a state is called there now.
   * @throws an Error where another machine, engine or VM answers than the one that the state knows.
   */
  known(vm: Whereabouts): string;
  /** What tells this VM from every other one, for `machine_id`. */
  identity(vmId: string, facts: F): string | null;
  /** To be kept beside the state: how the place is reached, and what was seen of it. */
  keep(facts: F): PrivateState;
  /** Changes it and reads it back, also where the change did not come to its end. */
  change(purpose: string, steps: readonly S[], signal: AbortSignal): Promise<TriedChange<F>>;
}

export interface TriedChange<F> {
  readonly failed: readonly Diagnostic[];
  /** It stopped before anything was touched. */
  readonly untouched: boolean;
  /** null: the place cannot be read any more. */
  readonly facts: F | null;
}
