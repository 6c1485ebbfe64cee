import { NullProvider } from "@cdktf/provider-null/lib/provider";
import { Resource as NullResource } from "@cdktf/provider-null/lib/resource";
import { DataResource, Fn, TerraformStack, type LocalExecProvisioner, type TerraformResource } from "cdktf";
import type { Construct } from "constructs";
import { writtenBeforeReboot, type BeforeReboot } from "./BeforeReboot";
import { openBlock, type Connection } from "./connection";
import { writtenManager } from "./ManagedHost";
import type { RebootEvents } from "./PassthroughProvider";
import { withoutUnset } from "./written";

/** The host that may reboot, in the words of its resource's attributes. */
export interface RebootSubject {
  readonly name: string;
  readonly connection: Connection;
  readonly declarationDigest: string;
  readonly rebootReason: string;
  /** Changes when a reboot becomes due. */
  readonly rebootGeneration: string;
}

/** How the host reboots. */
export interface RebootPolicy {
  /** Minutes that it gets to come back. */
  readonly timeoutMinutes: number;
  /** Somebody orders the reboot by hand; the event only looks. */
  readonly manual: boolean;
  readonly before: BeforeReboot | undefined;
}

/**
 * The resource that stands for a host's reboot. Terraform replaces it when a reboot becomes due; that is a permission,
 * not an order: the command it runs decides on the host, and proves the result.
 */
export function rebootEvent(
  scope: Construct,
  id: string,
  events: RebootEvents,
  subject: RebootSubject,
  policy: RebootPolicy,
): TerraformResource {
  const provisioners = [rebootCommand(subject, policy)];
  const { rebootGeneration: generation, rebootReason: reason } = subject;
  if (events === "terraform_data") {
    // The reason only informs: as a trigger, another wording would reboot the host.
    return new DataResource(scope, id, { triggersReplace: { generation }, input: { reason }, provisioners });
  }
  ensureNullProvider(scope);
  return new NullResource(scope, id, { triggers: { generation }, provisioners });
}

function rebootCommand(subject: RebootSubject, policy: RebootPolicy): LocalExecProvisioner {
  const before = writtenBeforeReboot(policy.before);
  const manager = policy.before?.managedBy;
  return {
    type: "local-exec",
    // Single quotes, which `cdktf synth --hcl` leaves intact beside an expression.
    command: "node '${path.module}/passthrough/passthrough.cjs' reboot",
    // What came from a host never becomes part of a command line.
    environment: {
      PASSTHROUGH_HOST: subject.name,
      PASSTHROUGH_CONNECTION: Fn.jsonencode(withoutUnset(openBlock(subject.connection))),
      PASSTHROUGH_DIGEST: subject.declarationDigest,
      PASSTHROUGH_REASON: subject.rebootReason,
      PASSTHROUGH_REBOOT_TIMEOUT: String(Math.ceil(policy.timeoutMinutes * 60)),
      ...(before === undefined ? {} : { PASSTHROUGH_BEFORE_REBOOT: before }),
      ...(manager === undefined ? {} : { PASSTHROUGH_MANAGER: writtenManager(manager) }),
      ...(policy.manual ? { PASSTHROUGH_REBOOT: "manual" } : {}),
    },
  };
}

function ensureNullProvider(scope: Construct): void {
  const stack = TerraformStack.of(scope);
  const there = stack.node
    .findAll()
    .some((construct) => construct instanceof NullProvider && !construct.alias);
  if (!there) new NullProvider(stack, "cdktf-passthrough-null");
}
