import { setTimeout as pause } from "node:timers/promises";
import { connectionOf, type ConnectionBlock } from "../../host/connectionBlock";
import { createHost } from "../../host/host";
import type { Leaving, Manager, ManagerWatch } from "../../host/manager";
import { createSession } from "../../host/session";
import {
  closeSteps,
  flushObstacles,
  flushSteps,
  guestsOn,
  isOpen,
  openSteps,
  powerOffSteps,
  startSteps,
  vmNames,
} from "../../hypervisors/opennebula/drain";
import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import type { ManagedMark, ManagerReference } from "../../model/manager";

/** Seconds that a host gets to be monitored again. */
const enableSeconds = 300;

/** A host at its OpenNebula front end, which is reached over SSH. */
export function openNebulaManager(reference: ManagerReference): Manager {
  const { name, host, moves = true } = reference;
  const connection = connectionOf(reference.connection as unknown as ConnectionBlock);
  const frontEnd = createHost(name, createSession(name, connection));
  const label = `${host} at OpenNebula ${name}`;

  const look = (signal?: AbortSignal): Promise<HostFacts> => {
    frontEnd.refresh();
    return frontEnd.probe(signal);
  };
  const run = async (purpose: string, { machineId }: HostFacts, steps: readonly Step[]): Promise<void> => {
    if (steps.length === 0) return;
    const outcome = await frontEnd.change({ purpose, machineId, steps });
    if (!outcome.ok)
      throw new Error(`Unable to ${purpose}: ${[outcome.message, outcome.log].join("\n").trim()}`);
  };
  const guests = (facts: HostFacts) => guestsOn(facts, name, host, moves);

  /** Looks again and again until nothing is open; null: it is late. */
  async function until(
    open: (facts: HostFacts) => string | null,
    seconds: number,
    watch: ManagerWatch,
    signal?: AbortSignal,
  ): Promise<{ readonly late: string | null; readonly facts: HostFacts }> {
    const started = Date.now();
    for (let wait = 100; ; wait = Math.min(wait * 2, 5000)) {
      const facts = await look(signal);
      const words = open(facts);
      if (words === null) return { late: null, facts };
      const passed = Date.now() - started;
      if (passed > seconds * 1000) return { late: words, facts };
      watch.doing(`waits: ${words}`, `${Math.round(passed / 1000)} s`);
      await pause(wait, undefined, signal === undefined ? {} : { signal });
    }
  }

  async function stopBound(stopped: ManagedMark["stopped"], leaving: Leaving): Promise<void> {
    const { preparation, signal } = leaving;
    const open = (facts: HostFacts) => {
      const running = guests(facts).bound.filter(({ id }) => stopped.some((vm) => vm.id === id));
      return running.length === 0 ? null : `${vmNames(running)} of ${label} still runs`;
    };
    const { late, facts } = await until(open, preparation.shutdownTimeout, leaving, signal);
    if (late === null) return;
    if (preparation.unresponsive !== "power-off")
      throw new Error(`${late} after ${preparation.shutdownTimeout} s.`);
    leaving.say(`${late}, and is powered off`);
    await run(`power off what still runs on ${label}`, facts, powerOffSteps(guests(facts).bound));
    const forced = await until(open, 60, leaving, signal);
    if (forced.late !== null) throw new Error(`${forced.late} although it was powered off.`);
  }

  return {
    async leave(leaving) {
      const { preparation, earlier, record, say, signal } = leaving;
      const facts = await look(signal);
      const found = guests(facts);
      const mine = earlier?.host === found.host.id ? earlier : null;
      if (found.isClosed && found.moving.length + found.bound.length === 0 && mine === null) {
        say(`${label} is disabled already, and stays so`);
        return;
      }
      const obstacles = flushObstacles(found, preparation.immovable === "shut-down");
      if (obstacles.length > 0)
        throw new Error(
          [`${label} cannot be left by its VMs:`, ...obstacles.map((words) => `${words}.`)].join("\n"),
        );
      const stopping = found.bound.map(({ id, name: vm }) => ({ id, name: vm }));
      const kept = (mine?.stopped ?? []).filter(({ id }) => !stopping.some((vm) => vm.id === id));
      const stopped = [...kept, ...stopping];
      await record({
        manager: reference,
        host: found.host.id,
        ours: !found.isClosed || (mine?.ours ?? false),
        stopped,
      });
      const parts = [
        ...(found.moving.length > 0 ? [`${vmNames(found.moving)} to other hosts`] : []),
        ...(stopping.length > 0 ? [`${vmNames(stopping)} powers off`] : []),
      ];
      say(`${label} is disabled${parts.map((part) => `, ${part}`).join("")}`);
      await run(`disable ${label}`, facts, closeSteps(found));
      await stopBound(stopping, leaving);
      await run(`flush ${label}`, facts, flushSteps(found));
      const { late } = await until(
        (now) => {
          const { moving, bound } = guests(now);
          const left = [...moving, ...bound];
          return left.length === 0 ? null : `${vmNames(left)} did not leave ${label}`;
        },
        preparation.migrationTimeout,
        leaving,
        signal,
      );
      if (late !== null)
        throw new Error(
          `${late} within ${preparation.migrationTimeout} s. Look at \`onevm show\` and the scheduler's log.`,
        );
    },
    async giveBack(mark, watch) {
      const facts = await look();
      const enable = openSteps(facts, name, mark);
      if (enable.length > 0) watch.say(`${label} is enabled`);
      await run(`enable ${label}`, facts, enable);
      const { late, facts: now } = await until(
        (seen) => (isOpen(seen, name, mark) ? null : `${label} is not monitored`),
        enableSeconds,
        watch,
      );
      if (late !== null) throw new Error(`${late} after ${enableSeconds} s. Look at \`onehost show\`.`);
      const start = startSteps(now, name, mark);
      if (start.length > 0) watch.say(`${vmNames(mark.stopped)} of OpenNebula ${name} starts`);
      await run(`start the VMs of ${label}`, now, start);
    },
    close: () => frontEnd.close(),
  };
}
