import { mermaidLabel } from "./text";
import type { DeviceReview, HostReview, Review } from "./types";

/** Fewer things that move are read faster as a list. */
const worthAPicture = 4;
/** More arrows than this are no picture any more. */
const mostArrows = 60;

/** What moves, as the source of a Mermaid flowchart; null where it would not help. */
export function flowchart({ hosts, summary }: Review): string[] | null {
  const moving = summary.devicesChangingHands + summary.guestsMoving + summary.reboots;
  const shown = hosts.filter((host) => arrowsOf(host).length > 0 || host.reboot.required !== false);
  const arrows = shown.flatMap(arrowsOf).length;
  if (moving < worthAPicture || arrows === 0 || arrows > mostArrows) return null;
  const lines = ["flowchart LR"];
  shown.forEach((host, at) => {
    const id = `h${at}`;
    const nodes = new Map<string, string>();
    const node = (label: string) => {
      const known = nodes.get(label) ?? `${id}n${nodes.size}`;
      nodes.set(label, known);
      return known;
    };
    const edges = arrowsOf(host).map(
      ({ from, to, label }) => `  ${node(from)} -- "${mermaidLabel(label)}" --> ${node(to)}`,
    );
    lines.push(`subgraph ${id}["${mermaidLabel(host.name)}${rebootWords(host)}"]`);
    if (nodes.size === 0) node("no device moves");
    for (const [label, name] of nodes) lines.push(`  ${name}["${mermaidLabel(label)}"]`);
    lines.push(...edges, "end");
  });
  const waves = new Map<number, string[]>();
  shown.forEach(({ reboot }, at) => {
    if (reboot.wave !== null) waves.set(reboot.wave, [...(waves.get(reboot.wave) ?? []), `h${at}`]);
  });
  const ordered = [...waves].sort(([one], [other]) => one - other).map(([, names]) => names);
  ordered.slice(1).forEach((names, index) => {
    const before = ordered[index] ?? [];
    lines.push(`${before.join(" & ")} ==> ${names.join(" & ")}`);
  });
  return lines;
}

function rebootWords({ reboot: { required, wave } }: HostReview): string {
  if (required === false) return "";
  return `, ${required === true ? "reboots" : "may reboot"}${wave === null ? "" : ` in wave ${wave}`}`;
}

interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly label: string;
}

/** One for each card or controller: who has it, who gets it. */
function arrowsOf({ devices }: HostReview): Arrow[] {
  const slots = new Map<string, DeviceReview>();
  for (const device of devices)
    if (device.changesHands && !slots.has(device.slot)) slots.set(device.slot, device);
  return [...slots.values()]
    .map((device) => ({
      from: holder(device, "before"),
      to: holder(device, "after"),
      label: device.name === null ? device.slot : `${device.slot} ${device.name}`,
    }))
    .filter(({ from, to }) => from !== to);
}

function holder({ driver, guests }: DeviceReview, side: "before" | "after"): string {
  if (guests[side].length > 0) return guests[side].map((id) => `VM ${id}`).join(" and ");
  const name = driver[side];
  if (name === null) return side === "before" ? "host" : "vfio-pci";
  return name === "" ? "no driver" : name;
}
