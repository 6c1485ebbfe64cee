import { Token } from "cdktf";
import * as errors from "./errors";

/** What is known to do nothing whatever the host, by the property that has it. */
const rules: readonly {
  readonly of: "kernelParameters" | "modprobeOptions";
  readonly form: RegExp;
  readonly words: (where: string, value: string) => string;
}[] = [
  { of: "kernelParameters", form: /^amd[-_]iommu=(\w+,)*on\b/, words: errors.amdIommuOn },
  { of: "kernelParameters", form: /^(amd|intel)[-_]iommu=(\w+,)*pt\b/, words: errors.vendorIommuPt },
  {
    of: "modprobeOptions",
    form: /(^|\s)(default_hugepagesz|hugepagesz|hugepages|intel_iommu|amd_iommu|iommu|pcie_acs_override)=/,
    words: errors.kernelParameterAsOption,
  },
];

/** Warnings about declared values that do nothing, for who reads the synthesis; a plan knows more, as it sees the host. */
export function adviceAgainst(
  path: string,
  props: {
    readonly kernelParameters?: readonly string[] | undefined;
    readonly modprobeOptions?: Readonly<Record<string, string>> | undefined;
  },
): string[] {
  const declared = [
    ...(props.kernelParameters ?? []).map(
      (value) => ["kernelParameters", "kernelParameters", value] as const,
    ),
    ...Object.entries(props.modprobeOptions ?? {}).map(
      ([module, value]) => ["modprobeOptions", `modprobeOptions.${module}`, value] as const,
    ),
  ];
  return declared.flatMap(([prop, where, value]) =>
    Token.isUnresolved(value)
      ? []
      : rules
          .filter(({ of, form }) => of === prop && form.test(value))
          .map(({ words }) => words(`${path}: ${where}`, value)),
  );
}
