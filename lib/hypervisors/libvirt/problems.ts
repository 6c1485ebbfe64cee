import {
  absentDevice,
  heldBy,
  isAbsent,
  problem,
  takenFromHost,
  type Moment,
  type Subject,
} from "../deviceProblems";
import { groupReport } from "../../model/iommuGroups";
import type { Problem, Settings, SettingChange, VmRequest } from "../types";
import { claimNames, rivals, type DomainClaim } from "./claims";
import { desiredSettings } from "./declaration";
import { allDomains, describeDomain, findDomain, type Domain } from "./domain";
import { sources, type Wanted } from "./hostdev";
import { parseSlot } from "./slot";
import { slotState } from "./slotState";
import { arriving, needsRestart, plannedChange } from "./vmChange";

/** Everything that a check looks at. */
interface Context extends VmRequest, Subject {
  readonly domain: Domain;
  readonly desired: Settings;
  readonly peers: readonly string[];
  readonly restart: boolean;
  readonly changes: readonly SettingChange[];
  readonly arrived: readonly { readonly name: string; readonly wanted: Wanted }[];
}

/** What speaks against a request on the host as it stands. */
export function libvirtProblems(request: VmRequest, moment: Moment): Problem[] {
  const { facts, host, vmId, declaration } = request;
  if (facts.libvirt === null) {
    return [
      problem(
        "error",
        `${host} is not a libvirt host`,
        `Domain ${vmId} is declared for hypervisor libvirt, and ${host} (${facts.distribution.prettyName}) has no \`virsh\`. ` +
          "Name the host that runs the domain.",
      ),
    ];
  }
  if (facts.libvirt.complaint !== null) {
    return [
      problem(
        "error",
        `libvirt of ${host} does not answer`,
        `${facts.libvirt.complaint}\nNothing is known of domain ${vmId} until it does: \`systemctl status libvirtd\` there.`,
      ),
    ];
  }
  const domain = findDomain(facts, vmId);
  // A domain that is gone has nothing left to give back.
  if (domain === null) return declaration === null ? [] : [missing(request)];
  const { changes } = plannedChange(request);
  const title = `${describeDomain(domain)} on ${host}`;
  if (!domain.persistent && (declaration !== null || changes.length > 0)) return [transient(title)];
  if (declaration === null) return [];
  const desired = desiredSettings(declaration);
  const context: Context = {
    ...request,
    ...{ moment, title, domain, desired, changes },
    ...{ peers: declaration.peers, restart: declaration.restart },
    arrived: arriving(request, domain, desired),
  };
  return checks.flatMap((check) => check(context));
}

const checks: readonly ((context: Context) => Problem[])[] = [
  absentDevices,
  bridges,
  assignedTwice,
  wholeGroups,
  bootOrders,
  heldByOthers,
  neededByHost,
  startsAtBoot,
  lockedMemory,
  ballooning,
  effect,
];

function missing({ host, facts, vmId }: VmRequest): Problem {
  const shownAtMost = 20;
  const names = allDomains(facts).map(({ name }) => name);
  const list = names.slice(0, shownAtMost).map((name) => `\n  ${name}`);
  const more = names.length > shownAtMost ? `\n  and ${names.length - shownAtMost} more` : "";
  return problem(
    "error",
    `There is no domain ${vmId} on ${host}`,
    `libvirt's system instance knows none of this name. ` +
      (names.length === 0 ? "There is none at all." : `There is:${list.join("")}${more}`) +
      "\nDefine the domain first, or correct its name.",
  );
}

function transient(title: string): Problem {
  return problem(
    "error",
    `${title} is transient`,
    "It has no configuration that outlives its next shutdown. Define it (`virsh define`) first.",
  );
}

function absentDevices(context: Context): Problem[] {
  const { facts, desired, changes, host, title } = context;
  return Object.entries(desired).flatMap(([name, text]) => {
    if (!changes.some(({ key }) => key === name)) return [];
    const slot = parseSlot(text);
    if (slot.kind === "usb" && sources(facts, slot).length === 0) {
      const plugged = facts.usbDevices
        .filter(({ hub }) => !hub)
        .map((usb) => `\n  ${usb.port} ${usb.id} ${usb.name}`);
      return [
        problem(
          "error",
          `There is no USB device at ${slot.source} on ${host}`,
          `${name} of ${title} names the port. ${plugged.length > 0 ? `There is:${plugged.join("")}` : "Nothing is plugged in."}`,
          name,
        ),
      ];
    }
    if (slot.kind === "mdev") return absentMediated(context, slot.source, name);
    if (slot.kind !== "pci") return [];
    return slot.source
      .split(";")
      .filter((address) => isAbsent(facts, address, context.moment))
      .map((address) => absentDevice(context, facts, address, name));
  });
}

