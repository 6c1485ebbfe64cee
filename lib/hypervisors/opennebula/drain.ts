/** An OpenNebula host before and after a reboot: no VM is placed on it, and none runs there. Decisions only. */
import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import { cloudOf, findNamed, hostState, type CloudHost } from "./cloud";
import { asOneadmin, oneStep } from "./commands";

/** Seconds that running VMs get to move to other hosts. */
const flushSeconds = 1800;

export interface DrainOptions {
  /** Have the running VMs rescheduled to other hosts (`onehost flush`); else only no further VM comes. */
  readonly flush: boolean;
}

export interface Drain {
  readonly steps: readonly Step[];
  /** Whether it takes a `resume`: a host that somebody else had disabled stays so. */
  readonly resumes: boolean;
}

/**
 * Takes a host out of the scheduler's choice.
 * @param frontEnd name of the front end, for messages
 * @param name name or id of the OpenNebula host
 * @throws an Error where OpenNebula does not know the host, or a VM on it cannot move
 */
export function drain(facts: HostFacts, frontEnd: string, name: string, { flush }: DrainOptions): Drain {
  const host = hostIn(facts, frontEnd, name);
  const resumes = !isClosed(host);
  if (!flush || host.runningVms === 0) {
    return { resumes, steps: resumes ? [oneStep("onehost", "disable", host.id)] : [] };
  }
  const held = host.devices.filter(({ vmId }) => vmId !== null);
  const users = [...new Set(held.map(({ vmId }) => vmId))];
  const running = cloudOf(facts, frontEnd).vms.filter(({ id, state }) => users.includes(id) && state === "3");
  if (running.length > 0) {
    const vms = running.map(({ id, name: vm }) => `VM ${id} (${vm})`).join(", ");
    throw new Error(
      `Unable to flush ${host.name}: ${vms} runs with PCI devices of it and cannot move. Power it off first.`,
    );
  }
  return {
    resumes,
    steps: [
      oneStep("onehost", "flush", host.id),
      {
        step: "await",
        command: asOneadmin("onehost", "show", "-j", host.id),
        pattern: '"RUNNING_VMS": *"0"',
        what: `that no VM runs on ${host.name}`,
        timeoutSeconds: flushSeconds,
      },
    ],
  };
}

/** Gives the host back to the scheduler; nothing where it is enabled already. */
export function resume(facts: HostFacts, frontEnd: string, name: string): Step[] {
  const host = hostIn(facts, frontEnd, name);
  return isClosed(host) ? [oneStep("onehost", "enable", host.id)] : [];
}

function isClosed({ state }: CloudHost): boolean {
  return (
    [hostState.disabled, hostState.monitoringDisabled, hostState.offline] as readonly string[]
  ).includes(state);
}

function hostIn(facts: HostFacts, frontEnd: string, name: string): CloudHost {
  const { hosts } = cloudOf(facts, frontEnd);
  const found = findNamed(hosts, name, "host");
  if (found) return found;
  const there = hosts.map((host) => `${host.name} (${host.id})`).join(", ") || "none";
  throw new Error(`OpenNebula on ${frontEnd} has no host ${name}. It has: ${there}.`);
}
