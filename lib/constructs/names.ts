import { TerraformStack } from "cdktf";
import type { IConstruct } from "constructs";
import * as errors from "./errors";

/** A construct's path below its stack, `cluster.pve1`: unique there, and the same in every synth. */
export function nameInStack(construct: IConstruct): string {
  const { scopes } = construct.node;
  const below = scopes.slice(scopes.indexOf(TerraformStack.of(construct)) + 1);
  return below.map(({ node }) => node.id).join(".");
}

/** @throws an Error naming both unless a construct stands in the stack of its host. */
export function requireStackOf(host: IConstruct, construct: IConstruct): void {
  const [own, other] = [TerraformStack.of(construct), TerraformStack.of(host)];
  if (own !== other) {
    throw errors.otherStack(construct.node.path, own.node.path, host.node.path, other.node.path);
  }
}
