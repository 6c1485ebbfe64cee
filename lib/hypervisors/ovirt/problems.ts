import type { EngineFacts, EngineHost, EngineVm } from "../../model/engineFacts";
import type { Problem, SettingChange, Settings, VmDeclaration, VmRequest } from "../types";
import { desiredSettings } from "./declaration";
import { rivals } from "./claims";
import { foreignDevices, isPeer, mayMove, placementAfter, plannedChange } from "./change";
import { expanded, isUsbName } from "./names";
import { isDeviceKey, nicOfKey, placementKey, profileOf, sameHosts } from "./settings";
import {
  describeDevice,
  describeVm,
  deviceOn,
  findHost,
  findVm,
  given,
  isDown,
  named,
  pinnedHost,
  siblings,
} from "./virtualMachine";

type Moment = "plan" | "apply";
type Request = VmRequest<EngineFacts>;

/** Everything that a check looks at. */
interface Context extends Request {
  readonly declaration: VmDeclaration;
  readonly moment: Moment;
  readonly vm: EngineVm;
  /** `VM workstation of engine lab` */
  readonly title: string;
  readonly desired: Settings;
  readonly changes: readonly SettingChange[];
  /** The one host that the VM will be pinned to; null where it is not. */
  readonly at: EngineHost | null;
  /** The device keys with the devices that they name there. */
  readonly devices: readonly { readonly key: string; readonly names: readonly string[] }[];
}

/** What speaks against a request at the engine as it stands. */
export function engineProblems(request: Request, moment: Moment): Problem[] {
  const { facts, host, vmId, declaration } = request;
  const vm = findVm(facts, vmId);
  // A VM that is gone has nothing left to give back.
  if (vm === null) return declaration === null ? [] : [missing(request)];
  const title = `${describeVm(vm)} of engine ${host}`;
  const change = plannedChange(request);
  if (declaration === null)
    return [...running(title, vm, change.steps.length, moment, false), ...stays(request, vm, title)];

  const desired = desiredSettings(declaration);
  const place = placementAfter(facts, change.changes);
  const at = place === null ? pinnedHost(facts, vm) : findHost(facts, place.hosts[0] ?? "");
  const onHost = (at?.devices ?? []).map(({ name }) => name);
  const context: Context = {
    ...request,
    ...{ declaration, moment, vm, title, desired, changes: change.changes, at },
    devices: Object.entries(desired).flatMap(([key, value]) =>
      isDeviceKey(key) ? [{ key, names: expanded(value, onHost) }] : [],
    ),
  };
  return [
    ...checks.flatMap((check) => check(context)),
    ...running(title, vm, change.steps.length, moment, declaration.restart),
  ];
}

function error(summary: string, detail: string, key?: string): Problem {
  return { severity: "error", summary, detail, ...(key === undefined ? {} : { key }) };
}

function warning(summary: string, detail: string, key?: string): Problem {
  return { ...error(summary, detail, key), severity: "warning" };
}

/** What may still pass until the apply. */
function passing(moment: Moment, summary: string, detail: string, key?: string): Problem {
  return moment === "apply" ? error(summary, detail, key) : warning(summary, detail, key);
}

const shownAtMost = 20;

function some(words: readonly string[], none: string): string {
  if (words.length === 0) return ` ${none}`;
  const more = words.length > shownAtMost ? `\n  and ${words.length - shownAtMost} more` : "";
  return (
    words
      .slice(0, shownAtMost)
      .map((word) => `\n  ${word}`)
      .join("") + more
  );
}

function missing({ facts, host, vmId }: Request): Problem {
  const several = named(facts.vms, vmId);
  if (several.length > 1) {
    return error(
      `Engine ${host} has ${several.length} VMs named ${vmId}`,
      `Names repeat among data centers. Name the VM by its id:${some(
        several.map(({ id }) => id),
        "",
      )}`,
    );
  }
  return error(
    `There is no VM ${vmId} at engine ${host}`,
    `${facts.product} knows none with this name or id that this user may see. There is:` +
      some(
        facts.vms.map(({ name, id }) => `${name} (${id})`),
        "none at all.",
      ),
  );
}

/** The engine changes host devices and placement only of a VM that is down. */
function running(title: string, vm: EngineVm, steps: number, moment: Moment, restart: boolean): Problem[] {
  if (steps === 0 || isDown(vm)) return [];
  if (!restart) {
    return [
      passing(
        moment,
        `${title} is ${vm.status}`,
        "The engine changes the host devices of a VM only while it is down. Shut it down before the apply, or set `restart: true` to have it shut down and started.",
      ),
    ];
  }
  if (vm.status !== "up") {
    return [
      passing(
        moment,
        `${title} is ${vm.status}`,
        "`restart` shuts down a VM that is up. Wait until it is up or down.",
      ),
    ];
  }
  return moment === "apply"
    ? []
    : [warning(`${title} is restarted`, "It is shut down, changed and started again.")];
}

