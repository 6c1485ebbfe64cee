import { parseCommandLine } from "./commandLineSyntax";
import { unmetParameters } from "./parameterMeaning";

interface Line {
  /** As it stands in the file, with its end of line and the lines that continue it. */
  readonly raw: string;
}

/** `options module name=value ...` */
export interface OptionsLine extends Line {
  readonly kind: "options";
  readonly module: string;
  readonly options: readonly string[];
}

/** `blacklist module`: the module does not load by its aliases, that is, by itself. */
export interface BlacklistLine extends Line {
  readonly kind: "blacklist";
  readonly module: string;
}

/** `softdep module pre: modules post: modules` */
export interface SoftdepLine extends Line {
  readonly kind: "softdep";
  readonly module: string;
  readonly pre: readonly string[];
  readonly post: readonly string[];
}

/** `alias wildcard module` */
export interface AliasLine extends Line {
  readonly kind: "alias";
  readonly alias: string;
  readonly module: string;
}

/** `install module command`, `remove module command`: run this instead. */
export interface ReplacementLine extends Line {
  readonly kind: "install" | "remove";
  readonly module: string;
  readonly command: string;
}

/** A comment, an empty line, or what kmod would not understand either. */
export interface OtherLine extends Line {
  readonly kind: "other";
}

export type ModprobeLine =
  OptionsLine | BlacklistLine | SoftdepLine | AliasLine | ReplacementLine | OtherLine;

/** Reads a modprobe.d file; the raw texts of all lines together are the file. */
export function parseModprobe(text: string): ModprobeLine[] {
  // A backslash takes the next character as it is, and a line break with it away.
  const lines = text.match(/(?:\\[^]|[^\n\\])*(?:\n|\\?$)/g) ?? [];
  return lines.filter((line) => line !== "").map(parseLine);
}

function parseLine(raw: string): ModprobeLine {
  const text = raw.replace(/\\([^])/g, (_, next) => (next === "\n" ? "" : next)).trim();
  const [, keyword = "", module = "", rest = ""] = /^(\S+)\s+(\S+)\s*([^]*)$/.exec(text) ?? [];
  const read = readers[keyword];
  return read ? { raw, ...read(module, rest) } : { raw, kind: "other" };
}

type Content<T> = T extends ModprobeLine ? Omit<T, "raw"> : never;

const readers: Readonly<Record<string, (module: string, rest: string) => Content<ModprobeLine>>> = {
  options: (module, rest) => ({ kind: "options", module, options: optionsOf(rest) }),
  blacklist: (module) => ({ kind: "blacklist", module }),
  softdep: (module, rest) => ({ kind: "softdep", module, ...dependenciesOf(rest) }),
  alias: (alias, rest) => ({ kind: "alias", alias, module: words(rest)[0] ?? "" }),
  install: (module, command) => ({ kind: "install", module, command }),
  remove: (module, command) => ({ kind: "remove", module, command }),
};

/** Module parameters follow the quoting of the kernel command line. */
function optionsOf(rest: string): string[] {
  return parseCommandLine(rest).parameters.map(({ raw }) => raw);
}

function dependenciesOf(rest: string): { pre: string[]; post: string[] } {
  const dependencies = { pre: [] as string[], post: [] as string[] };
  let list: string[] | null = null;
  for (const word of words(rest)) {
    if (word === "pre:") list = dependencies.pre;
    else if (word === "post:") list = dependencies.post;
    else list?.push(word);
  }
  return dependencies;
}

/**
 * `options vfio-pci ids=10de:2204,10de:1aef`
 * @throws an Error if the module or an option is malformed.
 */
