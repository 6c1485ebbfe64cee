import { EngineClient } from "../engine/client";
import { connectionOf } from "../engine/connectionBlock";
import { Engine } from "../engine/engine";
import { isEngineUnreachable } from "../engine/errors";
import { resolveEngine } from "../engine/settings";
import type { EngineConnection } from "../engine/types";
import { findVm } from "../hypervisors/ovirt/virtualMachine";
import type { EngineStep } from "../model/engineChange";
import type { EngineFacts } from "../model/engineFacts";
import { UNKNOWN, type Diagnostic } from "../plugin/types";
import type { EngineSettings } from "../schema";
import { failure, wordsOf } from "./diagnostics";
import type { Place, SeenPlace, TriedChange, VmSight, Whereabouts } from "./place";
import { notDialled, notReached } from "./reading";
import { Turns } from "./turns";
import { openBlock } from "./openBlock";
import { hasUnknown, type Planned } from "./values";

export type EngineBlocks = Readonly<Record<string, Planned<EngineSettings>>>;

export interface EnginesConfig {
  /** The provider block's `engines`; UNKNOWN while something of it is only known after apply. */
  readonly engines: EngineBlocks | typeof UNKNOWN;
  readonly whenUnreachable: string | null;
  /** PASSTHROUGH_OFFLINE: dial nothing. */
  readonly offline: boolean;
}

/** What a VM keeps beside its state, for a destroy after its engine is gone from the code. */
type KeptEngine = Omit<EngineConnection, "password" | "token">;

type Seen = SeenPlace<EngineFacts, EngineStep>;

interface Open {
  readonly engine: Engine;
  readonly connection: KeptEngine;
}

/** The engines of one provider block: one session each, shared by all VMs, opened at first need. */
export class Engines implements Place<EngineFacts, EngineStep> {
  private readonly open = new Map<string, Open>();
  private readonly turns = new Turns();
  private readonly failed = new Map<string, Diagnostic>();
  private applying = false;

  constructor(private readonly config: EnginesConfig) {}

  /** Whether the provider block names such an engine. */
  has(name: string): boolean {
    return this.config.engines !== UNKNOWN && Object.hasOwn(this.config.engines, name);
  }

  /** How an engine of the provider block is reached, in its words and without what is secret; null: not known. */
  openBlock(name: string): Readonly<Record<string, unknown>> | null {
    return openBlock(this.config.engines, name, ["password", "token"]);
  }

  /** Why the reboot event, which gets nothing secret from the configuration, could not log in; null: it can. */
  eventLogin(name: string): string | null {
    const block = this.openBlock(name);
    if (block === null) return null;
    try {
      resolveEngine(name, connectionOf(block));
      return null;
    } catch (error) {
      return (
        `${wordsOf(error)}\nThe reboot event is a process of its own: what stands in the configuration, also in an ` +
        "ephemeral variable, does not reach it."
      );
    }
  }

  async look(vm: Whereabouts, kept: unknown, signal: AbortSignal): Promise<VmSight<EngineFacts, EngineStep>> {
    const name = vm.host ?? "";
    if (this.config.offline) return { kind: "assumed", notice: notDialled(name) };
    const known = this.failed.get(name);
    if (known) return { kind: "assumed", notice: known };
    const connection = this.connection(name, kept);
    if (connection === UNKNOWN) return { kind: "unknown" };
    const open = this.connect(name, connection);
    if (this.applying) open.engine.refresh();
    try {
      return await this.seen(name, open, vm, signal);
    } catch (error) {
      if (this.whenUnreachable(name) !== "assume-state" || !isEngineUnreachable(error)) throw error;
      const notice = notReached(name, error);
      this.failed.set(name, notice);
      return { kind: "assumed", notice };
    }
  }

  async alone<T>(
    vm: Whereabouts,
    kept: unknown,
    signal: AbortSignal,
    work: (seen: Seen) => Promise<T>,
  ): Promise<T> {
    const name = vm.host ?? "";
    const connection = this.connection(name, kept);
    if (connection === UNKNOWN)
      throw new Error(`Unable to reach engine ${name}: its connection is still unknown.`);
    const open = this.connect(name, connection);
    this.applying = true;
    return this.turns.take(name, async () => {
      signal.throwIfAborted();
      // The engine has no lock that we could hold: the line of a host is written as a whole, so it is read right before.
      open.engine.refresh();
      return work(await this.seen(name, open, vm, signal));
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.open.values()].map(({ engine }) => engine.close()));
  }

