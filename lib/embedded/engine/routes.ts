import {
  addNic,
  attach,
  detach,
  Fault,
  guestsOn,
  hostActions,
  othersFor,
  updateHost,
  updateVm,
  vmActions,
} from "./actions";
import {
  attachedDocuments,
  entryPoint,
  hostDeviceDocuments,
  hostDocument,
  nicDocument,
  profileDocument,
  vmDocument,
} from "./representations";
import { deviceId, type Database, type Host, type Vm } from "./world";

export interface Call {
  readonly method: string;
  /** Decoded segments below `/api`. */
  readonly path: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
}

export interface Reply {
  readonly status: number;
  readonly document: unknown;
}

interface Route {
  readonly method: string;
  /** `:x` stands for one segment. */
  readonly path: string;
  readonly answer: (database: Database, parts: readonly string[], body: Call["body"]) => unknown;
  readonly status?: number;
}

function one<T extends { readonly id: string }>(all: readonly T[], id: string | undefined): T {
  const found = all.find((item) => item.id === id);
  if (found === undefined) throw new Fault(404, "Not Found", `Entity not found: ${id ?? ""}`);
  return found;
}

/** Reading lets the time pass: what is on its way to another status goes one step. */
function advance<T extends { status: string; coming: string[] }>(target: T): T {
  target.status = target.coming.shift() ?? target.status;
  return target;
}

/** VMs leave a host that goes into maintenance; one that makes no progress keeps it from getting there. */
function advanceHost(database: Database, host: Host): Host {
  if (host.status === "preparing_for_maintenance") {
    for (const vm of guestsOn(database, host))
      if (!vm.stuck) vm.runsOn = othersFor(database, host, vm)[0]?.id ?? host.id;
    if (guestsOn(database, host).length > 0) return host;
  }
  return advance(host);
}

function act<T>(
  actions: Readonly<Record<string, (database: Database, target: T, body: Call["body"]) => void>>,
  database: Database,
  target: T,
  name: string | undefined,
  body: Call["body"],
): unknown {
  const action = Object.hasOwn(actions, name ?? "") ? actions[name ?? ""] : undefined;
  if (action === undefined) throw new Fault(404, "Not Found", `No action ${name ?? ""}`);
  action(database, target, body);
  return { status: "complete" };
}

const list = (name: string, all: readonly unknown[]) => (all.length > 0 ? { [name]: all } : {});
const vmOf = ({ vms }: Database, id: string | undefined): Vm => one(vms, id);
const hostOf = ({ hosts }: Database, id: string | undefined): Host => one(hosts, id);
const pinned = (database: Database, vm: Vm) => database.hosts.find(({ id }) => id === vm.pinnedTo[0]);

const routes: readonly Route[] = [
  { method: "GET", path: "", answer: (database) => entryPoint(database) },
  { method: "GET", path: "vms", answer: ({ vms }) => list("vm", vms.map(vmDocument)) },
  { method: "GET", path: "vms/:id", answer: (all, [id]) => vmDocument(advance(vmOf(all, id))) },
  {
    method: "PUT",
    path: "vms/:id",
    answer: (all, [id], body) => {
      updateVm(all, vmOf(all, id), body);
      return vmDocument(vmOf(all, id));
    },
  },
  {
    method: "GET",
    path: "vms/:id/hostdevices",
    answer: (all, [id]) => {
      const vm = vmOf(all, id);
      return list("host_device", attachedDocuments(vm, pinned(all, vm)));
    },
  },
  {
    method: "POST",
    path: "vms/:id/hostdevices",
    status: 201,
    answer: (all, [id], body) => {
      const vm = vmOf(all, id);
      const name = attach(all, vm, body);
      return attachedDocuments(vm, pinned(all, vm)).find((document) => document.id === deviceId(name));
    },
  },
  {
    method: "DELETE",
    path: "vms/:id/hostdevices/:device",
    answer: (all, [id, device = ""]) => {
      detach(all, vmOf(all, id), device);
      return { status: "complete" };
    },
  },
  {
    method: "GET",
    path: "vms/:id/nics",
    answer: (all, [id]) => {
      const vm = vmOf(all, id);
      return list(
        "nic",
        vm.nics.map((nic) => nicDocument(vm, nic)),
      );
    },
  },
  {
    method: "POST",
    path: "vms/:id/nics",
    status: 201,
    answer: (all, [id], body) => nicDocument(vmOf(all, id), addNic(all, vmOf(all, id), body)),
  },
  {
    method: "DELETE",
    path: "vms/:id/nics/:nic",
    answer: (all, [id, nic]) => {
      const vm = vmOf(all, id);
      const gone = one(vm.nics, nic);
      vm.nics = vm.nics.filter((other) => other !== gone);
      return { status: "complete" };
    },
  },
  {
    method: "POST",
    path: "vms/:id/:action",
    answer: (all, [id, name], body) => act(vmActions, all, vmOf(all, id), name, body),
  },
  { method: "GET", path: "hosts", answer: ({ hosts }) => list("host", hosts.map(hostDocument)) },
  {
    method: "GET",
    path: "hosts/:id",
    answer: (all, [id]) => hostDocument(advanceHost(all, hostOf(all, id))),
  },
  {
    method: "PUT",
    path: "hosts/:id",
    answer: (all, [id], body) => {
      updateHost(hostOf(all, id), body);
      return hostDocument(hostOf(all, id));
    },
  },
  {
    method: "GET",
    path: "hosts/:id/devices",
    answer: (all, [id]) => list("host_device", hostDeviceDocuments(all, hostOf(all, id))),
  },
  {
    method: "POST",
    path: "hosts/:id/:action",
    answer: (all, [id, name], body) => act(hostActions, all, hostOf(all, id), name, body),
  },
  {
    method: "GET",
    path: "vnicprofiles",
    answer: ({ profiles }) => list("vnic_profile", profiles.map(profileDocument)),
  },
];

/** What the API answers; an action's fault stands inside the action, as the engine sends it. */
export function reply(database: Database, { method, path, body }: Call): Reply {
  const found = routes.find((route) => route.method === method && matches(route.path, path));
  try {
    if (found === undefined) throw new Fault(404, "Not Found", `${method} /${path.join("/")}`);
    const parts = path.filter((_, index) => found.path.split("/")[index]?.startsWith(":"));
    return { status: found.status ?? 200, document: found.answer(database, parts, body) };
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const fault = { detail: error.detail, reason: error.reason };
    const inAction = found?.path.endsWith("/:action") === true && error.status !== 404;
    return { status: error.status, document: inAction ? { fault, status: "failed" } : fault };
  }
}

function matches(pattern: string, path: readonly string[]): boolean {
  const wanted = pattern === "" ? [] : pattern.split("/");
  return (
    wanted.length === path.length &&
    wanted.every((part, index) => part.startsWith(":") || part === path[index])
  );
}