export function optionsLine(module: string, options: string): string {
  checkModule(module);
  const text = options.trim();
  const refuse = (why: string): never => {
    throw new Error(
      `${JSON.stringify(options)} cannot be the options of ${module}: ${why}. ` +
        "Expected name=value, several with spaces between them, such as ignore_msrs=1.",
    );
  };
  if (text === "") refuse("they are empty");
  if (!/^[\x20-\x7e]*$/.test(text))
    refuse("they hold a line break or another character outside of printable ASCII");
  if (/[\\#]/.test(text)) refuse("modprobe.d gives \\ and # a meaning of their own");
  const { parameters, balanced } = parseCommandLine(text);
  if (!balanced) refuse("a double quote is left open");
  for (const { raw } of parameters) {
    if (!/^[A-Za-z0-9][\w-]*(=|$)/.test(raw)) refuse(`${JSON.stringify(raw)} does not start with a name`);
  }
  return `options ${module} ${text}`;
}

/**
 * `blacklist nouveau`
 * @throws an Error if the module's name is malformed.
 */
export function blacklistLine(module: string): string {
  return `blacklist ${checkModule(module)}`;
}

/**
 * `softdep nouveau pre: vfio-pci`
 * @throws an Error if a name is malformed, or nothing depends on anything.
 */
export function softdepLine(module: string, dependencies: string): string {
  checkModule(module);
  const { pre, post } = dependenciesOf(dependencies);
  const starts = /^\s*(pre|post):/.test(dependencies);
  if (!starts || pre.length + post.length === 0) {
    throw new Error(
      `${JSON.stringify(dependencies)} cannot be the soft dependencies of ${module}. ` +
        'Expected "pre:" or "post:" and module names, such as "pre: vfio-pci".',
    );
  }
  [...pre, ...post].forEach(checkModule);
  return `softdep ${module} ${words(dependencies).join(" ")}`;
}

/** @throws an Error if this cannot be the name of a kernel module. */
export function checkModule(module: string): string {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(module)) {
    throw new Error(
      `${JSON.stringify(module)} is not the name of a kernel module. ` +
        "Expected letters, digits, - and _, such as vfio-pci; `lsmod` on the host lists those that are loaded.",
    );
  }
  return module;
}

/** modprobe.d files by path. */
export type ModprobeFiles = Readonly<Record<string, string>>;

/** Whether files already say what a line of ours says, in whatever words. A comment is always satisfied. */
export function satisfiedByForeign(files: ModprobeFiles, line: string): boolean {
  const there = linesOf(files);
  return parseModprobe(line).every((wanted) => {
    switch (wanted.kind) {
      case "options":
        return optionsMet(there, wanted);
      case "blacklist":
        return isBlacklisted(there, wanted.module);
      case "softdep":
        return softdepMet(there, wanted);
      case "alias":
        return there.some(
          (line) =>
            line.kind === "alias" &&
            sameModule(line.alias, wanted.alias) &&
            sameModule(line.module, wanted.module),
        );
      case "install":
      case "remove": {
        const first = there.find((line): line is ReplacementLine => isFor(line, wanted.kind, wanted.module));
        return first !== undefined && words(first.command).join(" ") === words(wanted.command).join(" ");
      }
      case "other":
        return true;
    }
  });
}

/** Whether files keep a module from loading by itself. */
export function blacklisted(files: ModprobeFiles, module: string): boolean {
  return isBlacklisted(linesOf(files), module);
}

/** A module's name as the kernel shows it: `vfio_pci` of `vfio-pci`. */
export function moduleName(module: string): string {
  return module.replace(/-/g, "_");
}

/** In the order in which kmod reads them: by the file's name, whatever its folder. */
function linesOf(files: ModprobeFiles): ModprobeLine[] {
  const nameOf = (path: string) => path.slice(path.lastIndexOf("/") + 1);
  return Object.entries(files)
    .filter(([path]) => path.endsWith(".conf"))
    .sort(([a], [b]) => (nameOf(a) < nameOf(b) ? -1 : 1))
    .flatMap(([, text]) => parseModprobe(text));
}

/** All options lines of a module become one line of parameters, in which the last of a name wins. */
function optionsMet(there: readonly ModprobeLine[], wanted: OptionsLine): boolean {
  const asParameters = (line: OptionsLine) => line.options.map((option) => `${wanted.module}.${option}`);
  const inForce = there.filter((line): line is OptionsLine => isFor(line, "options", wanted.module));
  return unmetParameters(inForce.flatMap(asParameters).join(" "), asParameters(wanted)).length === 0;
}

function isBlacklisted(there: readonly ModprobeLine[], module: string): boolean {
  return there.some(
    (line) =>
      isFor(line, "blacklist", module) ||
      (line.kind === "install" && sameModule(line.module, module) && loadsNothing(line.command)),
  );
}

function loadsNothing(command: string): boolean {
  return /^(\/usr)?(\/bin\/)?(true|false)$/.test(command.trim()) || command.trim() === ":";
}

/** kmod takes the first softdep line of a module and no other. */
function softdepMet(there: readonly ModprobeLine[], wanted: SoftdepLine): boolean {
  const first = there.find((line): line is SoftdepLine => isFor(line, "softdep", wanted.module));
  const includesAll = (list: readonly string[], names: readonly string[]) =>
    names.every((name) => list.some((other) => sameModule(other, name)));
  return first !== undefined && includesAll(first.pre, wanted.pre) && includesAll(first.post, wanted.post);
}

function isFor(line: ModprobeLine, kind: ModprobeLine["kind"], module: string): boolean {
  return line.kind === kind && line.kind !== "other" && sameModule(line.module, module);
}

function sameModule(a: string, b: string): boolean {
  return moduleName(a) === moduleName(b);
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
