import { gunzipSync } from "node:zlib";
import type { LibvirtDomainFacts, LibvirtFacts } from "../model/facts";

/** What the probe says of libvirt. */
export interface LibvirtAnswer {
  /** What libvirt said instead of an answer, in base64; empty if it answered. */
  readonly complaint: string;
  /** What the headings start with. */
  readonly word: string;
  /** Lists and definitions below their headings, packed. */
  readonly domains: string;
}

/** A domain that went while the probe read has no definition, and is left out. */
export function parseLibvirt({ complaint, word, domains }: LibvirtAnswer): LibvirtFacts {
  if (complaint !== "")
    return { complaint: Buffer.from(complaint, "base64").toString("utf8").trim(), domains: {} };
  const found = new Map<string, string>();
  for (const part of gunzipSync(Buffer.from(domains, "base64")).toString("utf8").split(`${word} `)) {
    const [whole, heading] = /^(\w+ [0-9a-f-]{36})\s*/.exec(part) ?? [];
    if (whole === undefined || heading === undefined) continue;
    // What the plan sees and what the change compares must be the same bytes; the shell drops line feeds at the end.
    found.set(heading, part.slice(whole.length).replace(/\n+$/, ""));
  }
  const read = [...found].flatMap(([heading, text]) => {
    const [, uuid] = /^configured (\S+)$/.exec(heading) ?? [];
    return uuid === undefined || text === "" ? [] : [[nameOf(text), domain(uuid, text, found)] as const];
  });
  return { complaint: null, domains: Object.fromEntries(read) };
}

function domain(uuid: string, configured: string, found: ReadonlyMap<string, string>): LibvirtDomainFacts {
  return {
    uuid,
    configured,
    live: found.get(`live ${uuid}`) || null,
    persistent: found.has(`persistent ${uuid}`),
    autostart: found.has(`autostart ${uuid}`),
  };
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** The first `<name>` of a definition is the domain's own: libvirt writes it right below the root. */
function nameOf(text: string): string {
  const [, name = ""] = /<name>([^<]*)<\/name>/.exec(text) ?? [];
  return name.replace(
    /&(?:#(\d+)|#x([0-9a-f]+)|(\w+));/gi,
    (whole, decimal?: string, hex?: string, word?: string) =>
      word === undefined
        ? String.fromCodePoint(decimal === undefined ? parseInt(hex ?? "", 16) : Number(decimal))
        : (entities[word] ?? whole),
  );
}
