import type { BootDeclaration } from "./bootConfiguration";
import { settingProblems, type HostSettings } from "./hostSettings";
import { neverIommu } from "./iommuSwitch";
import { checkParameter, checkParameters, parseKernelParameters } from "./kernelParameters";
import { blacklistLine, checkModule, moduleName, optionsLine, parseModprobe, softdepLine } from "./modprobe";
import { checkSelector } from "./selector";

/** A declared value that cannot be meant, whatever the host. */
export interface DeclarationProblem {
  readonly of: Exclude<keyof BootDeclaration, "settings"> | keyof HostSettings;
  readonly words: string;
}

/** What is wrong with a declaration as it stands, value by value. */
export function declarationProblems(declaration: BootDeclaration): DeclarationProblem[] {
  return [
    ...checks.flatMap(({ of, check }) => check(declaration).map((words) => ({ of, words }))),
    ...settingProblems(declaration.settings ?? {}, declaration.modprobeOptions),
  ];
}

/** @throws an Error with all that is wrong. */
export function checkDeclaration(declaration: BootDeclaration): void {
  const problems = declarationProblems(declaration);
  if (problems.length > 0) throw new Error(problems.map(({ words }) => words).join("\n"));
}

const checks: readonly {
  readonly of: Exclude<keyof BootDeclaration, "settings">;
  check(declaration: BootDeclaration): string[];
}[] = [
  {
    of: "kernelParameters",
    check({ kernelParameters, iommu }) {
      const each = [
        ...kernelParameters.flatMap((parameter) => said(() => checkParameter(parameter))),
        ...kernelParameters.flatMap((parameter) => said(() => bindsNothing(parameter))),
        ...(iommu ? kernelParameters.flatMap((parameter) => said(() => keepsIommuOn(parameter))) : []),
      ];
      // Together only where each is right by itself, or the same would be said twice.
      return each.length > 0 ? each : said(() => checkParameters(kernelParameters));
    },
  },
  { of: "modules", check: ({ modules }) => modules.flatMap((module) => said(() => checkModule(module))) },
  {
    of: "modprobeOptions",
    check: ({ modprobeOptions }) =>
      Object.entries(modprobeOptions).flatMap(([module, options]) =>
        said(() => bindsNothingByOption(optionsLine(module, options))),
      ),
  },
  {
    of: "blacklist",
    check: ({ blacklist }) => blacklist.flatMap((module) => said(() => checkBlacklisted(module))),
  },
  {
    of: "softdeps",
    check: ({ softdeps }) =>
      Object.entries(softdeps).flatMap(([module, dependencies]) =>
        said(() => softdepLine(module, dependencies)),
      ),
  },
  {
    of: "trialPanicSeconds",
    check: ({ trialPanicSeconds: seconds = 0 }) =>
      Number.isInteger(seconds) && seconds >= 0
        ? []
        : [
            `${seconds} is not a number of seconds that the kernel takes. Expected a whole number, 0 or more.`,
          ],
  },
  {
    of: "devices",
    check: ({ devices }) =>
      Object.entries(devices).flatMap(([name, selector]) =>
        said(() => checkSelector(selector)).map((words) => `${name}: ${words}`),
      ),
  },
];

const mendOfIds =
  "Bind devices with a passthrough_vfio_binding: by address it holds exactly one card, and ids would take its twins too.";

function bindsNothing(parameter: string): void {
  if (parseKernelParameters(parameter).some(({ name }) => name === "vfio_pci.ids"))
    throw new Error(`${JSON.stringify(parameter)} binds devices behind the bindings' back. ${mendOfIds}`);
}

function bindsNothingByOption(line: string): void {
  for (const parsed of parseModprobe(line)) {
    if (parsed.kind !== "options" || moduleName(parsed.module) !== "vfio_pci") continue;
    if (parsed.options.some((option) => /^ids(=|$)/.test(option)))
      throw new Error(`${JSON.stringify(line)} binds devices behind the bindings' back. ${mendOfIds}`);
  }
}

function keepsIommuOn(parameter: string): void {
  if (neverIommu(parameter) !== null)
    throw new Error(
      `${JSON.stringify(parameter)} switches the IOMMU off, and \`iommu\` asks for it. Declare one of them: leave the ` +
        "parameter out, or set iommu to false.",
    );
}

function checkBlacklisted(module: string): void {
  blacklistLine(module);
  if (/^vfio(_|$)/.test(moduleName(module)))
    throw new Error(
      `${JSON.stringify(module)} is what passthrough stands on; blacklisted it would not load. Leave it out.`,
    );
}

/** What a check says against a value; nothing where it is right. */
function said(check: () => unknown): string[] {
  try {
    check();
    return [];
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
}
