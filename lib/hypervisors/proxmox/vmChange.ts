import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import { rivals } from "./claims";
import { createSteps, destroySteps, isMarked, virtualVm } from "./creation";
import { desiredSettings } from "./declaration";
import { usbKey } from "./hostusb";
import { nicAfter, nicKey, sameNic, type WrittenNic } from "./nic";
import type {
  SettingChange,
  Settings,
  VmChange,
  VmCreation,
  VmDeclaration,
  VmRecord,
  VmRequest,
} from "../types";
import { findVm, virtualMachine, type VirtualMachine } from "./virtualMachine";
import { merged, satisfies } from "./vmSettings";

/** Seconds that `qm` may take: it waits for the cluster's file system and for the VM's lock. */
const qmSeconds = 120;
/** Seconds that a guest gets to shut down. */
const shutdownSeconds = 300;

/** What brings the declaration about, or gives back what is ours; nothing where the VM is gone. */
export function plannedChange(request: VmRequest): VmChange {
  const { facts, vmId, declaration, record } = request;
  const vm = findVm(facts, vmId);
  if (vm === null)
    return declaration?.create ? creation(request, declaration, declaration.create) : nothing(record);
  if (declaration === null && record.created === "delete")
    return { ...nothing(record), steps: destroySteps(vmId) };
  const desired = declaration ? desiredSettings(declaration) : {};
  const changes = [...arriving(vm, desired, record), ...leaving(vm, request, desired)];
  const taking = declaration ? takeSteps(request, declaration.peers, changes) : [];
  const restart = declaration?.restart === true && startsDiffer(vm, Object.keys(desired), changes);
  return {
    steps: [...taking, ...setSteps(vm, changes), ...(restart ? [restartStep(vm)] : [])],
    changes,
    record: { base: bases(vm, request, desired), written: desired, ...made(request) },
  };
}

const nothing = (record: VmRecord): VmChange => ({ steps: [], changes: [], record });

/** A VM that is made with everything that is declared; its devices are taken from peers first. */
function creation(request: VmRequest, declaration: VmDeclaration, wanted: VmCreation): VmChange {
  const { facts, vmId } = request;
  const desired = desiredSettings(declaration);
  const vm = virtualMachine(vmId, virtualVm(wanted, facts));
  const changes = arriving(vm, desired, request.record);
  const base = Object.keys(desired).map((key) => [key, vm.configured[key] ?? null] as const);
  return {
    steps: [
      ...takeSteps(request, declaration.peers, changes),
      ...createSteps(declaration, wanted, { ...desired, ...nicsOf(changes) }),
    ],
    changes,
    record: { base: Object.fromEntries(base), written: desired, created: afterDestroy(wanted) },
  };
}

/** Network cards as they are written: what is declared of them alone would be none. */
const nicsOf = (changes: readonly SettingChange[]): Settings =>
  Object.fromEntries(
    changes.flatMap(({ key, after }) => (after !== null && nicKey.test(key) ? [[key, after]] : [])),
  );

const afterDestroy = ({ delete_on_destroy }: VmCreation) => (delete_on_destroy === true ? "delete" : "keep");

/** Whether the VM is of our making: by the record, or by the mark of a create that was cut off. */
function made({ facts, vmId, declaration, record, isNew }: VmRequest): Pick<VmRecord, "created"> {
  if (!declaration?.create) return record.created === undefined ? {} : { created: "keep" };
  const config = facts.proxmox?.vms[vmId]?.config ?? "";
  const ours = record.created !== undefined || (isNew === true && isMarked(config));
  return ours ? { created: afterDestroy(declaration.create) } : {};
}

/** The record that fits what is configured after a change that may have come to its end or not. */
export function recordAfter({ record, vmId }: VmRequest, change: VmChange, facts: HostFacts): VmRecord {
  const vm = findVm(facts, vmId);
  if (vm === null) return change.record;
  const is = (key: string, text: string) => satisfies(key, vm.configured[key] ?? null, text);
  const gone = Object.entries(record.written).filter(
    ([key, text]) => !Object.hasOwn(change.record.written, key) && !given(vm, record, key) && is(key, text),
  );
  const stays = Object.entries(change.record.written).flatMap(([key, text]) => {
    const before = record.written[key];
    if (is(key, text)) return [[key, text] as const];
    return before === undefined ? [] : [[key, before] as const];
  });
  return {
    base: {
      ...change.record.base,
      ...Object.fromEntries(gone.map(([key]) => [key, record.base[key] ?? null])),
    },
    written: Object.fromEntries([...stays, ...gone]),
    ...(change.record.created === undefined ? {} : { created: change.record.created }),
  };
}

/** Whether a key has the value again that it had before us. */
function given(vm: VirtualMachine, record: VmRecord, key: string): boolean {
  return (vm.configured[key] ?? null) === (record.base[key] ?? null);
}

