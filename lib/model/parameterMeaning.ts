import { parseCommandLine, type KernelParameter } from "./commandLineSyntax";

/** What it means that a parameter stands in a command line more than once. */
type Rule =
  /** Only the last one counts. */
  | { readonly kind: "last" }
  /** Only the last one counts, and it is a comma list. */
  | { readonly kind: "last-list" }
  /** Each one counts by itself. */
  | { readonly kind: "each" }
  /** Comma lists that add up. */
  | { readonly kind: "sum" }
  /** Comma options taken one after the other; in a group of opposites the later one undoes the earlier. */
  | {
      readonly kind: "options";
      readonly opposites: readonly (readonly string[])[];
      /** Options that nothing later undoes. */
      readonly final?: readonly string[];
    };

const rules: Readonly<Record<string, Rule>> = {
  intel_iommu: {
    kind: "options",
    opposites: [
      ["on", "off"],
      ["sm_on", "sm_off"],
    ],
  },
  // The kernel knows no amd_iommu=on; what turned it off stays.
  amd_iommu: {
    kind: "options",
    opposites: [
      ["on", "off"],
      ["pgtbl_v1", "pgtbl_v2"],
    ],
    final: ["off"],
  },
  iommu: {
    kind: "options",
    opposites: [
      ["pt", "nopt", "off", "soft"],
      ["force", "noforce"],
    ],
  },
  pci: { kind: "options", opposites: [] },
  pcie_acs_override: { kind: "options", opposites: [] },
  efi: { kind: "options", opposites: [] },
  "modprobe.blacklist": { kind: "sum" },
  initcall_blacklist: { kind: "sum" },
  modules_load: { kind: "sum" },
  "rd.driver.pre": { kind: "sum" },
  "rd.driver.post": { kind: "sum" },
  "rd.driver.blacklist": { kind: "sum" },
  // A plain string of the kernel, unlike modprobe.blacklist: a second one replaces the first.
  module_blacklist: { kind: "last-list" },
  "vfio_pci.ids": { kind: "last-list" },
  console: { kind: "each" },
  earlycon: { kind: "each" },
  crashkernel: { kind: "each" },
  ip: { kind: "each" },
  memmap: { kind: "each" },
  video: { kind: "each" },
  ivrs_acpihid: { kind: "each" },
  ivrs_hpet: { kind: "each" },
  ivrs_ioapic: { kind: "each" },
  "systemd.mask": { kind: "each" },
  "systemd.setenv": { kind: "each" },
  "systemd.wants": { kind: "each" },
};

function ruleOf(name: string): Rule {
  const rule = rules[name];
  if (rule) return rule;
  // dracut's rd.luks.uuid, rd.lvm.lv, rd.md.uuid and the like name one thing each.
  return name.startsWith("rd.") ? { kind: "each" } : { kind: "last" };
}

/** Whether a command line says what the parameter asks for, however it is written there. */
export function satisfies(commandLine: string, parameter: string): boolean {
  return unmetParameters(commandLine, [parameter]).length === 0;
}

/** The declared parameters, as declared, that a command line does not satisfy. */
export function unmetParameters(commandLine: string, declared: readonly string[]): string[] {
  const there = parseCommandLine(commandLine).parameters;
  return unitsOf(declared)
    .filter((unit) => !unit.parameters.every((parameter) => isMet(there, parameter, unit.parameters)))
    .flatMap((unit) => unit.texts);
}

/** Parameters that only mean something together: a huge page size and the count that follows it. */
export interface Unit {
  readonly texts: readonly string[];
  readonly parameters: readonly KernelParameter[];
}

export function unitsOf(declared: readonly string[]): Unit[] {
  const units: Unit[] = [];
  for (const text of declared) {
    const parameters = parseCommandLine(text).parameters;
    const before = units[units.length - 1];
    const follows =
      parameters[0]?.name === "hugepages" &&
      before?.parameters[before.parameters.length - 1]?.name === "hugepagesz";
    if (before && follows) {
      units[units.length - 1] = {
        texts: [...before.texts, text],
        parameters: [...before.parameters, ...parameters],
      };
    } else {
      units.push({ texts: [text], parameters });
    }
  }
  return units;
}

