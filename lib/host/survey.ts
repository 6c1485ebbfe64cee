import type { CephSurvey, ClusterSurvey, HaSurvey, ProxmoxSurvey, RebootSurvey } from "../model/survey";
import { parseRecords, type Records } from "./records";
import survey from "./scripts/survey.sh";
import { assembleScript } from "./scripts";

/** Reads everything of RebootSurvey in one execution, and changes nothing. */
export const surveyScript: string = assembleScript(survey, "survey 2>/dev/null");

/**
 * @param host for messages
 * @throws where the answer is cut off
 */
export function parseSurvey(stdout: string, host: string, stderr = ""): RebootSurvey {
  const records = parseRecords(stdout, host, stderr);
  const complaints = texts(records, "complaint");
  /** What a command printed as JSON; what is none is a complaint. */
  const json = (kind: string): unknown => {
    const [text] = texts(records, kind);
    if (text === undefined) return null;
    try {
      return JSON.parse(text) as unknown;
    } catch {
      complaints.push(`no JSON in the answer about ${kind}: ${text.slice(0, 200)}`);
      return null;
    }
  };
  return {
    bootId: one(records, "boot-id"),
    noLogin: records.has("nologin"),
    kexecLoaded: records.has("kexec"),
    packageLocks: rows(records, "package-lock").map(([path = ""]) => path),
    inhibitors: inhibitors(json("inhibitors")),
    running: new Set(rows(records, "running").map(([kind = "", id = ""]) => `${kind}/${id}`)),
    proxmox: proxmox(records, json),
    ceph: ceph(records, json),
    ended: Object.fromEntries(
      rows(records, "ended").map(([name = "", code = "", words = ""]) => [
        name,
        { code: Number(code), words: decoded(words).trim() },
      ]),
    ),
    underWay: rows(records, "under-way").map(([name = ""]) => name),
    complaints: complaints.map((words) => words.trim()),
  };
}

type Json = (kind: string) => unknown;

/** `[what, who, why, mode, uid, pid]` each; only those that put a shutdown off for good count. */
function inhibitors(answer: unknown): string[] {
  const [list] = listOf(field(answer, "data"));
  return listOf(list).flatMap((entry) => {
    const [what, who, why, mode] = listOf(entry).map(String);
    if (mode !== "block" || !(what ?? "").split(":").includes("shutdown")) return [];
    return [`${who ?? ""} (${why ?? ""})`];
  });
}

/** Somebody's console is a task too, and ends with the host. */
const consoles: ReadonlySet<string> = new Set([
  "vncproxy",
  "vncshell",
  "termproxy",
  "spiceproxy",
  "spiceshell",
]);

function proxmox(records: Records, json: Json): ProxmoxSurvey | null {
  const tasks = json("tasks");
  const cluster = json("cluster");
  if (tasks === null && cluster === null) return null;
  return {
    tasks: listOf(tasks).flatMap((task) => {
      const type = String(field(task, "type") ?? "");
      const runs = field(task, "endtime") === undefined;
      return runs && !consoles.has(type) ? [{ type, id: String(field(task, "id") ?? "") }] : [];
    }),
    cluster: clusterOf(listOf(cluster), texts(records, "votes")[0] ?? ""),
    ha: haOf(json("ha")),
  };
}

function clusterOf(entries: readonly unknown[], votes: string): ClusterSurvey | null {
  const whole = entries.find((entry) => field(entry, "type") === "cluster");
  if (whole === undefined) return null;
  return {
    quorate: isTrue(field(whole, "quorate")),
    nodes: entries
      .filter((entry) => field(entry, "type") === "node")
      .map((entry) => ({
        name: String(field(entry, "name") ?? ""),
        online: isTrue(field(entry, "online")),
        local: isTrue(field(entry, "local")),
      })),
    votes: votesOf(votes),
  };
}

/** Of `pvecm status`: what is expected, and this node's own line. */
function votesOf(status: string): ClusterSurvey["votes"] {
  const [total, quorum, own] = [
    /^Total votes:\s*(\d+)/m,
    /^Quorum:\s*(\d+)/m,
    /^\s*0x[0-9a-f]+\s+(\d+)\s.*\(local\)\s*$/im,
  ].map((pattern) => Number(pattern.exec(status)?.[1] ?? NaN));
  const votes = { total: total ?? NaN, quorum: quorum ?? NaN, own: own ?? NaN };
  return Object.values(votes).some(Number.isNaN) ? null : votes;
}

function haOf(answer: unknown): HaSurvey | null {
  const entries = listOf(answer);
  const services = entries
    .filter((entry) => field(entry, "type") === "service")
    .map((entry) => ({
      sid: String(field(entry, "sid") ?? ""),
      node: String(field(entry, "node") ?? ""),
      state: String(field(entry, "state") ?? ""),
      requested: String(field(entry, "request_state") ?? "started"),
    }));
  if (services.length === 0) return null;
  return {
    services,
    dead: entries.flatMap((entry) => {
      const type = String(field(entry, "type"));
      const status = String(field(entry, "status") ?? "");
      const silent = /old timestamp|unable to read/.test(status);
      return (type === "lrm" || type === "master") && silent ? [`${type} ${status}`] : [];
    }),
  };
}

function ceph(records: Records, json: Json): CephSurvey | null {
  const [health] = texts(records, "ceph-health");
  const unstoppable = texts(records, "ceph-unstoppable")[0];
  if (health === undefined && unstoppable === undefined && !records.has("ceph-stoppable")) return null;
  const flags = String(field(json("ceph-flags"), "flags") ?? "").split(",");
  return {
    health: (health ?? "").trim(),
    noout: flags.includes("noout"),
    unstoppable: (unstoppable ?? "").trim(),
  };
}

const rows = (records: Records, kind: string) => records.get(kind) ?? [];
const one = (records: Records, kind: string) => rows(records, kind)[0]?.[0] ?? "";
const decoded = (base64: string) => Buffer.from(base64, "base64").toString("utf8");
const texts = (records: Records, kind: string) => rows(records, kind).map(([text = ""]) => decoded(text));
const listOf = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const isTrue = (value: unknown) => value === 1 || value === true || value === "1";

function field(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null && Object.hasOwn(value, name)
    ? (value as Readonly<Record<string, unknown>>)[name]
    : undefined;
}
