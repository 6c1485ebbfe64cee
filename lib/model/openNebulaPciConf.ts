/**
 * The configuration of OpenNebula's PCI probe, `pci.conf`: YAML with Ruby's symbols for keys. Three keys of it are
 * ours to write; every other byte stays as it is.
 */
import { isAlias, isMap, isScalar, isSeq, parseDocument, visit, type Node, type Scalar } from "yaml";
import { parsePciFilter, samePciFilter } from "./openNebulaFilter";

export const pciConfPath = "/var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf";

export const pciConfKeys = [":filter", ":short_address", ":device_name"] as const;
export type PciConfKey = (typeof pciConfKeys)[number];

export interface PciConfEntry {
  /** Key and value as they stand in the file. */
  readonly source: string;
  /** null: the key has no value, which for `:filter` lists every device. */
  readonly values: readonly string[] | null;
}

/** null where the key is not in the file. */
export type PciConf = Readonly<Record<PciConfKey, PciConfEntry | null>>;

interface Place {
  readonly key: PciConfKey;
  readonly start: number;
  readonly end: number;
  readonly values: readonly string[] | null;
}

/** @throws an Error saying what of the file is not as the probe would read it */
export function parsePciConf(text: string): PciConf {
  const found = new Map(
    placesIn(text).map(({ key, start, end, values }) => [key, { source: text.slice(start, end), values }]),
  );
  return {
    ":filter": found.get(":filter") ?? null,
    ":short_address": found.get(":short_address") ?? null,
    ":device_name": found.get(":device_name") ?? null,
  };
}

/** Key and value as this library writes them: `:filter: ['10de:*']`. */
export function printPciConfEntry(key: PciConfKey, values: readonly string[]): string {
  return `${key}: [${values.map((value) => `'${value.replaceAll("'", "''")}'`).join(", ")}]`;
}

/** The file with these keys; null takes a key out. */
export function withPciConf(
  text: string,
  changes: Readonly<Partial<Record<PciConfKey, string | null>>>,
): string {
  let result = text;
  for (const key of pciConfKeys) {
    const source = changes[key];
    if (source === undefined) continue;
    const place = placesIn(result).find((one) => one.key === key);
    if (place) result = source === null ? without(result, place) : replaced(result, place, source);
    else if (source !== null) result = appended(result, source);
  }
  return result;
}

function replaced(text: string, { start, end }: Place, source: string): string {
  return text.slice(0, start) + source + text.slice(end);
}

function appended(text: string, source: string): string {
  return text === "" || text.endsWith("\n") ? `${text}${source}\n` : `${text}\n${source}`;
}

/** The whole line goes where nothing else stands on it. */
function without(text: string, { start, end }: Place): string {
  const head = text.slice(0, start);
  const tail = text.slice(end);
  if (tail === "") return head.replace(/\n$/, "");
  return head + tail.replace(/^[ \t]*\n/, "");
}

/**
 * The same to the probe, whatever the writing: order and doublets do not matter, a filter may be joined by commas.
 * A `:filter` that is not in the file lists nothing, one without a value everything.
 */
export function samePciConf(key: PciConfKey, entry: PciConfEntry | null, values: readonly string[]): boolean {
  if (key !== ":filter") return sameWords(key, entry?.values ?? [], values);
  const actual = entry === null ? ["0:0"] : (entry.values ?? ["*:*"]);
  try {
    return samePciFilter(actual.flatMap(parsePciFilter), values.flatMap(parsePciFilter));
  } catch {
    // Somebody's own writing that is no filter is not what is wanted.
    return sameWords(key, actual, values);
  }
}

function sameWords(key: PciConfKey, one: readonly string[], other: readonly string[]): boolean {
  const words = (values: readonly string[]) =>
    JSON.stringify(
      [...new Set(values.map((value) => (key === ":short_address" ? value.toLowerCase() : value)))].sort(),
    );
  return words(one) === words(other);
}

function placesIn(text: string): Place[] {
  const document = parseDocument(text);
  const [error] = document.errors;
  if (error) throw new Error(`${pciConfPath} is not valid YAML: ${error.message.split("\n")[0] ?? ""}`);
  const { contents } = document;
  if (contents === null) return [];
  if (!isMap(contents) || contents.flow)
    throw new Error(`${pciConfPath} is no list of settings like \`:filter: '0:0'\`, a line each.`);
  return contents.items.flatMap((pair) => {
    const { key: name, value } = pair as { key: Scalar; value: Node | null };
    const key = pciConfKeys.find((one) => isScalar(name) && name.value === one);
    const start = name.range?.[0];
    const keyEnd = name.range?.[1];
    if (key === undefined || start === undefined || keyEnd === undefined) return [];
    if (text[keyEnd] !== ":") throw unreadable(key);
    const end = Math.max(keyEnd + 1, value?.range?.[1] ?? 0);
    const source = text.slice(start, end).replace(/\n+$/, "");
    return [{ key, start, end: start + source.length, values: valuesOf(key, value) }];
  });
}

function valuesOf(key: PciConfKey, node: Node | null): readonly string[] | null {
  let anchored = false;
  if (node !== null)
    visit(node, {
      Node: (_key, inner) => {
        anchored ||= isAlias(inner) || inner.anchor !== undefined;
      },
    });
  if (anchored) throw unreadable(key);
  if (node === null || (isScalar(node) && node.value === null)) return null;
  if (isScalar(node)) return [textOf(key, node)];
  if (isSeq(node)) return node.items.map((item) => textOf(key, item));
  throw unreadable(key);
}

/** As it is written: `00:1f` could be a number to YAML, and `07` an octal one. */
function textOf(key: PciConfKey, node: unknown): string {
  if (!isScalar(node) || node.value === null) throw unreadable(key);
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

function unreadable(key: PciConfKey): Error {
  return new Error(
    `${key} in ${pciConfPath} is written in a way that cannot be replaced safely. ` +
      `Write it as a text or a list of texts, such as \`${key}: ['...']\`, and plan again.`,
  );
}
