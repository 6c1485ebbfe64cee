import type { Answer } from "../callGate";
import type { Machine } from "../machine";
import { failed, type Program } from "../programs/program";
import { alone, type HaService, type Surroundings } from "../surroundings";
import { setContainerRunning } from "./pct";
import { startVm } from "./startVm";
import { configurationPath, setRunning } from "./vm";

export const surroundingsOf = ({ state }: Machine): Surroundings => ({ ...alone, ...state.surroundings });

export function changeSurroundings(machine: Machine, surroundings: Partial<Surroundings>): void {
  machine.state.surroundings = { ...surroundingsOf(machine), ...surroundings };
  machine.save();
}

const ownNode = ({ profile }: Machine): string => profile.proxmox?.node ?? "";

export const onlineNodes = (machine: Machine): string[] => [
  ownNode(machine),
  ...surroundingsOf(machine).nodes.flatMap(({ name, online }) => (online ? [name] : [])),
];

/** Votes that are there, and how many make a quorum. */
function votes(machine: Machine): { total: number; quorum: number } {
  const { nodes, quorumDevice } = surroundingsOf(machine);
  const device = quorumDevice ? 1 : 0;
  return {
    total: onlineNodes(machine).length + device,
    quorum: Math.floor((nodes.length + 1 + device) / 2) + 1,
  };
}

const isQuorate = (machine: Machine): boolean => {
  const { total, quorum } = votes(machine);
  return total >= quorum;
};

export function clusterStatus(machine: Machine): object[] {
  const { nodes } = surroundingsOf(machine);
  const own = { type: "node", name: ownNode(machine), id: `node/${ownNode(machine)}`, online: 1, local: 1 };
  const others = nodes.map(({ name, online }, at) => ({
    type: "node",
    name,
    id: `node/${name}`,
    online: online ? 1 : 0,
    local: 0,
    nodeid: at + 2,
  }));
  if (nodes.length === 0) return [{ ...own, nodeid: 0, ip: machine.profile.network.address }];
  const whole = {
    type: "cluster",
    id: "cluster",
    name: "embedded",
    version: 3,
    nodes: nodes.length + 1,
    quorate: isQuorate(machine) ? 1 : 0,
  };
  return [whole, { ...own, nodeid: 1, ip: machine.profile.network.address }, ...others];
}

export const pvecm: Program = ({ arguments: [verb = ""] }, machine) => {
  const { nodes } = surroundingsOf(machine);
  if (verb !== "status") return failed(`ERROR: unknown command 'pvecm ${verb}'`, 255);
  if (nodes.length === 0)
    return failed(
      "Error: Corosync config '/etc/pve/corosync.conf' does not exist - is this node part of a cluster?",
      2,
    );
  const { total, quorum } = votes(machine);
  const lines = [
    "Votequorum information",
    "----------------------",
    `Expected votes:   ${nodes.length + 1}`,
    `Total votes:      ${total}`,
    `Quorum:           ${quorum}`,
    "",
    "Membership information",
    "----------------------",
    "    Nodeid      Votes Name",
    `0x00000001          1 ${machine.profile.network.address} (local)`,
  ];
  return { output: `${lines.join("\n")}\n` };
};

/** Each look moves at most one service out of a node in maintenance: what has left is told from what has not. */
export function haStatus(machine: Machine): object[] {
  const { services, deadAgents, maintenance } = surroundingsOf(machine);
  const answer = [
    { id: "quorum", type: "quorum", node: ownNode(machine), status: "OK", quorate: 1 },
    ...onlineNodes(machine).map((node) => ({
      id: `lrm:${node}`,
      type: "lrm",
      node,
      status: `${node} (${deadAgents.includes(node) ? "old timestamp - dead?" : maintenance.includes(node) ? "maintenance mode" : "active"}, Sat Nov 21 12:00:00 2026)`,
    })),
    ...Object.entries(services).map(([sid, { node, requested }]) => ({
      id: `service:${sid}`,
      type: "service",
      sid,
      node,
      request_state: requested,
      state: requested,
      status: `${sid} (${node}, ${requested})`,
    })),
  ];
  moveOne(machine);
  return answer;
}

function moveOne(machine: Machine): void {
  const { services, maintenance } = surroundingsOf(machine);
  const own = ownNode(machine);
  const target = onlineNodes(machine).find((node) => node !== own);
  if (!maintenance.includes(own) || target === undefined) return;
  const next = Object.entries(services).find(
    ([sid, { node, requested }]) => node === own && requested === "started" && !isBound(machine, sid),
  );
  if (!next) return;
  const [sid, service] = next;
  place(machine, sid, { ...service, node: target, home: own });
}

