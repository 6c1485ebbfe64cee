/**
 * /etc/libvirt/qemu.conf: which device nodes a guest may open besides those of its own devices. One list of it is ours
 * to add to; every other byte stays as it is.
 */

export const qemuConfPath = "/etc/libvirt/qemu.conf";

const setting = "cgroup_device_acl";

/** What every guest needs. A list replaces libvirt's own, so one that we start has these. */
const indispensable = [
  "/dev/null",
  "/dev/full",
  "/dev/zero",
  "/dev/random",
  "/dev/urandom",
  "/dev/ptmx",
  "/dev/kvm",
] as const;

/** Above a list that was not there before. */
const marker =
  "# cdktf-passthrough: libvirt's own list, and below it the nodes of the devices that are passed through.";

interface Entry {
  readonly text: string;
  /** Where it stands, with its quotes. */
  readonly start: number;
  readonly end: number;
}

interface DeviceList {
  readonly start: number;
  /** Behind its `[`. */
  readonly open: number;
  /** Behind its `]`. */
  readonly end: number;
  readonly entries: readonly Entry[];
}

/**
 * The nodes of the list; null where the file has none, and libvirt goes by its own.
 * @throws an Error saying what of the file libvirt would not read, or what cannot be edited safely
 */
export function deviceNodes(text: string): readonly string[] | null {
  return listIn(text)?.entries.map((entry) => entry.text) ?? null;
}

export interface NodeChange {
  readonly add: readonly string[];
  readonly remove: readonly string[];
}

/**
 * The file with these nodes added to its list and those taken out. A list is started where there is none, and goes with
 * the last of our nodes if nobody else changed it.
 * @throws as deviceNodes does
 */
export function withDeviceNodes(text: string, { add, remove }: NodeChange): string {
  const taken = remove.reduce(withoutNode, text);
  if (add.length === 0) return withoutOwnList(taken);
  return add.reduce(withNode, listIn(taken) === null ? withOwnList(taken) : taken);
}

function withNode(text: string, node: string): string {
  const list = listIn(text);
  if (list === null || list.entries.some((entry) => entry.text === node)) return text;
  const last = list.entries.at(-1);
  return last === undefined
    ? spliced(text, list.open, list.open, `"${node}"`)
    : spliced(text, last.end, last.end, `,\n    "${node}"`);
}

/** Takes with it what separates it from its neighbour: the reverse of adding it. */
function withoutNode(text: string, node: string): string {
  const list = listIn(text);
  const at = list?.entries.findIndex((entry) => entry.text === node) ?? -1;
  const entry = list?.entries[at];
  if (list === null || entry === undefined) return text;
  const before = list.entries[at - 1];
  if (before) return spliced(text, before.end, entry.end, "");
  const next = list.entries[at + 1];
  // The only one may still have a comma behind it, which an empty list must not have.
  const end = next?.start ?? entry.end + (/^[ \t\r\n]*,/.exec(text.slice(entry.end))?.[0].length ?? 0);
  return spliced(text, entry.start, end, "");
}

/** At the end of the file, with or without a line end there, as it was. */
function withOwnList(text: string): string {
  const block = ownList(text);
  return text === "" || text.endsWith("\n") ? `${text}${block}\n` : `${text}\n${block}`;
}

function withoutOwnList(text: string): string {
  const at = text.indexOf(marker);
  const list = listIn(text);
  if (at < 0 || list === null) return text;
  const head = text.slice(0, at);
  // Somebody else's by now: only the words above it go.
  const pristine =
    text.slice(at, list.start) === `${marker}\n` &&
    list.entries.map((entry) => entry.text).join(" ") === libvirtNodes(head).join(" ");
  if (!pristine) return text.replace(`${marker}\n`, "");
  const tail = text.slice(list.end);
  return tail === "" ? head.replace(/\n$/, "") : head + tail.replace(/^\n/, "");
}

function ownList(text: string): string {
  const nodes = libvirtNodes(text).map((node) => `    "${node}"`);
  return `${marker}\n${setting} = [\n${nodes.join(",\n")}\n]`;
}