/** A destroy leaves the VM pinned where somebody else's devices need that. */
function stays(request: Request, vm: EngineVm, title: string): Problem[] {
  const { record } = request;
  if (!Object.hasOwn(record.written, placementKey)) return [];
  const line = record.base[placementKey] ?? null;
  if (mayMove(request, vm, {}, line)) return [];
  return [
    warning(
      `${title} stays where it is pinned`,
      `It was ${line ?? "elsewhere"} before, but it has host devices that are not ours (${foreignDevices(request, vm, {}).join(", ") || "none"}), ` +
        "and the engine drops every host device of a VM whose hosts change.",
    ),
  ];
}

function unknownPlace({ facts, declaration, title }: Context): Problem[] {
  const { pinTo = null } = declaration;
  if (pinTo === null || findHost(facts, pinTo) !== null) return [];
  return [
    error(
      `The engine has no host ${pinTo}`,
      `${title} is to be pinned to it. There is:${some(
        facts.hosts.map(({ name }) => name),
        "none.",
      )}`,
      placementKey,
    ),
  ];
}

/** A host device belongs to one host, and the engine takes none for a VM that may start elsewhere. */
function pinning({ facts, vm, devices, declaration, title }: Context): Problem[] {
  if (devices.length === 0 || (declaration.pinTo ?? null) !== null || vm.pinnedTo.length === 1) return [];
  const where = vm.pinnedTo.map((id) => findHost(facts, id)?.name ?? id);
  return [
    error(
      `${title} is not pinned to exactly one host`,
      (where.length === 0 ? "It may start on any host. " : `It may start on ${where.join(" and ")}. `) +
        "The engine gives host devices only to a VM that is pinned to one. Declare it with `pinTo`, or pin it in the " +
        "Administration Portal (Edit Virtual Machine, Host).",
      placementKey,
    ),
  ];
}

function move({ facts, vm, changes, declaration, title, ...request }: Context): Problem[] {
  const place = placementAfter(facts, changes);
  if (place === null || sameHosts(place.hosts, vm.pinnedTo)) return [];
  const foreign = foreignDevices({ ...request, facts, declaration }, vm, request.desired);
  if (foreign.length === 0) return [];
  return [
    error(
      `${title} has host devices that pinning it elsewhere would drop`,
      `The engine drops every host device of a VM whose hosts change: ${foreign.join(", ")} ` +
        "are not declared here. Declare them too, or take them from the VM by hand.",
      placementKey,
    ),
  ];
}

function absentDevices({ devices, at, title }: Context): Problem[] {
  if (at === null) return [];
  return devices.flatMap(({ key, names }) =>
    names
      .filter((name) => deviceOn(at, name) === undefined)
      .map((name) =>
        error(
          `The engine knows no device ${name} on ${at.name}`,
          `${key} of ${title} names it. It knows:` +
            some(
              (at.devices ?? [])
                .filter(({ capability }) => capability === (isUsbName(name) ? "usb_device" : "pci"))
                .map(describeDevice),
              "none.",
            ) +
            "\nWhat was put in since shows up after Refresh Capabilities of the host.",
          key,
        ),
      ),
  );
}

function namedTwice({ devices, title }: Context): Problem[] {
  const first = new Map<string, string>();
  return devices.flatMap(({ key, names }) =>
    names.flatMap((name) => {
      const other = first.get(name);
      first.set(name, other ?? key);
      return other === undefined || other === key
        ? []
        : [error(`${other} and ${key} of ${title} both take ${name}`, "A device is given once.", key)];
    }),
  );
}

/** What the engine attaches by itself: it is shown, and not fought. */
function placeholders({ devices, at, vm, moment, title }: Context): Problem[] {
  if (moment === "apply") return [];
  const wanted = devices.flatMap(({ names }) => names);
  return devices.flatMap(({ key, names }) => {
    const along = names
      .filter((name) => !given(vm).includes(name))
      .flatMap((name) => siblings(at, name))
      .filter(({ name }) => !wanted.includes(name));
    if (along.length === 0) return [];
    const unique = [...new Set(along.map(describeDevice))];
    return [
      warning(
        `${key} of ${title} takes its IOMMU group along`,
        "The host loses these too while the VM runs, and the guest does not get them (the engine lists them as " +
          `placeholders):${some(unique, "")}`,
        key,
      ),
    ];
  });
}

