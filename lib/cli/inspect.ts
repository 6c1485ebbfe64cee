import { claims } from "../hypervisors/registry";
import type { Claim } from "../hypervisors/types";
import { inspection } from "../map/inspection";
import type { CriticalUse, HostFacts, PciDevice } from "../model/facts";
import { withIdentities } from "../model/heldDevices";
import { legibleRecord } from "../model/record";
import { findDevices } from "../model/selection";
import { serialsOf, type DeviceSelector } from "../model/selector";
import type { Colors } from "./terminal";

export interface InspectOptions {
  /** JSON instead of a table. */
  readonly json: boolean;
  readonly colors: Colors;
  /** Only these devices. */
  readonly select?: DeviceSelector | null;
}

/** Everything there is to say of one device. */
interface Row {
  readonly device: PciDevice;
  readonly critical: readonly CriticalUse[];
  readonly claims: readonly Claim[];
}

/**
 * The PCI devices of a host, for `passthrough inspect`: who has what, and what the host needs itself.
 * @throws an error listing what is there where nothing is selected, or another number than asked for
 */
export function inspect(host: HostFacts, options: InspectOptions): string {
  const facts = selected(host, options.select ?? null);
  const claimed = claims(facts);
  const rows = facts.devices.map((device) => ({
    device,
    critical: facts.critical.filter(({ address }) => address === device.address),
    claims: claimed.filter(({ address }) => address === device.address),
  }));
  if (options.json) return `${JSON.stringify(inspection(facts, claimed), null, 2)}\n`;
  const { colors } = options;
  return (
    [heading(host, colors), table(rows, colors), uses(facts, colors)].filter(Boolean).join("\n\n") + "\n"
  );
}

/** With what the host remembers of the devices, and only those that are asked for. */
function selected(facts: HostFacts, select: DeviceSelector | null): HostFacts {
  const known = withIdentities(facts.devices, legibleRecord(facts.record)?.held ?? {});
  const devices = select === null ? known : findDevices(known, select);
  const shown = new Set(devices.map(({ address }) => address));
  const critical =
    select === null ? facts.critical : facts.critical.filter(({ address }) => shown.has(address));
  return { ...facts, devices, critical };
}

function heading(facts: HostFacts, colors: Colors): string {
  const grouped = facts.devices.filter(({ iommuGroup }) => iommuGroup !== null).length;
  const iommu =
    grouped > 0
      ? "IOMMU on"
      : `IOMMU off (${facts.firmware.iommuTable ? "the firmware offers it" : "the firmware shows none"})`;
  const about = [facts.distribution.prettyName, `Linux ${facts.kernel.release}`, iommu].filter(Boolean);
  return `${colors.bold(facts.hostname)}  ${about.join(", ")}`;
}

interface Column {
  readonly title: string;
  readonly text: (row: Row) => string;
  /** Left out where no device has any. */
  readonly optional?: boolean;
  readonly color?: (row: Row, colors: Colors) => ((text: string) => string) | null;
}

const columns: readonly Column[] = [
  { title: "ADDRESS", text: ({ device }) => device.address },
  {
    title: "ID:CLASS",
    text: ({ device }) => `${device.vendor}:${device.device}:${device.class.slice(0, 4)}`,
  },
  { title: "GROUP", text: ({ device }) => device.iommuGroup ?? "-" },
  {
    title: "DRIVER",
    text: ({ device }) => device.driver ?? "-",
    color: ({ device }, colors) => (device.driver === "vfio-pci" ? colors.green : null),
  },
  {
    title: "VM",
    text: (row) => row.claims.map(vmCell).join(", ") || "-",
    color: (row, colors) => (row.claims.some(({ inUse }) => inUse) ? colors.cyan : null),
  },
  {
    title: "HOST",
    text: hostCell,
    color: ({ critical }, colors) =>
      critical.some(({ essential }) => essential) ? colors.red : colors.yellow,
  },
  { title: "NAME", text: ({ device }) => device.name },
  {
    title: "SERIAL, MAC",
    text: ({ device }) => [...serialsOf(device), ...device.macs].join(", "),
    optional: true,
  },
];

/** `100 hostpci0`; `*`: it runs with it. */
function vmCell({ vmId, slot, inUse }: Claim): string {
  return `${vmId} ${slot}${inUse ? "*" : ""}`;
}

/** What the host needs it for; in brackets where it could do without. */
function hostCell({ critical }: Row): string {
  const kinds = new Map<string, boolean>();
  for (const { kind, essential } of critical) kinds.set(kind, essential || kinds.get(kind) === true);
  return [...kinds].map(([kind, essential]) => (essential ? kind : `(${kind})`)).join(" ") || "-";
}

function table(rows: readonly Row[], colors: Colors): string {
  if (rows.length === 0) return "The host shows no PCI devices.";
  const there = columns.filter(({ text, optional }) => !optional || rows.some((row) => text(row) !== ""));
  const shown = there.map((column) => {
    const cells = rows.map((row) => column.text(row));
    return { ...column, cells, width: Math.max(column.title.length, ...cells.map((cell) => cell.length)) };
  });
  const header = shown.map(({ title, width }) => title.padEnd(width)).join("  ");
  const lines = rows.map((row, at) => {
    const cells = shown.map(({ cells: all, width, color }) => {
      const cell = all[at] ?? "";
      const paint = cell === "-" ? null : (color?.(row, colors) ?? null);
      const space = " ".repeat(width - cell.length);
      return (paint === null ? cell : paint(cell)) + space;
    });
    const line = cells.join("  ").trimEnd();
    // A bridge cannot be handed over.
    return row.device.bridge ? colors.dim(line) : line;
  });
  const legend = rows.some((row) => row.claims.some(({ inUse }) => inUse))
    ? ["", "* the VM runs with it"]
    : [];
  return [colors.bold(header.trimEnd()), ...lines, ...legend].join("\n");
}

/** In words, and by device, what the host would lose; bridges only pass on what hangs below them. */
function uses(facts: HostFacts, colors: Colors): string {
  const bridges = new Set(facts.devices.filter(({ bridge }) => bridge).map(({ address }) => address));
  const lines = facts.critical
    .filter(({ address }) => !bridges.has(address))
    .map(({ address, use, essential }) => {
      const words = `  ${address}  ${use}`;
      return essential ? colors.red(words) : colors.yellow(`${words} (it could do without)`);
    });
  return lines.length === 0 ? "" : ["The host itself needs:", ...lines].join("\n");
}
