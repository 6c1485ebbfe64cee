import type { MappingKind } from "./mappingFile";

const pciAddress = "[a-f0-9]{4,}:[a-f0-9]{2}:[a-f0-9]{2}(?:\\.[a-f0-9])?";
const ids = /^[0-9A-Fa-f]{4}:[0-9A-Fa-f]{4}$/;
const mismatch = "value does not match the regex pattern";

interface Property {
  readonly form: RegExp;
  readonly words: string;
  readonly optional?: boolean;
}

const node: Property = {
  form: /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/,
  words: "invalid format - value does not look like a valid node name",
};
const description: Property = {
  form: /^.{0,4096}$/,
  words: "value may only be 4096 characters long",
  optional: true,
};

/** What stands in one `--map`. */
const properties: Readonly<Record<MappingKind, Readonly<Record<string, Property>>>> = {
  pci: {
    node,
    id: { form: ids, words: mismatch },
    "subsystem-id": { form: ids, words: mismatch, optional: true },
    path: { form: new RegExp(`^(?:${pciAddress};)*${pciAddress}$`), words: mismatch },
    iommugroup: { form: /^-?\d+$/, words: "type check ('integer') failed", optional: true },
    description,
  },
  usb: {
    node,
    id: { form: ids, words: mismatch },
    path: { form: /^\d+-\d+(\.\d+)*$/, words: mismatch, optional: true },
    description,
  },
};

export function parseEntry(entry: string): Record<string, string> {
  return Object.fromEntries(
    entry.split(",").map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? ["", part] : [part.slice(0, at), part.slice(at + 1)];
    }),
  );
}

/** `.id: value does not match the regex pattern`, one for each complaint. */
export function complaintsAboutEntry(kind: MappingKind, entry: string): string[] {
  const known = properties[kind];
  const parts = entry.split(",").map((part) => part.slice(0, Math.max(part.indexOf("="), 0)));
  if (parts.includes("") || new Set(parts).size < parts.length) return [": invalid format - format error"];
  const given = parseEntry(entry);
  return [
    ...Object.entries(given).flatMap(([name, value]) => {
      const property = Object.hasOwn(known, name) ? known[name] : undefined;
      if (property === undefined)
        return [
          `.${name}: property is not defined in schema and the schema does not allow additional properties`,
        ];
      return property.form.test(value) ? [] : [`.${name}: ${property.words}`];
    }),
    ...Object.entries(known).flatMap(([name, { optional }]) =>
      optional || given[name] !== undefined ? [] : [`.${name}: property is missing and it is not optional`],
    ),
  ];
}