/** With a device of its node a VM does not move. */
function isBound(machine: Machine, sid: string): boolean {
  return /^hostpci\d+:/m.test(machine.files.read(configOf(machine, sid, ownNode(machine))) ?? "");
}

const idOf = (sid: string) => sid.slice(3);

function configOf(machine: Machine, sid: string, node: string): string {
  return sid.startsWith("vm:")
    ? configurationPath(machine, idOf(sid), node)
    : `/etc/pve/nodes/${node}/lxc/${idOf(sid)}.conf`;
}

/** Its configuration goes to its node, and it runs there. */
function place(machine: Machine, sid: string, service: HaService): void {
  const { services } = surroundingsOf(machine);
  const from = services[sid]?.node ?? ownNode(machine);
  const text = machine.files.read(configOf(machine, sid, from));
  if (text !== null && from !== service.node) {
    machine.files.write(configOf(machine, sid, service.node), text);
    machine.files.remove(configOf(machine, sid, from));
  }
  const runs = service.node === ownNode(machine) && service.requested === "started";
  if (sid.startsWith("ct:")) setContainerRunning(machine, idOf(sid), runs);
  else if (runs) startVm(machine, idOf(sid));
  else setRunning(machine, idOf(sid), false);
  changeSurroundings(machine, { services: { ...services, [sid]: service } });
}

export const haManager: Program = ({ arguments: args }, machine): Answer => {
  const { services, maintenance } = surroundingsOf(machine);
  const [command = "", ...rest] = args;
  if (command === "crm-command" && rest[0] === "node-maintenance") {
    const [, verb, node = ""] = rest;
    if (verb === "enable") changeSurroundings(machine, { maintenance: [...new Set([...maintenance, node])] });
    else if (verb === "disable") {
      changeSurroundings(machine, { maintenance: maintenance.filter((name) => name !== node) });
      for (const [sid, service] of Object.entries(services))
        if (service.home === node) place(machine, sid, { node, requested: service.requested });
    } else
      return failed(`ERROR: unknown command 'ha-manager crm-command node-maintenance ${verb ?? ""}'`, 255);
    return {};
  }
  if (command === "set") {
    const [sid = "", option, state] = rest;
    const service = services[sid];
    if (!service) return failed(`no such resource '${sid}'`, 255);
    if (option !== "--state" || (state !== "started" && state !== "stopped"))
      return failed("400 Parameter verification failed.", 255);
    place(machine, sid, { ...service, requested: state });
    return {};
  }
  return failed(`ERROR: unknown command 'ha-manager ${command}'`, 255);
};

export function tasks(machine: Machine): object[] {
  const { tasks: running } = surroundingsOf(machine);
  changeSurroundings(machine, {
    tasks: running.flatMap((task) =>
      task.looks === undefined ? [task] : task.looks > 1 ? [{ ...task, looks: task.looks - 1 }] : [],
    ),
  });
  const node = ownNode(machine);
  return [
    ...running.map(({ type, id }) => ({
      upid: `UPID:${node}:0001E240:0012D687:674F0000:${type}:${id}:root@pam:`,
      node,
      type,
      id,
      user: "root@pam",
      starttime: 1732000000,
    })),
    // What has ended a moment ago stands there too.
    {
      upid: `UPID:${node}:0001E23F:0012D600:674EFFFF:qmstart:101:root@pam:`,
      node,
      type: "qmstart",
      id: "101",
      user: "root@pam",
      starttime: 1731999000,
      endtime: 1731999002,
      status: "OK",
    },
  ];
}

export const ceph: Program = ({ arguments: args }, machine): Answer => {
  const { ceph: cluster } = surroundingsOf(machine);
  if (cluster === null) return failed("Error initializing cluster client: ObjectNotFound", 1);
  const [command, verb, ...rest] = args;
  if (command === "health") return { output: `${cluster.health}\n` };
  if (command !== "osd") return failed("Invalid command", 22);
  const flag = rest[0] ?? "";
  switch (verb) {
    case "dump":
      return {
        output: `${JSON.stringify({ epoch: 7, flags: ["sortbitwise", ...cluster.flags].join(",") })}\n`,
      };
    case "ok-to-stop":
      return cluster.unstoppable === ""
        ? { output: `${JSON.stringify({ ok_to_stop: true })}\n` }
        : failed(`Error EBUSY: ${cluster.unstoppable}`, 16);
    case "set":
      changeSurroundings(machine, { ceph: { ...cluster, flags: [...new Set([...cluster.flags, flag])] } });
      return { errors: `${flag} is set\n` };
    case "unset":
      changeSurroundings(machine, {
        ceph: { ...cluster, flags: cluster.flags.filter((name) => name !== flag) },
      });
      return { errors: `${flag} is unset\n` };
    default:
      return failed("Invalid command", 22);
  }
};