function absentMediated({ facts, host, title }: Context, uuid: string, name: string): Problem[] {
  if (facts.mediatedDevices.some((found) => found.uuid === uuid)) return [];
  const there = facts.mediatedDevices.map((found) => `\n  ${found.uuid} ${found.type} of ${found.parent}`);
  return [
    problem(
      "error",
      `There is no mediated device ${uuid} on ${host}`,
      `${name} of ${title} names it, and the domain would not start. ${there.length > 0 ? `There is:${there.join("")}` : "There is none at all."}\n` +
        "Make it first (`mdevctl start`), and let `mdevctl define --auto` make it again at every boot.",
      name,
    ),
  ];
}

function bridges({ facts, arrived, title }: Context): Problem[] {
  return arrived
    .filter(({ wanted }) => facts.devices.some(({ address, bridge }) => bridge && address === wanted.source))
    .map(({ name, wanted }) =>
      problem(
        "error",
        `${name} of ${title} names a bridge`,
        `${wanted.source} is a bridge, and vfio-pci takes no bridges. Name the devices behind it.`,
        name,
      ),
    );
}

/** Of two slots, or of a slot and of an interface or a disk that somebody else gave the domain. */
function assignedTwice({ facts, desired, domain, title }: Context): Problem[] {
  const first = new Map<string, string>(
    domain.configured.devices.flatMap(({ kind, source, alias }) =>
      kind === null && source !== "" ? [[source, alias ?? "an interface or a disk of it"] as const] : [],
    ),
  );
  return Object.entries(desired).flatMap(([name, text]) =>
    sources(facts, parseSlot(text)).flatMap((source) => {
      const other = first.get(source);
      first.set(source, other ?? name);
      if (other === undefined) return [];
      return [
        problem(
          "error",
          `${title} has ${source} twice`,
          `${other} and ${name} both name it (an address without a function names every function of the slot), and the ` +
            "VM would not start. Name it in one of them.",
          name,
        ),
      ];
    }),
  );
}

/** QEMU does not start with a device whose IOMMU group a driver of the host still has a part of. */
function wholeGroups({ facts, arrived, desired, title }: Context): Problem[] {
  const together = Object.values(desired).flatMap((text) => {
    const slot = parseSlot(text);
    return slot.kind === "pci" ? sources(facts, slot) : [];
  });
  return groupReport(facts.devices, together).blocked.flatMap(({ address, group, siblings }) => {
    const name = arrived.find(({ wanted }) => wanted.source === address)?.name;
    if (name === undefined) return [];
    const others = siblings.map(
      (device) => `${device.address} ${device.name} (${device.driver ?? "no driver"})`,
    );
    return [
      problem(
        "error",
        `${address} of ${title} cannot be handed over alone`,
        `IOMMU group ${group} goes as a whole; it also holds ${others.join(", ")}. Nothing was touched. ` +
          "Bind these too with a VfioBinding, or give them to the domain as well (`unassigned: true` hides one from the guest).",
        name,
      ),
    ];
  });
}

/** libvirt takes either a list under `<os>` or an order of each device, and every place once. */
function bootOrders({ facts, desired, domain, changes, title }: Context): Problem[] {
  const others = new Set(domain.configured.otherBootOrders);
  return Object.entries(desired).flatMap(([name, text]) => {
    const place = parseSlot(text).options["boot.order"];
    if (place === undefined || !changes.some(({ key }) => key === name)) return [];
    const taken = others.has(place);
    others.add(place);
    const { fits } = slotState(facts, domain.configured, name, text);
    if (domain.configured.bootList && fits.length === 0) {
      return [
        problem(
          "error",
          `${title} boots from a list`,
          `${name} has a place in the boot order, and libvirt refuses that beside \`<boot dev=.../>\` under \`<os>\`. ` +
            "Take the list out (`virsh edit`), and give the domain's own disks an order each.",
          name,
        ),
      ];
    }
    if (!taken) return [];
    return [
      problem(
        "error",
        `Place ${place} in the boot order of ${title} is taken`,
        `${name} and another device of the domain both have it. Each needs a place of its own.`,
        name,
      ),
    ];
  });
}

