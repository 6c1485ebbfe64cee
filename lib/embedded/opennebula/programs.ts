import type { Program } from "../programs/program";
import { find, OneError } from "./database";
import { oneCommand, reading, templateIn, updating, word, type Kind, type Verb } from "./commands";
import { networkJson, vmTemplateJson } from "./json";
import { onehost } from "./onehost";
import { onevm } from "./onevm";
import type { Row } from "./types";

const templates: Kind<Row> = {
  name: "VMTEMPLATE",
  pool: "VMTEMPLATE_POOL",
  rows: (database) => database.templates,
  json: vmTemplateJson,
};

/** A new VM that waits for a host; SHORT_ADDRESS together with an id is refused as the core refuses it. */
const instantiate: Verb = (command) => {
  const { database, options } = command;
  const template = find("VMTEMPLATE", database.templates, word(command, 0, "templateid"));
  const id = Math.max(-1, ...database.vms.map((vm) => vm.id)) + 1;
  const name = options.get("--name") ?? `${template.name}-${id}`;
  database.vms.push({ id, name, state: "PENDING", host: null, template: structuredClone(template.template) });
  return `VM ID: ${id}\n`;
};

const networks: Kind<Row> = {
  name: "VNET",
  pool: "VNET_POOL",
  rows: (database) => database.networks,
  json: networkJson,
};

const create: Verb = (command) => {
  const { database } = command;
  const template = templateIn(word(command, 0, "file"), "one.vn.allocate");
  const text = (key: string): string => {
    const value = template.find(([name]) => name === key)?.[1];
    return typeof value === "string" ? value : "";
  };
  const name = text("NAME");
  if (name === "")
    throw new OneError("[one.vn.allocate] Error allocating a new virtual network. No NAME in template.");
  if (text("VN_MAD") === "")
    throw new OneError(
      "[one.vn.allocate] Error allocating a new virtual network. No VN_MAD in template for Virtual Network.",
    );
  if (text("BRIDGE") === "" && text("PHYDEV") === "")
    throw new OneError(
      "[one.vn.allocate] Error allocating a new virtual network. PHYDEV or BRIDGE is required.",
    );
  if (database.networks.some((one) => one.name === name))
    throw new OneError(
      `[one.vn.allocate] NAME is already taken by NET ${find("VNET", database.networks, name).id}.`,
    );
  const id = Math.max(-1, ...database.networks.map((one) => one.id)) + 1;
  database.networks.push({ id, name, template: template.filter(([key]) => key !== "NAME") });
  return `ID: ${id}\n`;
};

/** Address ranges have commands of their own: an update leaves them as they are. */
const updateNetwork: Verb = (command) => {
  const row = find("VNET", command.database.networks, word(command, 0, "id"));
  const ranges = row.template.filter(([key]) => key === "AR");
  updating(networks)(command);
  row.template = [...row.template.filter(([key]) => key !== "AR"), ...ranges];
};

const remove: Verb = (command) => {
  const { database } = command;
  const row = find("VNET", database.networks, word(command, 0, "id"));
  const user = database.vms.find((vm) =>
    vm.template.some(([, value]) => typeof value !== "string" && value["NETWORK_ID"] === String(row.id)),
  );
  if (user)
    throw new OneError(
      `[one.vn.delete] Error deleting virtual network [${row.id}]. Can not remove a virtual network with leases in use.`,
    );
  database.networks = database.networks.filter((one) => one !== row);
};

/** The commands of an OpenNebula front end. */
export const openNebulaPrograms: Readonly<Record<string, Program>> = {
  onehost,
  onevm,
  onetemplate: oneCommand("onetemplate", { ...reading(templates), update: updating(templates), instantiate }),
  onevnet: oneCommand("onevnet", {
    ...reading(networks),
    update: updateNetwork,
    create,
    delete: remove,
  }),
};