/** The engine does not tell what the host itself lives on. */
function heldByHost({ devices, at, vm, moment, title }: Context): Problem[] {
  if (moment === "apply" || at === null) return [];
  const harmless = ["", "vfio-pci", "pci-stub", "pcieport"];
  return devices.flatMap(({ key, names }) => {
    const held = names
      .filter((name) => !isUsbName(name) && !given(vm).includes(name))
      .flatMap((name) => [deviceOn(at, name), ...siblings(at, name)])
      .filter((device) => device !== undefined)
      .filter(({ driver }) => !harmless.includes(driver));
    if (held.length === 0) return [];
    const words = [...new Set(held.map((device) => `${describeDevice(device)}: ${device.driver}`))];
    return [
      warning(
        `${at.name} itself drives what ${key} of ${title} takes`,
        `When the VM starts, the host loses:${some(words, "")}\nThe engine does not tell whether a disk or the network of the host ` +
          "hangs on it. A VfioBinding of the host looks, and refuses what the host lives on.",
        key,
      ),
    ];
  });
}

/** The VM can be configured before the host is ready, and not be started. */
function withoutIommu({ devices, at, moment, title }: Context): Problem[] {
  if (moment === "apply" || at === null || devices.length === 0) return [];
  const groups = devices
    .flatMap(({ names }) => names)
    .filter((name) => !isUsbName(name))
    .map((name) => deviceOn(at, name)?.group);
  if (groups.length === 0 || (at.passthrough !== false && !groups.includes(null))) return [];
  return [
    warning(
      `${at.name} has no IOMMU as far as the engine knows`,
      `${title} cannot start with a host device before it is on. Turn it on with an IommuHost; after its reboot, ` +
        "activating the host or Refresh Capabilities tells the engine.",
    ),
  ];
}

function heldByOthers({ facts, vm, changes, declaration, moment, title, host }: Context): Problem[] {
  return rivals(facts, vm, changes).flatMap(({ vm: other, devices, keys }) => {
    const which = devices.join(", ");
    const name = describeVm(other);
    const [key] = keys;
    const peer = isPeer(other, declaration.peers);
    if (!isDown(other)) {
      const detail =
        `${name} is ${other.status} and has it, and a device has one user at a time. Shut ${name} down` +
        (peer
          ? " before the apply; a device moves between VMs that are down."
          : " and take the device from it first.");
      const summary = `${which} is in use by ${name}`;
      return [peer ? passing(moment, summary, detail, key) : error(summary, detail, key)];
    }
    if (moment === "apply") return [];
    return [
      peer
        ? warning(
            `${which} moves from ${name} to ${title}`,
            `${name} is declared by this stack too and is down: the device is taken from it first.`,
            key,
          )
        : warning(
            `${which} is configured for ${name} too`,
            `This stack does not declare it. Only one of the two can run. Remove it there: engine ${host}, ${name}, Host Devices.`,
            key,
          ),
    ];
  });
}

/** A passthrough NIC is a virtual function of a card, and its profile says so. */
function nicProfiles({ facts, vm, desired, changes, title }: Context): Problem[] {
  const declared = Object.entries(desired).flatMap(([key, line]) => {
    const name = nicOfKey(key);
    if (name === null) return [];
    const wanted = profileOf(line);
    const [profile, second] = named(facts.vnicProfiles, wanted);
    const known = facts.vnicProfiles.filter(({ passThrough }) => passThrough);
    if (profile === undefined) {
      return [
        error(
          `The engine has no vNIC profile ${wanted}`,
          `NIC ${name} of ${title} names it. Profiles with passthrough are:${some(
            known.map((one) => one.name),
            "none.",
          )}`,
          key,
        ),
      ];
    }
    if (second !== undefined) {
      return [
        error(
          `The engine has several vNIC profiles ${wanted}`,
          `NIC ${name} of ${title} names one. Names repeat among networks; name it by its id.`,
          key,
        ),
      ];
    }
    if (!profile.passThrough) {
      return [
        error(
          `vNIC profile ${profile.name} has no passthrough`,
          `NIC ${name} of ${title} is to get a virtual function of the host's card. Switch Passthrough on in a profile ` +
            "of that network that no NIC uses yet.",
          key,
        ),
      ];
    }
    const before = changes.find((change) => change.key === key)?.before ?? null;
    return before === null
      ? []
      : [
          warning(
            `NIC ${name} of ${title} is replaced`,
            `It is ${before} and becomes ${line}: the guest sees another network card.`,
            key,
          ),
        ];
  });
  const broken = (vm.nics ?? []).flatMap((nic) => {
    const profile = facts.vnicProfiles.find(({ id }) => id === nic.profile);
    if (nic.interface !== "pci_passthrough" || profile === undefined || profile.passThrough) return [];
    return [
      warning(
        `NIC ${nic.name} of ${title} has a passthrough interface without a passthrough profile`,
        `Its vNIC profile is ${profile.name}. The VM does not start so.`,
      ),
    ];
  });
  return [...declared, ...broken];
}

const checks: readonly ((context: Context) => Problem[])[] = [
  unknownPlace,
  pinning,
  move,
  absentDevices,
  namedTwice,
  heldByOthers,
  placeholders,
  heldByHost,
  withoutIommu,
  nicProfiles,
];