/** The configuration at the VM's next start, once the changes are made. */
export function configuredAfter(
  vm: VirtualMachine,
  changes: readonly SettingChange[],
): Readonly<Record<string, string>> {
  const all: Record<string, string | null> = { ...vm.configured };
  for (const { key, after } of changes) all[key] = after;
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null),
  );
}

/** Whether a VM that runs now would start with other values of these keys than it runs with. */
export function startsDiffer(
  vm: VirtualMachine,
  keys: readonly string[],
  changes: readonly SettingChange[],
): boolean {
  if (!vm.running) return false;
  const after = configuredAfter(vm, changes);
  const changed = changes.map(({ key }) => key);
  return [...new Set([...keys, ...changed])].some((key) => {
    if (changed.includes(key) && hotplugs(vm, key)) return false;
    const now = vm.current[key] ?? null;
    const next = after[key] ?? null;
    return next === null
      ? now !== null
      : !(now !== null && satisfies(key, now, next) && satisfies(key, next, now));
  });
}

/** What each key of ours had before we first wrote it. */
function bases(vm: VirtualMachine, { record }: VmRequest, desired: Settings): Record<string, string | null> {
  return Object.fromEntries(
    Object.keys(desired).map((key) => {
      const known = Object.hasOwn(record.base, key) ? record.base[key] : vm.configured[key];
      return [key, known ?? null];
    }),
  );
}

function arriving(vm: VirtualMachine, desired: Settings, record: VmRecord): SettingChange[] {
  return Object.entries(desired).flatMap(([key, wanted]) => {
    const before = vm.configured[key] ?? null;
    if (nicKey.test(key)) {
      const after = nicAfter(before, wanted, writtenNic(record, key));
      return before !== null && sameNic(before, after) ? [] : [{ key, before, after }];
    }
    return satisfies(key, before, wanted) ? [] : [{ key, before, after: merged(key, before, wanted) }];
  });
}

function writtenNic(record: VmRecord, key: string): WrittenNic | null {
  const written = record.written[key];
  return written === undefined ? null : { written, base: record.base[key] ?? null };
}

/** Keys that are ours no more get back what they had, unless somebody has changed them since. */
function leaving(vm: VirtualMachine, { record }: VmRequest, desired: Settings): SettingChange[] {
  return Object.entries(record.written).flatMap(([key, written]) => {
    const before = vm.configured[key] ?? null;
    const base = record.base[key] ?? null;
    const after = nicKey.test(key) && base !== null ? nicAfter(before, "", { written, base }) : base;
    const ours = !Object.hasOwn(desired, key) && satisfies(key, before, written);
    return ours && before !== after ? [{ key, before, after }] : [];
  });
}

/** Takes devices from the peers that have them and do not run with them, so that no two VMs have one. */
function takeSteps(
  { facts, vmId }: VmRequest,
  peers: readonly string[],
  changes: readonly SettingChange[],
): Step[] {
  const taken = rivals(facts, vmId, changes).filter((claim) => peers.includes(claim.vmId) && !claim.inUse);
  return [...new Set(taken.map((claim) => claim.vmId))].flatMap((id) => {
    const peer = findVm(facts, id);
    if (peer === null) return [];
    const slots = new Set(taken.filter((claim) => claim.vmId === id).map((claim) => claim.slot));
    return setSteps(
      peer,
      [...slots].map((key) => ({ key, before: peer.configured[key] ?? null, after: null })),
    );
  });
}

/** One `qm set` for everything of one VM, so that the digest guards all of it. */
function setSteps(vm: VirtualMachine, changes: readonly SettingChange[]): Step[] {
  if (changes.length === 0) return [];
  const set = changes.flatMap(({ key, after }) => (after === null ? [] : [`--${key}`, after]));
  const deleted = changes.flatMap(({ key, after }) => (after === null ? [key] : []));
  const command = [
    ...["qm", "set", vm.id, "--digest", vm.digest],
    ...set,
    ...(deleted.length > 0 ? ["--delete", deleted.join(",")] : []),
  ];
  return [{ step: "command", command, timeoutSeconds: qmSeconds }];
}

/** The guest shuts down and starts with what is pending; a guest that does not shut down is qm's error. */
function restartStep(vm: VirtualMachine): Step {
  return {
    step: "command",
    command: ["qm", "reboot", vm.id, "--timeout", String(shutdownSeconds)],
    timeoutSeconds: shutdownSeconds + qmSeconds,
  };
}

/** Whether a running VM takes a change of this key at once. */
export function hotplugs(vm: VirtualMachine, key: string): boolean {
  const feature = usbKey.test(key) ? "usb" : nicKey.test(key) ? "network" : null;
  const features = vm.current["hotplug"] ?? "1";
  return feature !== null && (features === "1" || features.split(/[,; ]+/).includes(feature));
}
