import { Fn } from "cdktf";
import type { IConstruct } from "constructs";
import type { ConfigOf, iommuHostSchema } from "../schema";
import { withoutUnset } from "./written";

type ManagedBy = NonNullable<ConfigOf<typeof iommuHostSchema.attributes>["managed_by"]>;

/** A host as what manages it from elsewhere knows it: made by `Ovirt.host`. */
export interface ManagedHost {
  readonly kind: "ovirt";
  readonly manager: IConstruct & {
    readonly name: string;
    /**
     * How it is reached, in the words of the provider block and without what is secret.
     * @internal
     */
    readonly _openBlock: object;
  };
  /** Its name or id there. */
  readonly name: string;
}

/** As the host's resource takes it. */
export function managedByBlock(
  managed: ManagedHost | undefined,
  immovable: "fail" | "shut-down" | undefined,
): ManagedBy | undefined {
  if (managed === undefined) return undefined;
  return { engine: managed.manager.name, name: managed.name, immovable: immovable ?? null };
}

/** As the reboot command reads it: an expression, for what is only known later. */
export function writtenManager({ kind, manager, name }: ManagedHost): string {
  const connection = withoutUnset(manager._openBlock);
  return Fn.jsonencode({ kind, name: manager.name, host: name, connection });
}
