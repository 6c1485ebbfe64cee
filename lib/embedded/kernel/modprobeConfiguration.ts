import type { Files } from "../files";
import { globMatches, underscored } from "./aliases";

/** What modprobe.d says, in the order modprobe reads it. */
export interface ModprobeConfiguration {
  readonly aliases: readonly { readonly pattern: string; readonly module: string }[];
  readonly options: readonly { readonly module: string; readonly options: readonly string[] }[];
  readonly blacklist: ReadonlySet<string>;
  readonly softdeps: readonly {
    readonly module: string;
    readonly pre: readonly string[];
    readonly post: readonly string[];
  }[];
  /** Replaces the loading of a module by a command; `/bin/true` and `/bin/false` keep it out. */
  readonly installs: ReadonlyMap<string, string>;
}

const folders = ["/etc/modprobe.d", "/run/modprobe.d", "/usr/lib/modprobe.d", "/lib/modprobe.d"];

/** A file in /etc hides one of the same name below /lib; all are read in the order of their names. */
export function modprobeFiles(files: Files): Record<string, string> {
  const byName = new Map<string, string>();
  for (const folder of folders) {
    for (const name of files.list(folder)) {
      if (name.endsWith(".conf") && !byName.has(name)) byName.set(name, `${folder}/${name}`);
    }
  }
  const paths = [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, path]) => path);
  return Object.fromEntries(paths.map((path) => [path, files.read(path) ?? ""]));
}

/** `module.option=value` and `modprobe.blacklist=` of the kernel command line come after the files. */
export function modprobeConfiguration(files: Files): ModprobeConfiguration {
  const text = Object.values(modprobeFiles(files)).join("\n");
  const lines = text
    .replace(/\\\n/g, " ")
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([keyword = ""]) => keyword !== "" && !keyword.startsWith("#"));
  const of = (keyword: string) => lines.filter(([first]) => first === keyword).map(([, ...rest]) => rest);
  const words = (files.read("/proc/cmdline") ?? "").trim().split(/\s+/);
  return {
    aliases: of("alias").map(([pattern = "", module = ""]) => ({ pattern, module: underscored(module) })),
    options: [
      ...of("options").map(([module = "", ...options]) => ({ module: underscored(module), options })),
      ...words.flatMap((word) => {
        const [, module = "", option = ""] = /^([\w-]+)\.(.+)$/.exec(word) ?? [];
        return module === "" ? [] : [{ module: underscored(module), options: [option] }];
      }),
    ],
    blacklist: new Set([
      ...of("blacklist").map(([module = ""]) => underscored(module)),
      ...words.flatMap((word) =>
        word.startsWith("modprobe.blacklist=")
          ? word.slice("modprobe.blacklist=".length).split(",").map(underscored)
          : [],
      ),
    ]),
    softdeps: of("softdep").map(([module = "", ...rest]) => ({
      module: underscored(module),
      pre: section(rest, "pre:"),
      post: section(rest, "post:"),
    })),
    installs: new Map(
      of("install").map(([module = "", ...command]) => [underscored(module), command.join(" ")]),
    ),
  };
}

function section(words: readonly string[], name: string): string[] {
  const start = words.indexOf(name);
  if (start < 0) return [];
  const rest = words.slice(start + 1);
  const end = rest.findIndex((word) => word.endsWith(":"));
  return (end < 0 ? rest : rest.slice(0, end)).map(underscored);
}

export function optionsFor(configuration: ModprobeConfiguration, module: string): string[] {
  return configuration.options.filter((line) => line.module === module).flatMap((line) => line.options);
}

export function aliasTargets(configuration: ModprobeConfiguration, name: string): string[] {
  const wanted = underscored(name);
  return configuration.aliases
    .filter(({ pattern }) => globMatches(pattern, name) || globMatches(underscored(pattern), wanted))
    .map(({ module }) => module);
}
