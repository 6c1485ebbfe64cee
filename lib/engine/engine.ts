import { setTimeout as pause } from "node:timers/promises";
import type { EngineOutcome, EngineStep } from "../model/engineChange";
import type { EngineFacts, EngineHost, EngineVm } from "../model/engineFacts";
import type { EngineClient } from "./client";
import { attachedOf, deviceOf, hostOf, items, nicOf, profileOf, text, vmOf } from "./documents";
import { EngineError, isNotFound } from "./errors";
import type { Json, JsonObject } from "./types";

/** What is asked of an engine beside the lists of its VMs and hosts. */
export interface Interest {
  /** Ids or names of the VM. */
  readonly vms: readonly string[];
  /** Ids or names of hosts that it may come to. */
  readonly hosts: readonly string[];
}

export interface EngineOptions {
  /** Longest pause in milliseconds between two looks at something that takes its time. @default 2000 */
  readonly longestPause?: number;
}

export interface Waiting {
  readonly timeoutSeconds: number;
  readonly signal?: AbortSignal | undefined;
  /** In one of these it does not come by itself. */
  readonly hopeless?: readonly string[];
  /** Called with what each look has seen. */
  readonly looked?: (status: string, seconds: number) => void;
  /** What may be the cause, where it is late. */
  readonly late?: () => Promise<string>;
}

/** One engine: read as a whole for one VM, and changed call by call. What was read is kept until a write. */
export class Engine {
  private readonly kept = new Map<string, Promise<JsonObject>>();

  constructor(
    private readonly client: EngineClient,
    private readonly options: EngineOptions = {},
  ) {}

  /** Forgets what was read. */
  refresh(): void {
    this.kept.clear();
  }

  /**
   * What the engine says, with the devices of the hosts in question and of every VM that is pinned to one of them.
   * @throws an EngineError
   */
  async facts(interest: Interest, signal?: AbortSignal): Promise<EngineFacts> {
    const [entry, vms, hosts] = await Promise.all([
      this.read([], signal),
      this.read(["vms"], signal).then((list) => items(list, "vm").map((vm) => vmOf(vm))),
      this.read(["hosts"], signal).then((list) => items(list, "host").map((host) => hostOf(host))),
    ]);
    const isVm = (vm: EngineVm) => interest.vms.includes(vm.id) || interest.vms.includes(vm.name);
    const isHost = (host: EngineHost) =>
      interest.hosts.some((wanted) => wanted === host.id || wanted === host.name) ||
      vms.some((vm) => isVm(vm) && vm.pinnedTo.includes(host.id));
    const places = hosts.filter(isHost).map(({ id }) => id);
    const asked = (vm: EngineVm) => isVm(vm) || vm.pinnedTo.some((id) => places.includes(id));
    const [allHosts, allVms, profiles] = await Promise.all([
      Promise.all(hosts.map((host) => (places.includes(host.id) ? this.withDevices(host, signal) : host))),
      Promise.all(vms.map((vm) => (asked(vm) ? this.complete(vm, isVm(vm), signal) : vm))),
      this.read(["vnicprofiles"], signal).then((list) => items(list, "vnic_profile").map(profileOf)),
    ]);
    return {
      instanceId: text(entry, "product_info", "instance_id") || null,
      product: [
        text(entry, "product_info", "name"),
        text(entry, "product_info", "version", "full_version"),
      ].join(" "),
      vms: allVms.filter((vm) => vm !== null),
      hosts: allHosts,
      vnicProfiles: profiles,
    };
  }

  /** The hosts, without their devices. */
  async hosts(signal?: AbortSignal): Promise<EngineHost[]> {
    return items(await this.read(["hosts"], signal), "host").map((host) => hostOf(host));
  }

  /**
   * Runs the steps one after the other. Stops at the first that fails, or before the next one where it is asked to;
   * a VM that was shut down for the change is started all the same.
   */
  async run(steps: readonly EngineStep[], signal?: AbortSignal): Promise<EngineOutcome> {
    let failure: Extract<EngineOutcome, { ok: false }> | null = null;
    let stopped: string | null = null;
    for (const [index, step] of steps.entries()) {
      const restart = step.step === "start" && stopped === step.vm;
      if (failure !== null && !restart) continue;
      try {
        if (!restart) signal?.throwIfAborted();
        await this.call(step, restart ? undefined : signal);
        if (step.step === "shutDown") stopped = step.vm;
      } catch (error) {
        failure ??= { ok: false, failedStep: index, ...wordsOf(error, signal) };
        // It may still go down by itself; then it is started again.
        if (step.step === "shutDown") stopped = step.vm;
      } finally {
        this.refresh();
      }
    }
    return failure ?? { ok: true };
  }

  async close(): Promise<void> {
    await this.client.close();
  }

