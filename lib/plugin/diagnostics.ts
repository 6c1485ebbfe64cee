/** What went wrong, in the form that Terraform shows beside the configuration it is about. */
import {
  SEVERITY,
  type AttributePathMessage,
  type DiagnosticMessage,
  type PathStepMessage,
} from "./protocol";
import { shapeOf, type Shape } from "./schema";
import type { Diagnostic, PathStep, Schema } from "./types";
import { ValueError } from "./values";

export function diagnosticMessages(
  schema: Schema | undefined,
  diagnostics: readonly Diagnostic[] = [],
): DiagnosticMessage[] {
  return diagnostics.map(({ severity, summary, detail, path }) => ({
    severity: SEVERITY[severity],
    summary,
    detail: detail ?? "",
    ...(schema === undefined || path === undefined ? {} : { attribute: blamed(pathMessage(schema, path)) }),
  }));
}

/** An error that brings both halves of a diagnostic by itself. */
interface TitledError {
  readonly title: string;
  readonly detail: string;
}

/** The error's own halves; or the first line of its message is the summary, what follows it the detail. */
export function errorDiagnostic(error: unknown): Diagnostic {
  if (isTitled(error)) return { severity: "error", summary: error.title, detail: error.detail };
  const message = (error instanceof Error ? error.message || error.name : String(error)).trim();
  const [summary = "", ...rest] = message.split("\n");
  return {
    severity: "error",
    summary: summary.trim(),
    detail: rest.join("\n").trim(),
    ...(error instanceof ValueError ? { path: error.path } : {}),
  };
}

function isTitled(error: unknown): error is TitledError {
  const { title, detail } = (error ?? {}) as Partial<TitledError>;
  return error instanceof Error && typeof title === "string" && typeof detail === "string";
}

/** Terraform finds no line for what lies deeper than an element of an attribute and points at the block instead. */
function blamed({ steps }: AttributePathMessage): AttributePathMessage {
  const [attribute, element] = steps;
  const deeper = element !== undefined && !("attributeName" in element) ? [element] : [];
  return { steps: attribute === undefined ? [] : [attribute, ...deeper] };
}

/** A path that leads out of the schema, or into a set, ends where Terraform can still follow it. */
export function pathMessage(schema: Schema, path: readonly PathStep[]): AttributePathMessage {
  const steps: PathStepMessage[] = [];
  let shape: Shape | undefined = shapeOf(schema);
  for (const step of path) {
    const next: [PathStepMessage, Shape] | undefined = follow(shape, step);
    if (next === undefined) break;
    steps.push(next[0]);
    shape = next[1];
  }
  return { steps };
}

function follow(shape: Shape, step: PathStep): [PathStepMessage, Shape] | undefined {
  if (shape.kind === "object" && typeof step === "string") {
    const attribute = Object.hasOwn(shape.attributes, step) ? shape.attributes[step] : undefined;
    return attribute && [{ attributeName: step }, attribute];
  }
  if (shape.kind === "map" && typeof step === "string") return [{ elementKeyString: step }, shape.of];
  if (shape.kind === "list" && typeof step === "number") return [{ elementKeyInt: step }, shape.of];
  return undefined;
}
