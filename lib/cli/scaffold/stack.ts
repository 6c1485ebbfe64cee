import { claims } from "../../hypervisors/registry";
import type { HostFacts } from "../../model/facts";
import { FreshNames } from "../../model/freshNames";
import { describeHost, type HostDescription } from "../../model/hostDescription";
import { observe } from "../../model/observation";
import type { Connection } from "../../host/types";
import { bindingFields, bindingsOf } from "./bindings";
import { record } from "./fields";
import { describeSystems, type DescribedVm } from "./systems";
import { commentLine, isTemplate, literal, print, type Field } from "./typescript";
import { usesBinding, vmFields } from "./vms";

export interface Stack {
  /** Name of the stack and of its host. */
  readonly name: string;
  /** main.ts */
  readonly source: string;
  /** What the stack does not say, a clause each. */
  readonly leftOut: readonly string[];
}

/**
 * The stack that describes a host as it is: deployed, it imports everything and changes nothing.
 * @throws an Error where the host cannot be understood or is declared already.
 */
export function stackOf(facts: HostFacts, connection: Connection): Stack {
  const inUse = claims(facts).flatMap((claim) => (claim.inUse ? [claim.address] : []));
  const host = withoutTemplates(describeHost(observe(facts), new Set(inUse)));
  const { vms, leftOut: unsaid } = describeSystems(facts);
  const names = new FreshNames();
  const name = names.give(facts.hostname, "host");
  const bindings = bindingsOf(host.devices, names);
  const constructs = [
    "IommuHost",
    ...(vms.length > 0 ? ["PassthroughVm"] : []),
    ...new Set(vms.map(({ system }) => system.construct)),
    ...(bindings.length > 0 ? ["VfioBinding"] : []),
  ];
  const leftOut = [...host.leftOut, ...unsaid];
  const blocks = [
    ['import { App, TerraformStack } from "cdktf";', importLine(constructs, "cdktf-passthrough")],
    [
      commentLine(`${facts.hostname} as it was found: ${about(facts)}.`),
      "// `adopt` imports what is there: the first deploy changes nothing. From then on",
      "// this is where the host's passthrough is changed.",
      "const app = new App();",
      `const stack = new TerraformStack(app, ${literal(name)});`,
    ],
    [
      statement(
        vms.length + bindings.length > 0 ? "host" : null,
        "IommuHost",
        name,
        hostFields(host, connection),
      ),
    ],
    ...places(vms, names),
    ...bindings.map((binding) => [
      statement(
        vms.some((vm) => usesBinding(vm, binding)) ? binding.variable : null,
        "VfioBinding",
        binding.name,
        bindingFields(binding),
      ),
    ]),
    ...vms.map((vm) => [
      statement(
        null,
        "PassthroughVm",
        names.give(vm.name, /^\d+$/.test(vm.declaration.vmId) ? `vm${vm.declaration.vmId}` : "vm"),
        vmFields(vm, bindings),
      ),
    ]),
    ...(leftOut.length > 0
      ? [["// Not described:", ...leftOut.map((clause) => commentLine(`- ${clause}`))]]
      : []),
    ["app.synth();"],
  ];
  return { name, source: blocks.map((lines) => `${lines.join("\n")}\n`).join("\n"), leftOut };
}

/** Front ends on the host, of which VMs are. */
function places(vms: readonly DescribedVm[], names: FreshNames): string[][] {
  const found = new Map(
    vms.flatMap(({ system: { place, construct } }) => (place ? [[place, construct]] : [])),
  );
  return [...found].map(([variable, construct]) => [
    statement(variable, construct, names.give(variable, "place"), [{ name: "host", value: { raw: "host" } }]),
  ]);
}

function about(facts: HostFacts): string {
  const proxmox = facts.proxmox === null ? [] : [`Proxmox VE ${facts.proxmox.version}`];
  return [facts.distribution.prettyName, `Linux ${facts.kernel.release}`, ...proxmox]
    .filter(Boolean)
    .join(", ");
}

function importLine(constructs: readonly string[], from: string): string {
  const sorted = [...constructs].sort();
  const line = `import { ${sorted.join(", ")} } from "${from}";`;
  return line.length <= 80
    ? line
    : `import {\n${sorted.map((name) => `  ${name},\n`).join("")}} from "${from}";`;
}

function statement(variable: string | null, construct: string, id: string, fields: readonly Field[]): string {
  const start = `${variable === null ? "" : `const ${variable} = `}new ${construct}(stack, ${literal(id)}, `;
  return print({ fields, expanded: true }, start, ");");
}

// The host

/** Terraform would evaluate what stands in braces, and it is a host that wrote it. */
function withoutTemplates(host: HostDescription): HostDescription {
  const { kernelParameters, modprobeOptions } = host.declaration;
  const [said, parameters] = partition(kernelParameters, isTemplate);
  const [saidOptions, options] = partition(Object.entries(modprobeOptions), ([, text]) => isTemplate(text));
  const declaration = {
    ...host.declaration,
    kernelParameters: parameters,
    modprobeOptions: Object.fromEntries(options),
  };
  const leftOut = [
    ...said.map((parameter) => `the kernel parameter ${parameter}, a template to Terraform`),
    ...saidOptions.map(([module, text]) => `the options of ${module}, a template to Terraform: ${text}`),
  ];
  return { ...host, declaration, leftOut: [...host.leftOut, ...leftOut] };
}

function partition<T>(values: readonly T[], test: (value: T) => boolean): [T[], T[]] {
  return [values.filter(test), values.filter((value) => !test(value))];
}

function hostFields({ declaration, iommuIsOn }: HostDescription, connection: Connection): Field[] {
  const { iommu, vfioModules, allowUnsafeInterrupts } = declaration;
  return [
    { name: "connection", value: record(connectionProps(connection)) },
    ...(iommu
      ? []
      : [
          {
            name: "iommu",
            value: false,
            comment: iommuIsOn
              ? "The IOMMU is on, but not by a parameter that every later boot is sure to have."
              : "The host boots without the parameter that turns the IOMMU on.",
          },
        ]),
    ...list("kernelParameters", declaration.kernelParameters),
    ...(vfioModules ? [] : [{ name: "vfioModules", value: false }]),
    ...list("modules", declaration.modules),
    ...map("modprobeOptions", declaration.modprobeOptions),
    ...list("blacklist", declaration.blacklist),
    ...map("softdeps", declaration.softdeps),
    ...(allowUnsafeInterrupts ? [{ name: "allowUnsafeInterrupts", value: true }] : []),
    { name: "adopt", value: true },
  ];
}

function connectionProps({ host, port, user, identityFile, hostKey }: Connection) {
  return { host, port, user, identityFile, hostKey };
}

const list = (name: string, values: readonly string[]): Field[] =>
  values.length === 0 ? [] : [{ name, value: values }];

const map = (name: string, values: Readonly<Record<string, string>>): Field[] =>
  Object.keys(values).length === 0 ? [] : [{ name, value: record(values) }];
