import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { IConstruct } from "constructs";

/** The project id of the nearest cdktf.json, which tells two checkouts of different projects apart. */
export function projectId(construct: IConstruct): string | undefined {
  const context: unknown = construct.node.tryGetContext("cdktfJsonPath");
  const path = typeof context === "string" ? context : findAbove(process.cwd(), "cdktf.json");
  if (path === undefined || !existsSync(path)) return undefined;
  const { projectId: id } = JSON.parse(readFileSync(path, "utf8")) as { projectId?: unknown };
  return typeof id === "string" ? id : undefined;
}

function findAbove(folder: string, name: string): string | undefined {
  const path = join(folder, name);
  if (existsSync(path)) return path;
  const parent = dirname(folder);
  return parent === folder ? undefined : findAbove(parent, name);
}
