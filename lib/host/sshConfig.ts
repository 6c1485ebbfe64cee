import { readFileSync, readdirSync } from "node:fs";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { parse, type Config, type ConfigLine } from "ssh-config";
import { wildcard } from "./wildcard";

/** What an OpenSSH config file says about one host: lower-case keyword to value, in the order it says it. */
export type HostOptions = Readonly<Record<string, string | string[]>>;

export interface ConfigQuery {
  /** As written by the author, an alias perhaps. */
  readonly host: string;
  readonly user?: string | undefined;
  readonly home: string;
}

const MAX_DEPTH = 16;

/**
 * Look a host up in an OpenSSH config file, Include directives followed. `Match exec` never matches: planning
 * must not run commands of its own accord.
 *
 * @throws the file system's or the parser's error
 */
export function lookUp(path: string, query: ConfigQuery): HostOptions {
  const config = configOf(expand(path, query, 0));
  return compute(config, query);
}

function compute(config: Config, { host, user }: ConfigQuery): Record<string, string | string[]> {
  return config.compute(user === undefined ? { Host: host } : { Host: host, User: user }, {
    ignoreCase: true,
    matchExec: false,
  });
}

function configOf(lines: readonly ConfigLine[]): Config {
  const config = parse("");
  config.push(...lines);
  return config;
}

const isInclude = (line: ConfigLine): boolean => line.param?.toLowerCase() === "include";

/** The lines of a file with those of the included ones in their place. */
function expand(path: string, query: ConfigQuery, depth: number): ConfigLine[] {
  if (depth > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} levels of Include`);
  const lines: ConfigLine[] = [];
  const include = (line: ConfigLine): void => {
    for (const file of included(line, query.home)) lines.push(...expand(file, query, depth + 1));
  };
  for (const line of parse(readFileSync(path, "utf8"))) {
    if (isInclude(line)) include(line);
    else if (line.config?.some(isInclude)) {
      // What a section includes may hold sections, which cannot nest: they follow it where it applies.
      const applies = sectionApplies(line, lines, query);
      for (const inner of line.config) {
        if (!isInclude(inner)) lines.push({ ...line, config: configOf([inner]) });
        else if (applies) include(inner);
      }
    } else lines.push(line);
  }
  return lines;
}

function sectionApplies(section: ConfigLine, before: readonly ConfigLine[], query: ConfigQuery): boolean {
  const probe = { ...section, config: parse("SectionApplies yes") };
  return "sectionapplies" in compute(configOf([...before, probe]), query);
}

function included(line: ConfigLine, home: string): string[] {
  const values = typeof line.value === "string" ? [line.value] : (line.value ?? []).map(({ val }) => val);
  return values.flatMap((value) => {
    const path = value.startsWith("~/") ? join(home, value.slice(2)) : value;
    return matchingFiles(isAbsolute(path) ? path : join(home, ".ssh", path));
  });
}

/** The existing files that a path with wildcards names, sorted. */
function matchingFiles(path: string): string[] {
  const parent = dirname(path);
  if (parent === path) return [path];
  const name = wildcard(path.slice(parent.length).replace(/^\//, ""));
  return matchingFiles(parent).flatMap((folder) =>
    entries(folder)
      .filter((entry) => name.test(entry))
      .sort()
      .map((entry) => resolve(folder, entry)),
  );
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
