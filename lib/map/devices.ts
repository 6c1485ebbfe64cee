import { isBridge, kindOf } from "./deviceKinds";
import type { InspectedDevice } from "./inspection";
import { bindingOf, isRead, judge, slotOfVm, type Judgement, type Machine } from "./judgement";
import type { ChangeView, DeviceView, Line } from "./views";
import { roles } from "./roles";

/** The other side of a plan, to mark what changes. */
export interface Against {
  readonly other: Machine;
  /** This side is the one after the apply. */
  readonly arriving: boolean;
}

/** The most lines that the picture gives a device beside its name. */
const mostLines = 3;

/** Every device of a machine as the picture shows it, by address. */
export function deviceViews(machine: Machine, against?: Against): Map<string, DeviceView> {
  const judged = judge(machine);
  const others = new Map(against?.other.devices.map((device) => [device.address, device]));
  return new Map(
    machine.devices.map((device) => {
      const judgement = judged.get(device.address) ?? { role: "free", users: [], reasons: [] };
      const other = others.get(device.address);
      const changes = other && against ? changesOf(device, other, against.arriving) : [];
      return [device.address, view(device, judgement, changes)];
    }),
  );
}

function view(device: InspectedDevice, judgement: Judgement, changes: readonly ChangeView[]): DeviceView {
  const bridge = isBridge(device);
  const lines = bridge ? [] : linesOf(judgement, changes);
  return {
    ...judgement,
    address: device.address,
    kind: kindOf(device.class),
    badge: badgeOf(device, judgement),
    bridge,
    name: shortName(device.name),
    id: `${device.vendor}:${device.device}`,
    driver: device.driver,
    group: device.iommuGroup,
    changes,
    lines,
    height: lines.length,
    details: detailsOf(device, judgement, changes),
  };
}

function linesOf({ role, users, reasons }: Judgement, changes: readonly ChangeView[]): Line[] {
  const forbidden = role === "host" || role === "blocked";
  const staying = users.filter((user) => !changes.some((change) => change.of === user.as));
  const all: readonly Line[] = [
    ...changes.map(({ text }) => ({ text, tone: "change" as const })),
    ...staying.map(({ text }) => ({ text, tone: role })),
    // Of what may be handed out it is a warning.
    ...reasons.map((text) => ({ text, tone: forbidden ? role : ("blocked" as const) })),
  ];
  if (all.length <= mostLines) return [...all];
  return [...all.slice(0, mostLines - 1), { text: `and ${all.length - mostLines + 1} more`, tone: "bridge" }];
}

function badgeOf({ vms }: InspectedDevice, { role }: Judgement): string {
  const ids = [...new Set(vms.map(({ vmId }) => vmId))];
  if (role !== "vm") return roles[role].label;
  return ids.length === 1 && (ids[0]?.length ?? 0) <= 9 ? `VM ${ids[0] ?? ""}` : roles.vm.label;
}

/** Without what pci.ids adds to the names of companies: the model is what has to be read. */
function shortName(name: string): string {
  return name
    .replace(/^[^[\]]{4,40} \[(AMD(?:\/ATI)?)\] /, "$1 ")
    .replace(
      /^(\S+(?: \/ \S+)?)(?: (?:Electronics|Semiconductor|Technology|Technologies))? (?:Corporation|Corp\.|Inc\.?|Co\.?,? Ltd\.?|Ltd\.?|LLC)(?=[ ,])/,
      "$1",
    )
    .replace(/^(\S+) Technology, Inc\. /, "$1 ")
    .replace(/^(\S+) \1 /, "$1 ");
}

/** Where one side differs from the other: what goes before the apply, what comes with it. */
function changesOf(device: InspectedDevice, other: InspectedDevice, arriving: boolean): ChangeView[] {
  const slots = ({ vms }: InspectedDevice) => vms.map(slotOfVm);
  const lost = slots(device).filter((slot) => !slots(other).includes(slot));
  const binding =
    device.binding === null || device.binding === other.binding ? [] : [bindingOf(device.binding)];
  const driver = driverInWords(other);
  return [
    ...(device.driver === other.driver
      ? []
      : [{ of: "driver", text: arriving ? `driver was ${driver}` : `driver becomes ${driver}` }]),
    ...lost.map((slot) => ({ of: slot, text: arriving ? `joins ${slot}` : `leaves ${slot}` })),
    ...binding.map((name) => ({ of: name, text: arriving ? `joins ${name}` : `leaves ${name}` })),
  ];
}

function driverInWords({ driver }: InspectedDevice): string {
  return driver ?? "none";
}

function detailsOf(
  device: InspectedDevice,
  { role, users, reasons }: Judgement,
  changes: readonly ChangeView[],
): DeviceView["details"] {
  const { label, meaning } = roles[role];
  const details: readonly (readonly [string, string | null])[] = [
    ["Verdict", `${label}: ${meaning}`],
    ["Changes", changes.map(({ text }) => text).join("; ")],
    ["Used by", users.map(({ text }) => text).join("; ")],
    ["Mind", reasons.join("; ")],
    ["Device", device.name],
    ["Id, class", `${device.vendor}:${device.device}, class ${device.class}`],
    ["Subsystem", device.subsystemVendor && `${device.subsystemVendor}:${device.subsystemDevice}`],
    ["Driver", driverInWords(device)],
    ["Driver override", device.driverOverride],
    ["IOMMU group", device.iommuGroup ?? (isRead(device) ? "none" : "not known")],
    ["Path", device.path.length > 1 ? device.path.join(" › ") : null],
    ["Virtual function of", device.physicalFunction],
    ["Reset methods", device.resetMethods.join(", ")],
    ["Reserved regions", device.reservedRegions.join(", ")],
  ];
  return details.flatMap(([name, value]) => (value ? [[name, value] as const] : []));
}
