import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { clusterStatus, haStatus, tasks } from "./cluster";
import { mappingApi, type ApiOptions } from "./mappingApi";
import { migrateVm } from "./migration";
import { isRunning, QmError, readVm, vmIds } from "./vm";

/** What the API answers to `get`, by path. */
const resources: Readonly<Record<string, (machine: Machine) => unknown>> = {
  "/nodes": ({ profile }) => [
    {
      node: profile.proxmox?.node,
      status: "online",
      type: "node",
      id: `node/${profile.proxmox?.node ?? ""}`,
    },
  ],
  "/version": ({ profile }) => ({
    version: profile.proxmox?.version,
    release: profile.proxmox?.version.replace(/\.\d+$/, ""),
  }),
  "/cluster/status": clusterStatus,
  "/cluster/ha/status/current": haStatus,
  "/cluster/resources": (machine) =>
    vmIds(machine).map((id) => ({
      id: `qemu/${id}`,
      type: "qemu",
      vmid: Number(id),
      node: machine.profile.proxmox?.node,
      name: readVm(machine, id).configuration.current["name"],
      status: isRunning(machine, id) ? "running" : "stopped",
    })),
  "/cluster/tasks": () => [],
};

/** What is asked of a node is asked of this one: there is no other. */
function resourceAt({ profile }: Machine, path: string): ((machine: Machine) => unknown) | undefined {
  if (path === `/nodes/${profile.proxmox?.node ?? ""}/tasks`) return tasks;
  return resources[path];
}

function answerOf(machine: Machine, verb: string, path: string, options: ApiOptions): unknown {
  const [, from = "", id = ""] = /^\/nodes\/([^/]+)\/qemu\/(\d+)\/migrate$/.exec(path) ?? [];
  if (verb !== "create" || id === "") return mappingApi(machine, verb, path, options);
  migrateVm(machine, {
    id,
    from,
    target: options["target"]?.[0] ?? "",
    online: options["online"]?.[0] === "1",
  });
  return `UPID:${from}:0001E241:0012D688:674F0001:qmigrate:${id}:root@pam:`;
}

/** How an answer is shown; not part of a call. */
const shown = ["output-format", "noborder", "noheader", "human-readable", "quiet"];

export const pvesh: Program = ({ arguments: args }, machine) => {
  const [verb = "", path = "", ...rest] = args;
  const resource = verb === "get" || verb === "ls" ? resourceAt(machine, path.replace(/\/$/, "")) : undefined;
  try {
    const answer = resource ? resource(machine) : answerOf(machine, verb, path, parseOptions(rest));
    if (answer === undefined) return failed(`No '${verb}' handler defined for '${path}'`, 2);
    return answer === null ? {} : { output: `${JSON.stringify(answer)}\n` };
  } catch (error) {
    if (error instanceof QmError) return failed(error.message, error.code);
    throw error;
  }
};

function parseOptions(words: readonly string[]): ApiOptions {
  const options: Record<string, string[]> = {};
  for (let at = 0; at < words.length; at++) {
    const [, name, inline] = /^--?([a-zA-Z][\w-]*)(?:=(.*))?$/s.exec(words[at] ?? "") ?? [];
    if (name === undefined) throw new QmError("400 too many arguments");
    const value = inline ?? words[++at];
    if (value === undefined)
      throw new QmError(`Option ${name} requires an argument\n400 unable to parse option`);
    if (!shown.includes(name)) (options[name] ??= []).push(value);
  }
  return options;
}
