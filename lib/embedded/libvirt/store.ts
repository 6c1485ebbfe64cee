import { DOMParser, XMLSerializer, type Document, type Element } from "@xmldom/xmldom";
import type { Machine } from "../machine";

/** libvirt said no: its words, behind `error: ` on stderr. */
export class VirshError extends Error {}

const folder = "/etc/libvirt/qemu";
const configurationFile = (name: string) => `${folder}/${name}.xml`;
const statusFile = (name: string) => `/run/libvirt/qemu/${name}.xml`;
const autostartLink = (name: string) => `${folder}/autostart/${name}.xml`;

export interface StoredDomain {
  readonly name: string;
  readonly uuid: string;
  /** null: it is transient. */
  readonly configuration: string | null;
  /** null: it does not run. */
  readonly live: string | null;
  readonly autostart: boolean;
}

export function domains({ files }: Machine): StoredDomain[] {
  const names = (path: string) => files.list(path).flatMap((name) => /^(.+)\.xml$/.exec(name)?.[1] ?? []);
  const all = new Set([...names(folder), ...names("/run/libvirt/qemu")]);
  return [...all].sort().map((name) => {
    const [configuration, live] = [files.read(configurationFile(name)), files.read(statusFile(name))];
    const uuid = uuidIn(configuration ?? live ?? "");
    return { name, uuid, configuration, live, autostart: files.exists(autostartLink(name)) };
  });
}

/** Every command looks a domain up among all: what was parsed once is not parsed again. */
const uuids = new Map<string, string>();

function uuidIn(xml: string): string {
  const known = uuids.get(xml);
  if (known !== undefined) return known;
  const { uuid } = identity(parse(xml));
  if (uuids.size >= 1000) uuids.clear();
  uuids.set(xml, uuid);
  return uuid;
}

/** By number of a running one, by UUID, by name, in this order, as virsh does. */
export function domainOf(machine: Machine, word: string): StoredDomain {
  const all = domains(machine);
  const running = all.filter(({ live }) => live !== null);
  const found =
    running.find((_, at) => String(at + 1) === word) ??
    all.find(({ uuid }) => uuid === word.toLowerCase()) ??
    all.find(({ name }) => name === word);
  if (found) return found;
  throw new VirshError(`failed to get domain '${word}'`);
}

export function saveConfiguration({ files }: Machine, name: string, xml: string): void {
  files.replace(configurationFile(name), xml);
}

export function removeConfiguration({ files }: Machine, name: string): void {
  files.remove(configurationFile(name));
  files.remove(autostartLink(name));
}

export function saveLive({ files }: Machine, name: string, xml: string | null): void {
  if (xml === null) files.remove(statusFile(name));
  else files.write(statusFile(name), xml);
}

export function setAutostart({ files }: Machine, name: string, on: boolean): void {
  files.remove(autostartLink(name));
  if (on) files.link(autostartLink(name), configurationFile(name));
}

/** @throws VirshError for what is not well-formed. */
export function parse(xml: string): Document {
  try {
    return new DOMParser({
      onError: (_level, message) => {
        throw new VirshError(`(domain_definition):1: ${message}`);
      },
    }).parseFromString(xml, "text/xml");
  } catch (error) {
    throw error instanceof VirshError
      ? error
      : new VirshError("(domain_definition):1: Document is empty, expected '<'");
  }
}

/** libvirt quotes with apostrophes, but for what others put into `<metadata>`. */
export function print(document: Document): string {
  const text = new XMLSerializer().serializeToString(document).trimEnd();
  const parts = text.split(/(<metadata>[^]*<\/metadata>)/);
  const quoted = parts.map((part) =>
    part.startsWith("<metadata>")
      ? part
      : part.replace(/<[^>]*>/g, (tag) =>
          tag.replace(/="([^"]*)"/g, (_, value: string) => `='${value.replaceAll("'", "&apos;")}'`),
        ),
  );
  return `${quoted.join("")}\n`;
}

export function identity(document: Document): { name: string; uuid: string } {
  const root = rootOf(document);
  const text = (tag: string) => childrenOf(root, tag)[0]?.textContent ?? "";
  return { name: text("name"), uuid: text("uuid") };
}

export function rootOf(document: Document): Element {
  const root = document.documentElement;
  if (root === null) throw new VirshError("XML error: root element was not found");
  return root;
}

export function childrenOf(parent: Element, tag?: string): Element[] {
  return Array.from(parent.childNodes).filter(
    (node): node is Element =>
      node.nodeType === parent.ELEMENT_NODE && (tag === undefined || node.nodeName === tag),
  );
}

export function devicesOf(document: Document): Element[] {
  return childrenOf(rootOf(document), "devices").flatMap((devices) => childrenOf(devices));
}
