import { KernelError } from "../kernel/errors";
import { modulePath, underscored } from "../kernel/aliases";
import { modprobeFiles, optionsFor } from "../kernel/modprobeConfiguration";
import type { Machine } from "../machine";
import type { Answer } from "../callGate";
import { failed, type Program } from "./program";

const flags: Readonly<Record<string, string>> = {
  "--remove": "r",
  "--dry-run": "n",
  "--show": "n",
  "--show-depends": "D",
  "--resolve-alias": "R",
  "--showconfig": "c",
  "--use-blacklist": "b",
  "--all": "a",
  "--quiet": "q",
  "--verbose": "v",
  "--first-time": "f",
};

export const modprobe: Program = ({ arguments: args }, machine) => {
  const chosen = new Set(
    args
      .filter((argument) => argument.startsWith("-"))
      .flatMap((argument) => (argument.startsWith("--") ? [flags[argument] ?? ""] : [...argument.slice(1)])),
  );
  const [first, ...others] = args.filter((argument) => !argument.startsWith("-"));
  if (chosen.has("c")) return { output: showConfiguration(machine) };
  if (first === undefined) return failed("modprobe: ERROR: missing parameters. See -h.");
  const names = chosen.has("a") || chosen.has("r") ? [first, ...others] : [first];
  const extra = chosen.has("a") || chosen.has("r") ? [] : others;
  const answers = names.map((name) => one(machine, name, extra, chosen));
  machine.save();
  return {
    output: answers.map(({ output = "" }) => output).join(""),
    errors: answers.map(({ errors = "" }) => errors).join(""),
    code: answers.some(({ code = 0 }) => code !== 0) ? 1 : 0,
  };
};

function one(machine: Machine, name: string, extra: readonly string[], chosen: ReadonlySet<string>): Answer {
  const { loader, modules, release } = machine;
  const configuration = loader.configuration();
  const found = loader
    .resolve(name, configuration)
    .filter((module) => !chosen.has("b") || !configuration.blacklist.has(module));
  if (chosen.has("R"))
    return found.length > 0
      ? { output: found.map((module) => `${module}\n`).join("") }
      : notFound(name, release, chosen);
  if (found.length === 0 && chosen.has("b") && loader.resolve(name, configuration).length > 0) return {};
  if (found.length === 0) return notFound(name, release, chosen);
  if (chosen.has("D")) return { output: found.map((module) => showDependencies(machine, module)).join("") };
  if (chosen.has("n")) return {};
  if (chosen.has("r")) {
    for (const module of found) {
      if (!modules.isLoaded(module))
        return failed(`modprobe: FATAL: Module ${name} is not currently loaded.`);
      try {
        modules.remove(module);
      } catch (error) {
        if (error instanceof KernelError) return failed(`modprobe: FATAL: ${error.message}`);
        throw error;
      }
    }
    return {};
  }
  for (const module of found) loader.load(module, extra, configuration);
  return {};
}

function notFound(name: string, release: string, chosen: ReadonlySet<string>): Answer {
  if (chosen.has("q")) return { code: 1 };
  return failed(`modprobe: FATAL: Module ${name} not found in directory /lib/modules/${release}`);
}

function showDependencies({ loader, modules, release }: Machine, module: string): string {
  const configuration = loader.configuration();
  return [...loader.dependencies(module), module]
    .map((name) => {
      if (modules.isBuiltin(name)) return `builtin ${name}\n`;
      const install = configuration.installs.get(name);
      if (install !== undefined) return `install ${install}\n`;
      return `${["insmod", `/lib/modules/${release}/${modulePath(name)}`, ...optionsFor(configuration, name)].join(" ")} \n`;
    })
    .join("");
}

/** Each line in modprobe's own spelling, in the order it applies them; the kernel command line last. */
function showConfiguration({ files, loader }: Machine): string {
  const configuration = loader.configuration();
  const inFiles = Object.values(modprobeFiles(files)).join("\n").replace(/\\\n/g, " ");
  const kept = inFiles
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter(([keyword = ""]) => /^(alias|blacklist|options|softdep|install|remove)$/.test(keyword));
  const lines = kept.map(([keyword = "", name = "", ...rest]) =>
    [keyword, keyword === "alias" ? name : underscored(name), ...rest].join(" "),
  );
  const fromCommandLine = configuration.options.slice(
    kept.filter(([keyword]) => keyword === "options").length,
  );
  return [...lines, ...fromCommandLine.map(({ module, options }) => `options ${module} ${options.join(" ")}`)]
    .map((line) => `${line}\n`)
    .join("");
}
