import { redactor, secretsIn, type Redact } from "./secrets";
import { isObject, marked, member, type View } from "./views";

/** What Terraform would do to a resource; `none` also for one that is only looked at. */
export type Action = "none" | "create" | "update" | "replace" | "delete" | "forget" | "read";

/** One resource as it was and as it would be. */
export interface Change {
  readonly address: string;
  /** The address without the keys of `count` and `for_each`: where it stands in the configuration. */
  readonly declaredAt: string;
  readonly type: string;
  readonly name: string;
  readonly action: Action;
  readonly imported: boolean;
  readonly before: View;
  readonly after: View;
}

/** A resource in the configuration, with what it names there. */
export interface Declared {
  readonly address: string;
  readonly type: string;
  /** Addresses of what it waits for, in any module. */
  readonly dependencies: readonly string[];
  /** References in the configuration's own words, by top-level attribute. */
  readonly references: Readonly<Record<string, readonly string[]>>;
}

export interface Plan {
  /** Of the stack; null where nobody named one. */
  readonly stack: string | null;
  readonly terraformVersion: string | null;
  /** Terraform ended this plan with an error, so that it is not whole. */
  readonly errored: boolean;
  readonly changes: readonly Change[];
  readonly drift: readonly Change[];
  readonly declared: readonly Declared[];
}

/** Why a text is no plan, in words for who gave it. */
export class PlanError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "PlanError";
  }
}

/** The format that is read: minor versions only add. Source: Terraform's JSON output format. */
const formatMajor = "1";

/**
 * Reads what `terraform show -json` printed of a plan.
 * @param source for messages, such as the name of the file
 * @throws PlanError where it is something else
 */
export function parsePlan(source: string, content: string, stack: string | null): Plan {
  const plan = parseJson(source, content);
  checkFormat(source, plan);
  try {
    const redact = redactor(secretsIn(plan));
    return {
      stack,
      terraformVersion: stringOf(member(plan, "terraform_version")),
      errored: member(plan, "errored") === true,
      changes: changesOf(source, plan, "resource_changes", redact),
      drift: changesOf(source, plan, "resource_drift", redact),
      declared: declaredIn(member(member(plan, "configuration"), "root_module")),
    };
  } catch (error) {
    if (error instanceof RangeError)
      throw new PlanError(`Unable to read ${source}: it is nested deeper than any plan. ${expected}`);
    throw error;
  }
}