function heldByOthers(context: Context): Problem[] {
  const { facts, vmId, arrived, peers } = context;
  const bySlot = new Map<string, DomainClaim[]>();
  for (const claim of rivals(
    facts,
    vmId,
    arrived.map(({ wanted }) => wanted.source),
  )) {
    const slot = JSON.stringify([claim.vmId, claim.slot]);
    bySlot.set(slot, [...(bySlot.get(slot) ?? []), claim]);
  }
  return [...bySlot.values()].flatMap((held) => {
    const [claim] = held;
    const other = claim && findDomain(facts, claim.vmId);
    if (!claim || !other) return [];
    const addresses = held.map(({ source, address }) => (address.startsWith("USB ") ? address : source));
    const taken = new Set(held.flatMap(({ source, address }) => [source, address]));
    const key = arrived.find(({ wanted }) =>
      claimNames(facts, wanted.source).some((name) => taken.has(name)),
    )?.name;
    const holder = {
      name: describeDomain(other),
      slot: claim.slot,
      addresses,
      inUse: claim.inUse,
      configured: claim.configured,
      peer: peers.includes(other.name),
      locked: null,
      startsWithHost: other.autostart ? "autostart" : null,
      remedy: "`virsh detach-device --config`",
    };
    return heldBy(context, holder, key);
  });
}

function neededByHost(context: Context): Problem[] {
  const { facts, arrived } = context;
  const names = new Set(arrived.filter(({ wanted }) => wanted.kind === "pci").map(({ name }) => name));
  return [...names].flatMap((name) => {
    const addresses = arrived.filter((found) => found.name === name).map(({ wanted }) => wanted.source);
    return takenFromHost(context, facts, addresses, name);
  });
}

function startsAtBoot({ domain, arrived, title }: Context): Problem[] {
  if (!domain.autostart) return [];
  const names = new Set(arrived.filter(({ wanted }) => wanted.kind === "pci").map(({ name }) => name));
  return [...names].map((name) =>
    problem(
      "warning",
      `${title} starts with the host and names ${name} by address`,
      "Addresses change when a card is added or moved, and the domain would then take another device from the host before " +
        "any plan runs. Switch autostart off, or `managed: false`, so that it starts only with what a VfioBinding holds.",
      name,
    ),
  );
}

/** A device reaches all memory of the guest, so all of it is locked in the host's. */
function lockedMemory({ facts, domain, arrived, title, host }: Context): Problem[] {
  const { memory } = domain.configured;
  const passed = arrived.some(({ wanted }) => wanted.kind !== "usb");
  if (!passed || facts.memory === 0 || memory < facts.memory) return [];
  const mebibytes = (kibibytes: number) => `${Math.round(kibibytes / 1024)} MiB`;
  return [
    problem(
      "error",
      `${title} has more memory than ${host}`,
      `A VM with a PCI device has all its memory locked: ${mebibytes(memory)}, and ${host} has ${mebibytes(facts.memory)}. Give it less.`,
    ),
  ];
}

function ballooning({ domain, arrived, title }: Context): Problem[] {
  const { memory, currentMemory, balloon } = domain.configured;
  const passed = arrived.some(({ wanted }) => wanted.kind !== "usb");
  if (!passed || !balloon || currentMemory >= memory) return [];
  return [
    problem(
      "warning",
      `Ballooning of ${title} has no effect`,
      `A VM with a PCI device keeps all its memory (${Math.round(memory / 1024)} MiB), and currentMemory is ` +
        `${Math.round(currentMemory / 1024)} MiB. Make both the same.`,
    ),
  ];
}

/** When a running domain takes the change. */
function effect({ domain, desired, changes, moment, title, restart, ...request }: Context): Problem[] {
  if (moment === "apply" || !needsRestart(request, domain, desired)) return [];
  if (restart) {
    return [
      problem(
        "warning",
        `${title} is restarted`,
        "It runs, and takes its devices by shutting down and starting again.",
      ),
    ];
  }
  if (changes.length === 0) return [];
  return [
    problem(
      "warning",
      `${title} takes the change at its next start`,
      `It runs; ${changes.map(({ key }) => key).join(", ")} stays pending until it is shut down and started. A reboot ` +
        "from inside the guest is not enough. `restart: true` lets the apply do it, `live: true` plugs a device in.",
    ),
  ];
}
