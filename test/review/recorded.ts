import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parsePlan, type Plan } from "../../lib/review/plan";

const folder = join(__dirname, "plans");

/** Every recorded plan, by name; `record.scenario.ts` makes them. */
export const recordedNames = readdirSync(folder)
  .map((file) => file.replace(/\.json$/, ""))
  .sort();

export function recordedText(name: string): string {
  return readFileSync(join(folder, `${name}.json`), "utf8");
}

export function recorded(name: string, stack: string | null = null): Plan {
  return parsePlan(`${name}.json`, recordedText(name), stack);
}