function parseJson(source: string, content: string): Readonly<Record<string, unknown>> {
  const text = content.replace(/^\uFEFF/, "");
  if (text.trim() === "") throw new PlanError(`Unable to read ${source}: it is empty. ${expected}`);
  if (text.startsWith("PK"))
    throw new PlanError(`Unable to read ${source}: it is a plan file, not its JSON. ${expected}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const wrapped = /^\s*(\[command\]|::)/.test(text)
      ? " It begins with words of a wrapper: in GitHub Actions, set terraform_wrapper: false for hashicorp/setup-terraform."
      : "";
    // The parser's own words quote the text, which may hold secrets.
    throw new PlanError(`Unable to read ${source}: it is no JSON${positionOf(error)}.${wrapped} ${expected}`);
  }
  if (!isObject(value)) throw new PlanError(`Unable to read ${source}: it is no JSON object. ${expected}`);
  return value;
}

const expected = "Expected what `terraform show -json <plan file>` prints.";

function positionOf(error: unknown): string {
  const found = /at position (\d+)/.exec(error instanceof Error ? error.message : "");
  return found ? ` from character ${found[1] ?? ""} on` : "";
}

function checkFormat(source: string, plan: Readonly<Record<string, unknown>>): void {
  const version = member(plan, "format_version");
  if (typeof version !== "string" || !/^\d+\.\d+$/.test(version))
    throw new PlanError(`Unable to read ${source}: it names no format_version. ${expected}`);
  if (version.split(".")[0] !== formatMajor)
    throw new PlanError(
      `Unable to read ${source}: its format_version is ${version}, and this command reads ${formatMajor}.x. Use a Terraform and a cdktf-passthrough that fit each other.`,
    );
  const isPlan = ["resource_changes", "planned_values", "configuration"].some(
    (key) => member(plan, key) !== undefined,
  );
  if (!isPlan) {
    const what =
      member(plan, "values") === undefined
        ? "it has neither changes nor a configuration"
        : "it is a state, not a plan";
    throw new PlanError(`Unable to read ${source}: ${what}. ${expected}`);
  }
}

/** Data sources are no changes. */
function changesOf(
  source: string,
  plan: unknown,
  key: "resource_changes" | "resource_drift",
  redact: Redact,
): Change[] {
  const list = member(plan, key) ?? [];
  if (!Array.isArray(list)) throw new PlanError(`Unable to read ${source}: ${key} is no list. ${expected}`);
  return (list as unknown[])
    .filter((entry) => member(entry, "mode") !== "data")
    .map((entry, index): Change => {
      const change = member(entry, "change");
      const [address, type, name] = ["address", "type", "name"].map((part) => stringOf(member(entry, part)));
      if (
        !isObject(change) ||
        address === null ||
        type === null ||
        address === undefined ||
        type === undefined
      )
        throw new PlanError(
          `Unable to read ${source}: entry ${index} of ${key} is no change of a resource. ${expected}`,
        );
      return {
        address,
        declaredAt: withoutKeys(address),
        type,
        name: name ?? "",
        action: actionOf(source, address, change),
        imported: isObject(member(change, "importing")),
        before: marked(member(change, "before"), undefined, member(change, "before_sensitive"), redact),
        after: marked(
          member(change, "after"),
          member(change, "after_unknown"),
          member(change, "after_sensitive"),
          redact,
        ),
      };
    });
}

const actions: Readonly<Record<string, Action>> = {
  "no-op": "none",
  create: "create",
  read: "read",
  update: "update",
  delete: "delete",
  forget: "forget",
  "create,delete": "replace",
  "delete,create": "replace",
  "create,forget": "replace",
};

function actionOf(source: string, address: string, change: unknown): Action {
  const list = member(change, "actions");
  const words = Array.isArray(list) ? list.join() : "";
  const action = Object.hasOwn(actions, words) ? actions[words] : undefined;
  // An action that is not known may well be the one that matters.
  if (action === undefined)
    throw new PlanError(
      `Unable to read ${source}: ${JSON.stringify(address)} has actions that are not known. ${expected}`,
    );
  return action;
}

/** `a.b["k"].c[0]` is declared at `a.b.c`. */
export function withoutKeys(address: string): string {
  return address.replace(/\["(?:[^"\\]|\\.)*"\]|\[\d+\]/g, "");
}

function stringOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** A module of the configuration, and how names of the outside reach it. */
interface Scope {
  /** `module.a.module.b.`, or empty for the root. */
  readonly prefix: string;
  /** What each variable of the module stands for, as absolute addresses. */
  readonly variables: Readonly<Record<string, readonly string[]>>;
  /** What everything in the module waits for. */
  readonly waits: readonly string[];
}

function declaredIn(root: unknown): Declared[] {
  return moduleIn(root, { prefix: "", variables: {}, waits: [] }, 0);
}

/** Deeper nesting than anybody writes; a plan is not trusted to end. */
const deepest = 50;

function moduleIn(module: unknown, scope: Scope, depth: number): Declared[] {
  if (depth > deepest) return [];
  const resources = listOf(member(module, "resources")).flatMap((resource): Declared[] => {
    const [address, type] = [stringOf(member(resource, "address")), stringOf(member(resource, "type"))];
    if (address === null || type === null) return [];
    const expressions = member(resource, "expressions");
    const references = Object.fromEntries(
      Object.keys(isObject(expressions) ? expressions : {}).map((key) => [
        key,
        referencesIn(member(expressions, key)),
      ]),
    );
    const repeated = ["for_each_expression", "count_expression"].flatMap((key) =>
      referencesIn(member(resource, key)),
    );
    const all = [...Object.values(references).flat(), ...repeated, ...listOf(member(resource, "depends_on"))];
    return [
      {
        address: scope.prefix + address,
        type,
        references,
        dependencies: [...new Set([...all.flatMap((name) => absolute(name, scope)), ...scope.waits])],
      },
    ];
  });
  const calls = member(module, "module_calls");
  const inner = Object.keys(isObject(calls) ? calls : {}).flatMap((name) => {
    const call = member(calls, name);
    const expressions = member(call, "expressions");
    const variables = Object.fromEntries(
      Object.keys(isObject(expressions) ? expressions : {}).map((key) => [
        key,
        referencesIn(member(expressions, key)).flatMap((reference) => absolute(reference, scope)),
      ]),
    );
    const waits = listOf(member(call, "depends_on")).flatMap((reference) => absolute(reference, scope));
    const prefix = `${scope.prefix}module.${name}.`;
    return moduleIn(
      member(call, "module"),
      { prefix, variables, waits: [...scope.waits, ...waits] },
      depth + 1,
    );
  });
  return [...resources, ...inner];
}

/** What a reference means outside its module: a resource, a whole module, or what a variable was given. */
function absolute(reference: unknown, { prefix, variables }: Scope): string[] {
  if (typeof reference !== "string") return [];
  const name = withoutKeys(reference);
  const [first = "", second = "", third = ""] = name.split(".");
  if (first === "var") return Object.hasOwn(variables, second) ? [...(variables[second] ?? [])] : [];
  if (first === "data") return [`${prefix}data.${second}.${third}`];
  if (["local", "each", "count", "path", "self", "terraform", ""].includes(first) || second === "") return [];
  return [`${prefix}${first}.${second}`];
}

/** Every `references` below an expression, at any depth. */
function referencesIn(expression: unknown, depth = 0): string[] {
  if (depth > deepest) return [];
  if (Array.isArray(expression))
    return (expression as unknown[]).flatMap((inner) => referencesIn(inner, depth + 1));
  if (!isObject(expression)) return [];
  return Object.keys(expression).flatMap((key) =>
    key === "references"
      ? listOf(expression[key]).filter((name): name is string => typeof name === "string")
      : referencesIn(expression[key], depth + 1),
  );
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? (value as unknown[]) : [];
}
