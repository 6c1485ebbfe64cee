import { bounded, type Block, type Bounded } from "./bounded";
import { diffLines } from "./diffs";
import type { Violation } from "./gate";
import { flowchart } from "./mermaid";
import { isBookkeeping } from "./resources";
import { cell, code, fenced, htmlCode, shortened, visible } from "./text";
import type { DeviceReview, HostReview, Review, UnknownReview, ValueChange } from "./types";
import { isChanged } from "./verdict";
import { applyWords, effectWords, placeWords, riskWords, unknownWords } from "./words";

export interface MarkdownOptions {
  /** Tells the comments of several reviews of one pull request apart: letters, digits, `.`, `_`, `-`. */
  readonly marker: string;
  /** Characters that the comment may have. */
  readonly limit: number;
  /** Where what has no room is written; null: nowhere. */
  readonly rest: string | null;
  /** What needs approval; null where there are no rules. */
  readonly violations: readonly Violation[] | null;
}

/** By what CI finds the comment that it updates. */
export function markerLine(marker: string): string {
  return `<!-- cdktf-passthrough review: ${marker} -->`;
}

/** The review as a comment of a pull request. */
export function markdown(review: Review, options: MarkdownOptions): Bounded {
  const { hosts, violations } = { ...review, ...options };
  const changed = hosts.filter(
    (host) => isChanged(host) || host.drift.length > 0 || host.risks.some(({ introduced }) => introduced),
  );
  const blocks: Block[] = [
    ...(violations === null ? [] : [{ what: "approval" as const, markdown: approval(violations) }]),
    ...reboots(hosts),
    ...picture(review),
    ...changed.flatMap((host): Block[] => [
      { what: "host", markdown: hostSection(host, review) },
      ...hostChanges(host),
    ]),
    ...otherResources(review),
  ];
  const where =
    options.rest === null
      ? "`--rest <file>` writes it to a file."
      : `It is in ${code(options.rest)}, an artefact of this run.`;
  return bounded(head(review, options), blocks, options.limit, where);
}

function head(review: Review, { marker, violations }: MarkdownOptions): string {
  const broken = review.stacks.filter(({ errored }) => errored).length;
  const missing = review.stacks
    .filter(({ planned }) => !planned)
    .slice(0, 10)
    .map(({ name }) => code(name ?? ""));
  return [
    markerLine(marker),
    `## Passthrough: ${review.verdict}`,
    ...(violations !== null && violations.length > 0 ? ["", "**Needs approval**: see below."] : []),
    ...(missing.length > 0 ? ["", `**Not planned**: ${missing.join(", ")}.`] : []),
    ...(broken > 0
      ? ["", "**Terraform ended a plan with an error**: what it would do is not all here."]
      : []),
    ...(review.summary.reboots + review.summary.possibleReboots > 0
      ? ["", "Every guest of a host that reboots stops, also one that this plan does not name."]
      : []),
  ].join("\n");
}

function approval(violations: readonly Violation[]): string {
  if (violations.length === 0) return "**Approval**: the rules ask for none.";
  return [
    "### Needs approval",
    "",
    ...violations.map(({ rule, words, subjects }) => {
      const shown = subjects.slice(0, 10).map((subject) => code(subject));
      const more = subjects.length > shown.length ? [`and ${subjects.length - shown.length} more`] : [];
      return `- \`${rule}\`: ${words}: ${[...shown, ...more].join(", ")}`;
    }),
  ].join("\n");
}

