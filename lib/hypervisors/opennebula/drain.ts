/** An OpenNebula host before and after a reboot: no VM is placed on it, and none runs there. Decisions only. */
import type { Step } from "../../model/change";
import type { HostFacts } from "../../model/facts";
import type { ManagedMark, ManagedVm } from "../../model/manager";
import { cloudOf, findNamed, hostState, isActive, vmState, type CloudHost, type CloudVm } from "./cloud";
import { oneStep } from "./commands";

/** A host of OpenNebula and what becomes of the VMs that run on it. */
export interface CloudGuests {
  readonly host: CloudHost;
  /** The scheduler does not place VMs on it: somebody has disabled it. */
  readonly isClosed: boolean;
  /** `onehost flush` moves them to other hosts. */
  readonly moving: readonly CloudVm[];
  /** With PCI devices of the host, or not to be moved: they run here or not at all. */
  readonly bound: readonly CloudVm[];
  /** Hosts that take VMs. */
  readonly others: readonly CloudHost[];
}

/**
 * @param frontEnd name of the front end, for messages
 * @param name name or id of the OpenNebula host
 * @param moves whether its VMs are to move
 * @throws an Error where OpenNebula does not know the host
 */
export function guestsOn(facts: HostFacts, frontEnd: string, name: string, moves: boolean): CloudGuests {
  const { hosts, vms } = cloudOf(facts, frontEnd);
  const host = findNamed(hosts, name, "host");
  if (host === null) {
    const there = hosts.map((each) => `${each.name} (${each.id})`).join(", ") || "none";
    throw new Error(`OpenNebula on ${frontEnd} has no host ${name}. It has: ${there}.`);
  }
  const here = vms.filter((vm) => isActive(vm) && vm.hostId === host.id);
  const holds = (vm: CloudVm) => host.devices.some(({ vmId }) => vmId === vm.id);
  return {
    host,
    isClosed: isClosed(host),
    moving: here.filter((vm) => moves && !holds(vm)),
    bound: here.filter((vm) => !moves || holds(vm)),
    others: hosts.filter((each) => each.id !== host.id && !isClosed(each) && each.state !== hostState.error),
  };
}

/** What keeps a host from being left by its VMs, in words. */
export function flushObstacles({ host, moving, bound, others }: CloudGuests, shutsDown: boolean): string[] {
  return [
    ...(shutsDown || bound.length === 0
      ? []
      : [
          `${vmNames(bound)} cannot move: ${bound.length === 1 ? "it has" : "they have"} PCI devices of ${host.name}, or are not to move. ` +
            'Power off what runs so, or have it done (`beforeReboot: { immovable: "shut-down" }`, or --shut-down-immovable)',
        ]),
    ...(moving.length > 0 && others.length === 0
      ? [`${vmNames(moving)} would move, and no other host takes VMs`]
      : []),
  ];
}

/** `VM 42 (workstation), VM 43 (router)` */
export function vmNames(vms: readonly ManagedVm[]): string {
  return vms.map(({ id, name }) => `VM ${id} (${name})`).join(", ");
}

/** Takes the host out of the scheduler's choice and has VMs that cannot move shut down. */
export function closeSteps({ host, isClosed: closed, bound }: CloudGuests): Step[] {
  return [
    ...(closed ? [] : [oneStep("onehost", "disable", host.id)]),
    ...bound.map(({ id }) => oneStep("onevm", "poweroff", id)),
  ];
}

/** For a guest that does not listen. */
export function powerOffSteps(vms: readonly ManagedVm[]): Step[] {
  return vms.map(({ id }) => oneStep("onevm", "poweroff", "--hard", id));
}

/** Has the VMs that still run there rescheduled; nothing where none does. */
export function flushSteps({ host, moving }: CloudGuests): Step[] {
  return moving.length === 0 ? [] : [oneStep("onehost", "flush", host.id)];
}

/** Gives the host back to the scheduler; nothing where it is enabled already, or gone. */
export function openSteps(facts: HostFacts, frontEnd: string, { host, ours }: ManagedMark): Step[] {
  const found = cloudOf(facts, frontEnd).hosts.find(({ id }) => id === host);
  return ours && found !== undefined && isClosed(found) ? [oneStep("onehost", "enable", host)] : [];
}

/** Whether the host is monitored, so that VMs can start there; a host that is gone is not waited for. */
export function isOpen(facts: HostFacts, frontEnd: string, { host, ours }: ManagedMark): boolean {
  const found = cloudOf(facts, frontEnd).hosts.find(({ id }) => id === host);
  return !ours || found === undefined || ["1", "2"].includes(found.state);
}

/** Starts what was shut down; nothing for one that is gone, or that somebody has started or moved on. */
export function startSteps(facts: HostFacts, frontEnd: string, { stopped }: ManagedMark): Step[] {
  const { vms } = cloudOf(facts, frontEnd);
  return stopped
    .filter(({ id }) => vms.some((vm) => vm.id === id && vm.state === vmState.poweroff))
    .map(({ id }) => oneStep("onevm", "resume", id));
}

function isClosed({ state }: CloudHost): boolean {
  return (
    [hostState.disabled, hostState.monitoringDisabled, hostState.offline] as readonly string[]
  ).includes(state);
}
