import type { Step } from "../../model/change";
import type { HostFacts, ProxmoxVmFacts } from "../../model/facts";
import type { Settings, VmCreation, VmDeclaration } from "../types";
import { nicKey, withoutMac } from "./nic";
import { findVm } from "./virtualMachine";

/** Seconds that making a VM may take: disks are allocated, or copied from another VM. */
const createSeconds = 1800;

/** Left in the description of a VM that we made, so that a create that was cut off knows its own. */
const mark = "Created by cdktf-passthrough";

interface Rule {
  readonly of: (creation: VmCreation) => string | null;
  readonly grammar: RegExp;
  readonly expected: string;
}

const count = (of: (creation: VmCreation) => number | null, expected: string): Rule => ({
  of: (creation) => of(creation)?.toString() ?? null,
  grammar: /^[1-9]\d{0,8}$/,
  expected,
});

const rules: Readonly<Record<string, Rule>> = {
  name: {
    of: ({ name }) => name,
    grammar: /^(?=.{1,63}$)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/i,
    expected: "a DNS name",
  },
  cores: count(({ cores }) => cores, "a number of cores"),
  memory: count(({ memory }) => memory, "MiB, a whole number"),
  disk: count(({ disk }) => disk, "GiB, a whole number"),
  os_type: {
    of: ({ os_type }) => os_type,
    grammar: /^(?:other|wxp|w2k|w2k3|w2k8|wvista|win7|win8|win10|win11|l24|l26|solaris)$/,
    expected: "an OS type of Proxmox VE such as l26 or win11",
  },
  storage: {
    of: ({ storage }) => storage,
    grammar: /^[a-z][a-z0-9._-]*[a-z0-9]$/i,
    expected: "the name of a storage, such as local-lvm",
  },
  bridge: {
    of: ({ bridge }) => bridge,
    grammar: /^[a-z][a-z0-9_.-]{0,14}$/i,
    expected: "the name of a bridge, such as vmbr0",
  },
  clone: {
    of: ({ clone }) => clone,
    grammar: /^[1-9]\d{2,8}$/,
    expected: "the id of a VM, a number from 100 on",
  },
};

/** What is wrong with what a new VM is to be, in words. */
export function creationProblems(creation: VmCreation): string[] {
  const { clone, storage, disk, full } = creation;
  return [
    ...Object.entries(rules).flatMap(([key, { of, grammar, expected }]) => {
      const value = of(creation);
      if (value === null || grammar.test(value)) return [];
      return [`${key} ${JSON.stringify(value)} is not valid. Expected ${expected}.`];
    }),
    ...(disk !== null && storage === null ? ["disk needs a storage, such as local-lvm."] : []),
    ...(clone !== null && disk !== null ? ["A clone has the disks of its original: leave disk out."] : []),
    ...(clone === null && full !== null ? ["full is for a clone."] : []),
    ...(clone !== null && storage !== null && full !== true
      ? ["A clone goes to another storage only as a full copy: full = true."]
      : []),
  ];
}

/** The VM as it would be made, without the declared settings: what the checks of a plan look at. */
export function virtualVm(creation: VmCreation | null, facts: HostFacts): ProxmoxVmFacts {
  const node = facts.proxmox?.node ?? "";
  if (creation === null) return { node, config: "", digest: "", running: false };
  const original = creation.clone === null ? null : findVm(facts, creation.clone);
  const { template: _template, lock: _lock, ...inherited } = original?.configured ?? {};
  const settings: Settings = { ...withoutMacs(inherited), ...settingsOf(creation, null) };
  const config = Object.entries(settings).map(([key, value]) => `${key}: ${value}\n`);
  return { node, config: config.join(""), digest: "", running: false };
}

/** A copy gets MAC addresses of its own. */
function withoutMacs(settings: Settings): Settings {
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, nicKey.test(key) ? withoutMac(value) : value]),
  );
}

/** Whether the VM was made by a create of ours. */
export function isMarked(config: string): boolean {
  return config
    .split("\n")
    .some((line) => line.startsWith("#") && line.replaceAll("%20", " ").includes(mark));
}

/** Makes the VM with everything that is declared; of a clone, in two steps. */
export function createSteps(declaration: VmDeclaration, creation: VmCreation, desired: Settings): Step[] {
  const { vmId, bios } = declaration;
  const marked = `--description=${mark}.`;
  const settings = words({ ...settingsOf(creation, bios), ...desired });
  if (creation.clone === null) {
    const named = `--name=${creation.name ?? ""}`;
    return [qm("create", vmId, named, marked, ...settings.filter((word) => !word.startsWith("--name=")))];
  }
  const copy = [
    `--name=${creation.name ?? ""}`,
    marked,
    ...(creation.full === null ? [] : [`--full=${creation.full ? 1 : 0}`]),
    ...(creation.storage === null ? [] : [`--storage=${creation.storage}`]),
  ];
  const rest = settings.filter((word) => !word.startsWith("--name="));
  return [qm("clone", creation.clone, vmId, ...copy), ...(rest.length > 0 ? [qm("set", vmId, ...rest)] : [])];
}

/** Removes the VM with its disks. `qm` refuses one that runs or is protected. */
export function destroySteps(vmId: string): Step[] {
  return [qm("destroy", vmId, "--purge=1")];
}

function settingsOf(creation: VmCreation, bios: string | null): Settings {
  const { name, cores, memory, os_type, storage, disk, bridge, clone } = creation;
  const isNew = clone === null;
  return {
    ...(name === null ? {} : { name }),
    ...(cores === null ? {} : { cores: String(cores) }),
    ...(memory === null ? {} : { memory: String(memory) }),
    ...(os_type === null ? (isNew ? { ostype: "l26" } : {}) : { ostype: os_type }),
    ...(isNew ? { scsihw: "virtio-scsi-single" } : {}),
    ...(isNew && storage !== null && disk !== null ? { scsi0: `${storage}:${disk}` } : {}),
    // OVMF forgets its boot entries without it.
    ...(isNew && storage !== null && bios === "ovmf"
      ? { efidisk0: `${storage}:1,efitype=4m,pre-enrolled-keys=0` }
      : {}),
    ...(bridge === null ? {} : { net0: `virtio,bridge=${bridge}` }),
  };
}

/** Values stand behind `=`, so that none is taken for an option. */
const words = (settings: Settings): string[] =>
  Object.entries(settings).map(([key, value]) => `--${key}=${value}`);

function qm(...command: readonly string[]): Step {
  return { step: "command", command: ["qm", ...command], timeoutSeconds: createSeconds };
}
