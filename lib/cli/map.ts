import { readFileSync, writeFileSync } from "node:fs";
import { claims } from "../hypervisors/registry";
import { htmlOf } from "../map/html";
import { inspection, type Inspection } from "../map/inspection";
import { pictureOfHosts, pictureOfPlan } from "../map/picture";
import { readInspection } from "../map/readInspection";
import { plannedHosts, type PlannedHost } from "../map/plan";
import { svgOf } from "../map/svg";
import type { HostFacts } from "../model/facts";
import { CliError, usageError } from "./errors";
import { readSources } from "./reviewSources";

export interface MapOptions {
  /** What `passthrough inspect --json` printed: `file`, or `name=file` for the host that a plan calls `name`. */
  readonly facts: readonly string[];
  /** What `terraform show -json` printed of a plan, a plan file, a `cdktf.out` folder with plans, or `-` for stdin. */
  readonly plan?: string | undefined;
  readonly svg?: string | undefined;
  readonly html?: string | undefined;
}

/** A host as it was read, and what it is called on the command line. */
interface Found {
  readonly source: string;
  /** What the plan calls it, where that is said. */
  readonly name: string | null;
  readonly host: Inspection;
}

/**
 * Draws hosts, or what a plan does to them, into files.
 * @param read probes a host
 * @returns the files that were written
 * @throws CliError where there is nothing to draw or nowhere to draw it, and where a file cannot be read or written
 */
export async function map(
  hosts: readonly string[],
  options: MapOptions,
  read: (target: string) => Promise<HostFacts>,
): Promise<string[]> {
  const outputs = [
    { file: options.svg, draw: svgOf },
    { file: options.html, draw: htmlOf },
  ].flatMap(({ file, draw }) => (file === undefined ? [] : [{ file, draw }]));
  if (outputs.length === 0) throw usageError("Where to? Give --html <file>, --svg <file> or both.");
  if (hosts.length + options.facts.length === 0 && options.plan === undefined)
    throw usageError("What to draw? Give hosts, --facts <file> or --plan <file>.");

  // Files first: they are wrong sooner than a host answers.
  const plan = options.plan === undefined ? null : await planIn(options.plan);
  const found: Found[] = options.facts.map(recorded);
  for (const target of hosts) {
    const facts = await read(target);
    found.push({ source: target, name: null, host: inspection(facts, claims(facts)) });
  }

  const picture =
    plan === null ? pictureOfHosts(found.map(({ host }) => host)) : pictureOfPlan(plan, matched(plan, found));
  return outputs.map(({ file, draw }) => {
    write(file, draw(picture));
    return file;
  });
}

async function planIn(name: string): Promise<PlannedHost[]> {
  const { plans } = await readSources([name]);
  const hosts = plans.flatMap(plannedHosts);
  if (hosts.length === 0)
    throw new CliError(`Unable to draw ${name}: the plan has no resource of cdktf-passthrough.`);
  return hosts;
}

function recorded(argument: string): Found {
  const [, name = null, file = argument] = /^([a-zA-Z0-9][\w.-]*)=(.+)$/s.exec(argument) ?? [];
  return { source: file, name, host: readInspection(contentOf(file), file) };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new CliError(`Unable to read ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function write(file: string, content: string): void {
  try {
    writeFileSync(file, content);
  } catch (error) {
    throw new CliError(`Unable to write ${file}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Which read host is which of the plan's: as the command line says, else the same machine, else the same name. */
function matched(plan: readonly PlannedHost[], found: readonly Found[]): Map<string, Inspection> {
  const matches = new Map<string, Inspection>();
  for (const { source, name, host } of found) {
    const planned =
      name !== null
        ? plan.find((candidate) => candidate.name === name)
        : (plan.find(({ machineId }) => machineId !== null && machineId === host.machineId) ??
          plan.find((candidate) => candidate.machineId === null && candidate.name === host.hostname));
    if (planned === undefined) {
      const names = plan.map((candidate) => candidate.name).join(", ");
      throw new CliError(
        `${source} is of host ${name ?? host.hostname}, which the plan does not have; it has ${names}. ` +
          `Say which one it is: --facts ${plan[0]?.name ?? "name"}=${source}`,
      );
    }
    matches.set(planned.name, host);
  }
  return matches;
}
