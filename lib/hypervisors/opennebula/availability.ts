/** Whether a host has what sections ask for, as OpenNebula's scheduler would look for it. */
import { matchesPciPattern } from "../../model/openNebulaFilter";
import type { Section } from "../../model/openNebulaTemplate";
import { describeDevice, type Cloud, type CloudDevice, type CloudHost } from "./cloud";
import { describeRequest, requestOf } from "./sections";

/** A section that a host cannot give a device to. */
export interface Unmet {
  readonly slot: string;
  readonly section: Section;
  /** Devices that fit, all of them taken; none where the host lists none that fits. */
  readonly taken: readonly CloudDevice[];
}

export interface Asked {
  readonly slot: string;
  readonly section: Section;
}

/** What of the sections this host cannot meet all at once; `isGiven` tells what somebody has and gives up for it. */
export function unmetBy(
  { devices }: CloudHost,
  asked: readonly Asked[],
  isGiven: (device: CloudDevice) => boolean,
): Unmet[] {
  const assigned = new Set<CloudDevice>();
  const isFree = (device: CloudDevice) => !assigned.has(device) && (device.vmId === null || isGiven(device));
  // Exact addresses first: a kind of device leaves them alone then.
  const exact = ({ section }: Asked) => "address" in requestOf(section);
  return [...asked.filter(exact), ...asked.filter((one) => !exact(one))].flatMap(({ slot, section }) => {
    const fitting = devices.filter((device) => fits(device, section));
    const found = fitting.find(isFree);
    if (found) assigned.add(found);
    return found ? [] : [{ slot, section, taken: fitting }];
  });
}

function fits(device: CloudDevice, section: Section): boolean {
  const request = requestOf(section);
  return "address" in request
    ? device.shortAddress === request.address.toLowerCase()
    : matchesPciPattern(request.pattern, device);
}

/** In words: what is asked for, and who has what fits. */
export function describeUnmet(cloud: Cloud, hosts: readonly CloudHost[], { section }: Unmet): string {
  const taken = hosts.flatMap((host) =>
    host.devices
      .filter((device) => fits(device, section))
      .map((device) => `${describeDevice(device)} of ${host.name} ${userOf(cloud, device)}`),
  );
  const where = hosts.length === 1 ? (hosts[0]?.name ?? "the host") : "no host";
  const lacks =
    hosts.length === 1
      ? `${where} has no ${describeRequest(section)}`
      : `no host has ${describeRequest(section)}`;
  return taken.length > 0 ? `${lacks} free: ${taken.join("; ")}` : `${lacks}. ${inventory(cloud, hosts)}`;
}

function userOf(cloud: Cloud, { vmId }: CloudDevice): string {
  if (vmId === null) return "is for another slot of this VM";
  const vm = cloud.vms.find(({ id }) => id === vmId);
  return `is VM ${vmId}'s${vm === undefined ? "" : ` (${vm.name})`}`;
}

const shownAtMost = 12;

function inventory(cloud: Cloud, hosts: readonly CloudHost[]): string {
  const all = hosts.flatMap(({ name, devices }) =>
    devices.map((device) => {
      const user = device.vmId === null ? "" : `, ${userOf(cloud, device).replace(/^is /, "")}`;
      return `${name} ${describeDevice(device)}${user}`;
    }),
  );
  if (all.length === 0)
    return "OpenNebula lists no PCI devices there: is the monitoring's filter set (OpenNebulaPciFilter)?";
  const more = all.length - shownAtMost;
  return `There is: ${all.slice(0, shownAtMost).join("; ")}${more > 0 ? `; and ${more} more` : ""}`;
}