function reboots(hosts: readonly HostReview[]): Block[] {
  const due = hosts
    .filter(({ reboot }) => reboot.required !== false)
    .sort((one, other) => (one.reboot.wave ?? 0) - (other.reboot.wave ?? 0));
  if (due.length === 0) return [];
  const rows = due.map(({ name, reboot, guests }) => {
    const stopping = guests.filter(({ effect }) => effect === "stops" || effect === "may-stop");
    const why = reboot.required === null ? "only the apply knows" : cell(reboot.reason ?? "");
    const ids = stopping.map(({ id, name: own }) => cell(id ?? own)).join(", ") || "none that the plan names";
    return `| ${reboot.wave ?? "?"} | ${cell(name)} | ${reboot.required === null ? "maybe" : "yes"} | ${why} | ${ids} |`;
  });
  const table = [
    "| Wave | Host | Reboots | Why | Guests that stop |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ];
  const order = "A wave begins when the hosts of the one before are back and proven.";
  return [{ what: "reboots", markdown: ["### Reboots", "", order, "", ...table].join("\n") }];
}

function picture(review: Review): Block[] {
  const lines = flowchart(review);
  if (lines === null) return [];
  return [{ what: "picture", markdown: ["### What moves", "", "```mermaid", ...lines, "```"].join("\n") }];
}

function hostSection(host: HostReview, { stacks }: Review): string {
  const of = stacks.length > 1 && host.stack !== null ? ` of stack ${code(host.stack)}` : "";
  const parts = [
    rebootPart(host),
    guestsPart(host),
    devicesPart(host),
    risksPart(host),
    driftPart(host),
    unknownPart(host),
  ].filter((part) => part !== "");
  return [`### ${placeWords[host.kind]} ${code(host.name)}${of}`, ...parts].join("\n\n");
}

function rebootPart({ kind, reboot, action, assumed }: HostReview): string {
  const seen = assumed ? " **Planned without the host.**" : "";
  if (kind !== "host") return seen.trim();
  if (action === "delete") return `It is given back. Destroy never reboots.${seen}`;
  if (reboot.required === true)
    return `**Reboots**${reboot.wave === null ? "" : ` in wave ${reboot.wave}`}: ${code(reboot.reason ?? "", 500)}${seen}`;
  if (reboot.required === null) return `**May reboot**: only the apply knows.${seen}`;
  if (reboot.waits)
    return `**Waits for a reboot by hand**, which this deploy does not order: ${reboot.reason === null ? "only the apply knows whether one is due" : code(reboot.reason, 500)}${seen}`;
  return `Does not reboot.${seen}`;
}

function guestsPart({ guests }: HostReview): string {
  const told = guests.filter(({ effect, action }) => effect !== "none" || action !== "none");
  return list(
    "Guests:",
    told.map(({ id, name, effect, movesFrom, action }) => {
      const from = movesFrom === null ? "" : ` instead of ${code(movesFrom)}`;
      const gone = action === "delete" ? "; its devices and settings of ours leave it" : "";
      const template = id?.startsWith("template:") ? id.slice("template:".length) : null;
      if (template !== null)
        return `VM template ${code(template)} (${code(name)}) changes for VMs that are made of it from then on${gone}`;
      return `VM ${code(id ?? "?")} (${code(name)}) ${effectWords[effect]}${from}${gone}`;
    }),
  );
}

function devicesPart({ devices }: HostReview): string {
  const told = devices.filter(({ changesHands }) => changesHands);
  if (told.length === 0) return "";
  const rows = told.map((device) => {
    const columns = [
      device.name === null ? "not known" : cell(device.name),
      cell(device.address),
      device.id === null ? "not known" : cell(device.id),
      group(device),
      pair(driver(device.driver.before), driver(device.driver.after)),
      pair(guestIds(device.guests.before), guestIds(device.guests.after)),
    ];
    return `| ${columns.join(" | ")} |`;
  });
  return [
    "| Device | Address | Ids | IOMMU group | Driver | VM |",
    "| --- | --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function group({ iommuGroup: { before, after } }: DeviceReview): string {
  const known = after ?? before;
  return known === null || known === "" ? "not known yet" : cell(known);
}

function driver(name: string | null): string {
  if (name === null) return "not known";
  return name === "" ? "none" : cell(name);
}

function guestIds(ids: readonly string[]): string {
  return ids.map((id) => cell(id)).join(", ") || "none";
}

function pair(before: string, after: string): string {
  return before === after ? after : `${before} → ${after}`;
}

function risksPart({ risks }: HostReview): string {
  return list(
    "Risks:",
    risks.map(
      ({ kind, subject, introduced }) =>
        `${code(subject)}: ${riskWords[kind]}${introduced ? "" : " (stands already)"}`,
    ),
  );
}

function driftPart({ drift }: HostReview): string {
  return list(
    "Found changed by somebody else:",
    drift.map(({ address, path, before, after, putBack }) => {
      const [attribute, ...keys] = path;
      const place = attribute === "files" ? keys.join(" ") : path.join(" ");
      const what = `${code(address)}: ${code(place)}`;
      const values = attribute === "files" ? "" : `: ${value(before)} → ${value(after)}`;
      return `${what}${values}; ${putBack ? "this plan puts it back" : "this plan leaves it so"}`;
    }),
  );
}

function value(text: string | null): string {
  return text === null ? "not set" : code(text);
}

/** Told by reason; what is only bookkeeping is not missed. */
function unknownPart({ unknown }: HostReview): string {
  const silent = new Set(["machine_id", "node", "boot_loader", "initramfs", "cpu_vendor"]);
  const kept = ["reboot_required"];
  const told = unknown.filter(
    ({ attribute }) => kept.includes(attribute) || !(isBookkeeping(attribute) || silent.has(attribute)),
  );
  const reasons = new Map<string, string[]>();
  for (const one of told) {
    const why = whyUnknown(one);
    reasons.set(why, [...(reasons.get(why) ?? []), `${code(one.attribute)} of ${code(one.address)}`]);
  }
  return list(
    "Known only after the apply:",
    [...reasons].map(([why, what]) => `${what.join(", ")}: ${why}`),
  );
}

function whyUnknown({ why, from, attribute }: UnknownReview): string {
  if (why === "apply" && Object.hasOwn(applyWords, attribute)) return applyWords[attribute] ?? "";
  const names = from.slice(0, 5).map((name) => code(name));
  return [unknownWords[why], names.join(", ")].filter((part) => part !== "").join(" ");
}

/** The diffs of a host, folded. */
function hostChanges(host: HostReview): Block[] {
  // Devices have a table of their own.
  const told = host.changes.filter(
    ({ path }) => !["functions", "addresses", "iommu_groups"].includes(path[0] ?? ""),
  );
  const putBack = host.drift.filter((drift) => drift.putBack && drift.path[0] === "files").map(mirrored);
  if (told.length + putBack.length === 0) return [];
  const files = told.filter(({ path }) => path[0] === "files");
  const others = told.filter(
    ({ path }) => path[0] !== "files" && path[0] !== "machine_id" && path[0] !== "node",
  );
  const parts = [
    ...files.map((file) => diff(code(file.path.slice(1).join(" ")), diffLines(file))),
    ...putBack.map((file) => diff(`${code(file.path.slice(1).join(" "))}, put back`, diffLines(file))),
    ...byAddress(others).map(([address, values]) => diff(code(address), values.flatMap(valueLines))),
  ];
  const summary = `<details><summary>What changes on ${htmlCode(host.name)}</summary>`;
  return [{ what: "changes of a host", markdown: [summary, ...parts, "</details>"].join("\n\n") }];
}

function mirrored({ before, after, ...drift }: ValueChange): ValueChange {
  return { ...drift, before: after, after: before };
}

function diff(title: string, lines: readonly string[]): string {
  return `${title}\n\n${fenced("diff", lines)}`;
}

function byAddress(changes: readonly ValueChange[]): [string, ValueChange[]][] {
  const addresses = new Map<string, ValueChange[]>();
  for (const change of changes)
    addresses.set(change.address, [...(addresses.get(change.address) ?? []), change]);
  return [...addresses];
}

/** `- machine = pc`, `+ machine = q35`. */
function valueLines({ path, before, after }: ValueChange): string[] {
  const name = path.map((part) => visible(shortened(part, 100))).join(".");
  const side = (sign: string, text: string | null) =>
    text === null ? [] : [`${sign} ${name} = ${text.split("\n").join(", ")}`];
  return [...side("-", before), ...side("+", after)];
}

function otherResources({ otherChanges }: Review): Block[] {
  if (otherChanges.length === 0) return [];
  const shown = otherChanges.slice(0, 100);
  const lines = shown.map(({ address, action }) => `- ${action}: ${code(address)}`);
  const more = otherChanges.length > shown.length ? [`- and ${otherChanges.length - shown.length} more`] : [];
  return [
    {
      what: "other resources",
      markdown: [
        "<details><summary>Other resources</summary>",
        [...lines, ...more].join("\n"),
        "</details>",
      ].join("\n\n"),
    },
  ];
}

function list(title: string, items: readonly string[]): string {
  return items.length === 0 ? "" : [title, "", ...items.map((item) => `- ${item}`)].join("\n");
}
