import { Fn } from "cdktf";
import type { IConstruct } from "constructs";
import type { ConfigOf, iommuHostSchema } from "../schema";
import { withoutUnset } from "./written";

type ManagedBy = NonNullable<ConfigOf<typeof iommuHostSchema.attributes>["managed_by"]>;

/** A host as what manages it from elsewhere knows it: made by `Ovirt.host` and `OpenNebula.host`. */
export interface ManagedHost {
  readonly kind: "ovirt" | "opennebula";
  readonly manager: IConstruct & {
    readonly name: string;
    /**
     * How it is reached, in the words of the provider block and without what is secret.
     * @internal
     */
    readonly _openBlock: object;
    /**
     * The reboot of the manager's own machine, as an expression; undefined where the stack has none.
     * @internal
     */
    readonly _reboot?: string | undefined;
  };
  /** Its name or id there. */
  readonly name: string;
  /** OpenNebula: whether its VMs move. */
  readonly moves?: boolean | undefined;
}

/** As the host's resource takes it. */
export function managedByBlock(
  managed: ManagedHost | undefined,
  immovable: "fail" | "shut-down" | undefined,
): ManagedBy | undefined {
  if (managed === undefined) return undefined;
  const { kind, manager, name, moves } = managed;
  return {
    engine: kind === "ovirt" ? manager.name : null,
    front_end: kind === "opennebula" ? manager.name : null,
    ...{ name, moves: moves ?? null, immovable: immovable ?? null },
  };
}

/** As the reboot command reads it: an expression, for what is only known later. */
export function writtenManager({ kind, manager, name, moves }: ManagedHost): string {
  const connection = withoutUnset(manager._openBlock);
  const reference = { kind, name: manager.name, host: name, connection, moves };
  return Fn.jsonencode(withoutUnset(reference));
}