/** Whether two parameters say the same, whatever the quoting, hex case or order of a list. */
export function sameParameter(a: KernelParameter, b: KernelParameter): boolean {
  return a.name === b.name && valueOf(a) === valueOf(b);
}

function isMet(
  there: readonly KernelParameter[],
  wanted: KernelParameter,
  unit: readonly KernelParameter[],
): boolean {
  if (wanted.name === "hugepages" || wanted.name === "hugepagesz") return hasHugePages(there, unit);
  const same = there.filter((parameter) => parameter.name === wanted.name);
  const rule = ruleOf(wanted.name);
  switch (rule.kind) {
    case "last": {
      const last = same[same.length - 1];
      return last !== undefined && sameParameter(last, wanted);
    }
    case "last-list":
      return includesAll(itemsOf(same.slice(-1)), itemsOf([wanted]));
    case "each":
      return same.some((parameter) => sameParameter(parameter, wanted));
    case "sum":
      return includesAll(itemsOf(same), itemsOf([wanted]));
    case "options":
      return includesAll(optionsInForce(itemsOf(same), rule), itemsOf([wanted]));
  }
}

function itemsOf(parameters: readonly KernelParameter[]): string[] {
  return parameters.flatMap((parameter) => normaliseValue(parameter.value ?? "").split(","));
}

function includesAll(there: readonly string[], wanted: readonly string[]): boolean {
  return wanted.every((item) => there.includes(item));
}

function optionsInForce(items: readonly string[], rule: Extract<Rule, { kind: "options" }>): string[] {
  let inForce: string[] = [];
  for (const item of items) {
    const opposites = rule.opposites.find((group) => group.includes(item)) ?? [item];
    if (opposites.some((other) => other !== item && inForce.includes(other) && rule.final?.includes(other)))
      continue;
    inForce = [...inForce.filter((other) => !opposites.includes(other)), item];
  }
  return inForce;
}

/** Pages by size; the kernel takes the first count of a size and ignores another one. */
function hugePages(parameters: readonly KernelParameter[]): Map<string, string | null> {
  const pools = new Map<string, string | null>();
  const standard = parameters.filter((parameter) => parameter.name === "default_hugepagesz").pop();
  let size = bytes(standard?.value ?? "");
  for (const { name, value } of parameters) {
    if (name === "hugepagesz") {
      size = bytes(value ?? "");
      if (!pools.has(size)) pools.set(size, null);
    }
    if (name === "hugepages" && (pools.get(size) ?? null) === null) pools.set(size, value);
  }
  return pools;
}

function hasHugePages(there: readonly KernelParameter[], wanted: readonly KernelParameter[]): boolean {
  const pools = hugePages(there);
  const standard = there.filter((parameter) => parameter.name === "default_hugepagesz");
  return [...hugePages([...standard, ...wanted])].every(
    ([size, count]) => pools.has(size) && (count === null || pools.get(size) === count),
  );
}

/** `1G` and `1024M` are one size. */
function bytes(size: string): string {
  const [, number, unit = ""] = /^(\d+)([KMGT]?)$/i.exec(size) ?? [];
  return number === undefined
    ? size
    : String(Number(number) * 1024 ** " KMGT".indexOf(unit.toUpperCase() || " "));
}

function valueOf(parameter: KernelParameter): string | null {
  const { name, value } = parameter;
  const moduleParameter = name.includes(".");
  if (moduleParameter && (value === null || /^[yY1]$/.test(value))) return "1";
  if (moduleParameter && value !== null && /^[nN0]$/.test(value)) return "0";
  if (value === null) return null;
  const normal = normaliseValue(value);
  return name.endsWith(".ids") ? normal.split(",").sort().join(",") : normal;
}

// Elsewhere the case of letters may matter, so only what can be nothing but hex is folded.
const hexItem = /^(0x[0-9a-f]+|[0-9a-f]{2,8}(:[0-9a-f]{2,8})+(\.[0-7])?)$/i;

function normaliseValue(value: string): string {
  return value
    .split(",")
    .map((item) => (hexItem.test(item) ? item.toLowerCase() : item))
    .join(",");
}
