import { Fn, Lazy, TerraformResource, dependable, type IResolvable } from "cdktf";
import type { Construct } from "constructs";
import type { Attributes, ConfigOf, ResourceSchema } from "../schema";
import { PassthroughProvider } from "./PassthroughProvider";
import { asHcl, withoutUnset, type Written } from "./written";

/** What every resource of this library can be asked for. */
export interface PassthroughResourceProps {
  /**
   * Take over what is already set up: the stack gets an import block, and where host and declaration agree nothing
   * changes. Does nothing once the resource is in the state.
   * @default false
   */
  readonly adopt?: boolean;
}

/** A resource of the passthrough provider; what it writes is typed by its schema. */
export abstract class PassthroughResource<A extends Attributes> extends TerraformResource {
  /** The provider of this stack. */
  protected readonly passthrough: PassthroughProvider;

  constructor(scope: Construct, id: string, schema: ResourceSchema<A>, props: PassthroughResourceProps) {
    super(scope, id, {
      terraformResourceType: schema.typeName,
      terraformGeneratorMetadata: { providerName: "passthrough" },
    });
    this.passthrough = PassthroughProvider.of(this);
    if (props.adopt) this.importFrom(this.#importId());
  }

  /** The host was not reached; this is what the state remembers of it. */
  get assumed(): IResolvable {
    return this.getBooleanAttribute("assumed");
  }

  /** The machine-id of the host. */
  get machineId(): string {
    return this.getStringAttribute("machine_id");
  }

  /** What the author declares, asked for at synth, when the whole stack is known. */
  protected abstract declared(): ConfigOf<A>;

  /** What must be done first, as expressions. */
  protected predecessors(): readonly string[] {
    return [];
  }

  override get terraformMetaArguments(): Written {
    const own = this.predecessors().map((fqn) => dependable({ fqn }));
    const dependsOn = [...new Set([...own, ...(this.dependsOn ?? [])])];
    return { ...super.terraformMetaArguments, dependsOn: dependsOn.length > 0 ? dependsOn : undefined };
  }

  protected override synthesizeAttributes(): Written {
    return withoutUnset(this.declared());
  }

  protected override synthesizeHclAttributes(): Written {
    return asHcl(this.synthesizeAttributes());
  }

  /** The declaration without what is only known once it is applied: an import must be known at plan. */
  protected imported(): ConfigOf<A> {
    return this.declared();
  }

  /** The whole declaration, so that adopting a host that is already right changes nothing. */
  #importId(): string {
    return Lazy.stringValue({
      produce: (context) => {
        const declared = Object.entries(this.imported()).filter(([, value]) => value !== undefined);
        const id = JSON.stringify(context.resolve(Object.fromEntries(declared)));
        return id.includes("${") ? Fn.jsonencode(Object.fromEntries(declared)) : id;
      },
    });
  }
}
