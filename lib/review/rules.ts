import schema from "./gate.schema.json";
import type { Rules } from "./gate";

/** Why rules cannot be used, in words for who wrote them. */
export class RulesError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "RulesError";
  }
}

/**
 * Reads the rules of `--gate`. A rule that is not known is an error: a mistyped one would let everything pass.
 * @throws RulesError
 */
export async function parseRules(source: string, content: string): Promise<Rules> {
  let rules: unknown;
  try {
    rules = JSON.parse(content);
  } catch (error) {
    throw new RulesError(
      `Unable to read the rules in ${source}: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  // Only where there are rules: the reboot command shares this program and must start fast.
  const { Ajv } = await import("ajv");
  const validate = new Ajv({ allErrors: true }).compile<Rules>(schema);
  if (validate(rules)) return rules;
  const problems = (validate.errors ?? []).map(({ instancePath, message = "", params }) => {
    const known = "allowedValues" in params ? `: ${(params["allowedValues"] as unknown[]).join(", ")}` : "";
    const name = "additionalProperty" in params ? ` (${String(params["additionalProperty"])})` : "";
    return `${instancePath === "" ? "the rules" : instancePath.slice(1)} ${message}${known}${name}`;
  });
  throw new RulesError(
    `Unable to use the rules in ${source}: ${problems.join("; ")}. docs/review.md lists the rules.`,
  );
}