/** libvirt's own list, which its packages have as a comment: it is another one in every few releases. */
function libvirtNodes(text: string): readonly string[] {
  const [, sample = ""] =
    new RegExp(`^#[ \\t]*${setting}[ \\t]*=[ \\t]*\\[([^\\]]*)\\]`, "m").exec(text) ?? [];
  const named = [...sample.matchAll(/"(\/dev\/[\w/.-]+)"/g)].flatMap(([, node = ""]) =>
    node.startsWith("/dev/vfio/") ? [] : [node],
  );
  return [...new Set([...indispensable, ...named])];
}

function spliced(text: string, start: number, end: number, by: string): string {
  return text.slice(0, start) + by + text.slice(end);
}

function listIn(text: string): DeviceList | null {
  const lists = new Scanner(text).statements();
  const [first, second] = lists;
  if (second)
    throw new Error(
      `${qemuConfPath} sets ${setting} more than once (lines ${lineAt(text, first?.start ?? 0)} and ` +
        `${lineAt(text, second.start)}), of which libvirt takes the first. Leave one of them, and plan again.`,
    );
  return first ?? null;
}

const lineAt = (text: string, offset: number): number => text.slice(0, offset).split("\n").length;

/**
 * Reads the grammar of libvirt's configuration files: statements `name = value`, a line each or behind `;`, and
 * comments. A value is a number, a text in one of three kinds of quotes, or a list, in which no comment may stand.
 */
class Scanner {
  private at = 0;

  constructor(private readonly text: string) {}

  statements(): DeviceList[] {
    const found: DeviceList[] = [];
    for (this.skip(blanks); this.at < this.text.length; this.skip(blanks)) {
      if (this.skip(/#[^\r\n]*/y)) continue;
      const start = this.at;
      const name = this.take(/[A-Za-z]\w*/y, "a name");
      this.take(/[ \t]*=[ \t]*/y, "`=`");
      if (name === setting) found.push(this.nodes(start));
      else this.value();
      this.skip(/[ \t]*(#[^\r\n]*)?/y);
      if (this.at < this.text.length) this.take(/[\r\n;]/y, "the end of the line");
    }
    return found;
  }

  private nodes(start: number): DeviceList {
    if (this.text[this.at] !== "[") throw this.expected("a list of device nodes");
    const open = this.at + 1;
    const entries = this.list(() => {
      const from = this.at;
      const quoted = this.take(texts, "a text");
      return { text: quoted.replace(/^("""|["'])([^]*)\1$/, "$2"), start: from, end: this.at };
    });
    return { start, open, end: this.at, entries };
  }

  private value(): void {
    if (this.text[this.at] === "[") this.list(() => this.value());
    else this.take(values, "a value");
  }

  private list<T>(one: () => T): T[] {
    const found: T[] = [];
    this.take(/\[/y, "`[`");
    this.skip(blanks);
    while (!this.skip(/\]/y)) {
      if (found.length > 0) {
        this.take(/,/y, "`,` or `]`");
        this.skip(blanks);
        if (this.skip(/\]/y)) break;
      }
      found.push(one());
      this.skip(blanks);
    }
    return found;
  }

  private skip(pattern: RegExp): boolean {
    pattern.lastIndex = this.at;
    const [found = ""] = pattern.exec(this.text) ?? [];
    this.at += found.length;
    return found !== "";
  }

  private take(pattern: RegExp, what: string): string {
    const from = this.at;
    if (!this.skip(pattern)) throw this.expected(what);
    return this.text.slice(from, this.at);
  }

  /** The file may hold passwords: none of it is quoted. */
  private expected(what: string): Error {
    return new Error(
      `${qemuConfPath}, line ${lineAt(this.text, this.at)}: expected ${what}. libvirt would not start with it. ` +
        "Correct it there, and plan again.",
    );
  }
}

const blanks = /[ \t\r\n]*/y;
const texts = /"""[^]*?"""|"[^"\r\n]*"|'[^'\r\n]*'/y;
const values = new RegExp(`${texts.source}|[-+]?\\d+`, "y");
