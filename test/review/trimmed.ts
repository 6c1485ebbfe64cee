/** What of a recorded plan stays in the repository: what a review reads, and nothing that differs from run to run. */

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a review looks at. Prior state, planned values and the provider's connections are left out. */
const kept = [
  "format_version",
  "terraform_version",
  "applyable",
  "complete",
  "errored",
  "variables",
  "resource_changes",
  "resource_drift",
  "configuration",
];

const random: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, "uuid"],
  [/\b[0-9a-f]{64}\b/g, "digest"],
  [/(?<!sha256 )\b[0-9a-f]{16}\b/g, "generation"],
];

export function trimmed(plan: { readonly [key: string]: Json }): string {
  const part = Object.fromEntries(kept.flatMap((key) => (key in plan ? [[key, plan[key] ?? null]] : [])));
  const { root_module = null } = (part["configuration"] ?? {}) as { root_module?: Json };
  if (part["configuration"]) part["configuration"] = { root_module };
  let text = JSON.stringify(part, withoutProvisioners, 1);
  for (const [pattern, name] of random) {
    const names = new Map<string, string>();
    text = text.replace(pattern, (found) => {
      const known = names.get(found) ?? `${name}-${names.size + 1}`;
      names.set(found, known);
      return known;
    });
  }
  return `${text}\n`;
}

/** A provisioner's environment holds the connection: ports, key files. */
function withoutProvisioners(key: string, value: Json): Json | undefined {
  return key === "provisioners" || key === "schema_version" ? undefined : value;
}