  private async call(step: EngineStep, signal: AbortSignal | undefined): Promise<void> {
    const { client } = this;
    switch (step.step) {
      case "attach":
        await client.send("POST", ["vms", step.vm, "hostdevices"], { name: step.device }, signal);
        return;
      case "detach":
        await this.goneOr(() =>
          client.send("DELETE", ["vms", step.vm, "hostdevices", deviceId(step.device)], undefined, signal),
        );
        return;
      case "place": {
        const hosts = { host: step.hosts.map((id): Json => ({ id })) };
        await client.send(
          "PUT",
          ["vms", step.vm],
          { placement_policy: { affinity: step.affinity, hosts } },
          signal,
        );
        return;
      }
      case "addNic": {
        const { name, profile } = step;
        const nic = { name, interface: step.interface, vnic_profile: { id: profile } };
        await client.send("POST", ["vms", step.vm, "nics"], nic, signal);
        return;
      }
      case "removeNic":
        await this.goneOr(() => client.send("DELETE", ["vms", step.vm, "nics", step.nic], undefined, signal));
        return;
      case "shutDown":
        await client.send("POST", ["vms", step.vm, "shutdown"], {}, signal);
        await this.until(["vms", step.vm], ["down"], { timeoutSeconds: step.timeoutSeconds, signal });
        return;
      case "start": {
        const { status } = vmOf(await client.get(["vms", step.vm], {}, signal));
        if (status === "down") await client.send("POST", ["vms", step.vm, "start"], {}, signal);
        return;
      }
      case "kernelCommandLine":
        await client.send("PUT", ["hosts", step.host], { os: { custom_kernel_cmdline: step.value } }, signal);
    }
  }

  /** What is gone already needs no removal. */
  private async goneOr(remove: () => Promise<unknown>): Promise<void> {
    await remove().catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }

  /**
   * Looks again and again, ever more slowly, until the status is one of these.
   * @throws an EngineError where it is late or hopeless
   */
  async until(
    path: readonly string[],
    wanted: readonly string[],
    { timeoutSeconds, signal, hopeless = [], looked, late }: Waiting,
  ): Promise<string> {
    const { longestPause = 2000 } = this.options;
    const started = Date.now();
    for (let wait = Math.min(100, longestPause); ; wait = Math.min(wait * 2, longestPause)) {
      const document = await this.client.get(path, {}, signal);
      const status = text(document, "status");
      if (wanted.includes(status)) return status;
      const words = `${text(document, "name")} is ${status}`;
      const expected = `Expected ${wanted.join(" or ")}.`;
      if (hopeless.includes(status)) throw new EngineError("refused", words, expected);
      const seconds = Math.round((Date.now() - started) / 1000);
      looked?.(status, seconds);
      if (Date.now() - started > timeoutSeconds * 1000)
        throw new EngineError(
          "refused",
          `${words} after ${timeoutSeconds} s`,
          `${expected} ${late === undefined ? "" : `${await late()}. `}Look at the engine's events.`,
        );
      await pause(wait, undefined, { signal });
    }
  }

  private read(path: readonly string[], signal: AbortSignal | undefined): Promise<JsonObject> {
    const key = path.join("/");
    const known = this.kept.get(key);
    if (known !== undefined) return known;
    const document = this.client.get(path, {}, signal);
    this.kept.set(key, document);
    // A failure is not kept.
    document.catch(() => this.kept.get(key) === document && this.kept.delete(key));
    return document;
  }

  private async withDevices(host: EngineHost, signal: AbortSignal | undefined): Promise<EngineHost> {
    const list = await this.read(["hosts", host.id, "devices"], signal);
    return { ...host, devices: items(list, "host_device").map(deviceOf) };
  }

  /** null: it went away between two requests. */
  private async complete(
    vm: EngineVm,
    withNics: boolean,
    signal: AbortSignal | undefined,
  ): Promise<EngineVm | null> {
    try {
      const [devices, nics] = await Promise.all([
        this.read(["vms", vm.id, "hostdevices"], signal),
        withNics ? this.read(["vms", vm.id, "nics"], signal) : null,
      ]);
      return {
        ...vm,
        devices: items(devices, "host_device").map(attachedOf),
        nics: nics === null ? null : items(nics, "nic").map(nicOf),
      };
    } catch (error) {
      if (isNotFound(error)) return null;
      throw error;
    }
  }
}

/** The engine's id of a device is its name in hex. */
function deviceId(name: string): string {
  return Buffer.from(name, "utf8").toString("hex");
}

function wordsOf(error: unknown, signal: AbortSignal | undefined): { title: string; detail: string } {
  if (signal?.aborted) return { title: "It was stopped", detail: "What was done before stays done." };
  if (error instanceof EngineError) return error;
  return { title: "It failed", detail: error instanceof Error ? error.message : String(error) };
}