  private async seen(name: string, open: Open, vm: Whereabouts, signal?: AbortSignal): Promise<Seen> {
    const interest = {
      vms: [vm.vm_id, vmOfIdentity(vm.machine_id)].filter((id) => id !== null),
      hosts: vm.pin_to === null ? [] : [vm.pin_to],
    };
    const facts = await open.engine.facts(interest, signal);
    return {
      kind: "seen",
      facts,
      known: (state) => knownVm(name, state, facts),
      identity: (vmId, now) => identity(now, vmId),
      keep: () => ({ connection: open.connection }),
      change: (purpose, steps, stop) =>
        tried(open.engine, purpose, steps, stop, () => this.facts(open, interest)),
    };
  }

  private facts({ engine }: Open, interest: Parameters<Engine["facts"]>[0]): Promise<EngineFacts> {
    // Not under a signal: whatever was done is to be read back and saved.
    engine.refresh();
    return engine.facts(interest);
  }

  private connect(name: string, connection: EngineConnection): Open {
    let entry = this.open.get(name);
    if (!entry) {
      const { password: _password, token: _token, ...keep } = connection;
      const client = new EngineClient(resolveEngine(name, connection));
      entry = { engine: new Engine(client), connection: keep };
      this.open.set(name, entry);
    }
    return entry;
  }

  private connection(name: string, kept: unknown): EngineConnection | typeof UNKNOWN {
    const { engines } = this.config;
    if (engines === UNKNOWN) return UNKNOWN;
    const found = Object.hasOwn(engines, name) ? engines[name] : undefined;
    if (found) return hasUnknown(found) ? UNKNOWN : connectionOf(found as EngineSettings);
    if (typeof kept === "object" && kept !== null) return kept as EngineConnection;
    const names = Object.keys(engines);
    throw new Error(
      `No connection for engine ${name}\nThe provider block names ${names.length > 0 ? names.join(", ") : "no engines"}. ` +
        `Correct the name, or add its connection there; it stays until the engine's last VM is destroyed.`,
    );
  }

  private whenUnreachable(name: string): string | null {
    const { engines, whenUnreachable } = this.config;
    const own = engines === UNKNOWN ? null : (engines[name]?.when_unreachable ?? null);
    return typeof own === "string" ? own : whenUnreachable;
  }
}

/** The engine's installation and the VM: a name may go to another VM, and an address to another engine. */
function identity(facts: EngineFacts, vmId: string): string | null {
  const vm = findVm(facts, vmId);
  return vm === null ? null : `${facts.instanceId ?? "engine"}/${vm.id}`;
}

function vmOfIdentity(machineId: string | null): string | null {
  return machineId === null ? null : (machineId.split("/")[1] ?? null);
}

/** By its id, once that is known: a VM may be renamed, and another one may get its name. */
function knownVm(name: string, state: Whereabouts, facts: EngineFacts): string {
  const declared = state.vm_id ?? "";
  const [instance, id] = state.machine_id?.split("/") ?? [];
  if (instance === undefined || id === undefined) return declared;
  const now = facts.instanceId ?? "engine";
  if (instance !== now) {
    throw new Error(
      `${name} is another engine than the one this state knows\nInstance ${now} answers where ${instance} was used. ` +
        "Nothing was touched. Correct the URL, or remove the VM from the state if the engine was installed anew.",
    );
  }
  const there = facts.vms.some((vm) => vm.id === id);
  const named = findVm(facts, declared);
  if (there && named !== null && named.id !== id) {
    throw new Error(
      `${declared} of engine ${name} is another VM than the one this state knows\nVM ${id} is called ` +
        `${facts.vms.find((vm) => vm.id === id)?.name ?? ""} now, and ${named.id} has its name. Nothing was touched. ` +
        "Name the VM by its id.",
    );
  }
  return id;
}

async function tried(
  engine: Engine,
  purpose: string,
  steps: readonly EngineStep[],
  signal: AbortSignal,
  read: () => Promise<EngineFacts>,
): Promise<TriedChange<EngineFacts>> {
  const outcome = await engine.run(steps, signal);
  const failed = outcome.ok
    ? []
    : [
        failure(
          `Unable to ${purpose}: ${outcome.title}`,
          [
            `Step ${outcome.failedStep + 1} of ${steps.length} (${steps[outcome.failedStep]?.step ?? ""}): ${outcome.detail}`,
            "What was done before stays done and was read back; the next plan shows what is left to do, and applying it again is safe.",
          ].join("\n\n"),
        ),
      ];
  try {
    return { failed, untouched: false, facts: await read() };
  } catch (error) {
    const unread = failure(`Unable to read back after: ${purpose}`, wordsOf(error));
    return { failed: failed.length > 0 ? failed : [unread], untouched: false, facts: null };
  }
}
