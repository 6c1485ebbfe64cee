import { slotOf } from "../model/pciAddress";
import type { InspectedDevice } from "./inspection";
import type { BusView, DeviceView, GroupView, TreeView } from "./views";

/** A group and the groups that the bridges right above its devices are in. */
interface Node {
  readonly view: GroupView;
  readonly bus: string;
  readonly parents: readonly string[];
}

/** The IOMMU groups of a host as they hang below each other in the PCI tree, root by root. */
export function busViews(
  devices: readonly InspectedDevice[],
  views: ReadonlyMap<string, DeviceView>,
): BusView[] {
  const nodes = nodesOf(devices, views);
  const buses = [...new Set([...nodes.values()].map(({ bus }) => bus))].sort();
  return buses.map((bus) => {
    const trees = treesOf(new Map([...nodes].filter(([, node]) => node.bus === bus)));
    const idle = (tree: TreeView) =>
      tree.groups.every((group) => group.devices.every(({ bridge }) => bridge));
    return {
      title: bus === "" ? "Devices that the plan names" : `Root bus ${bus}`,
      trees: trees.filter((tree) => !idle(tree)),
      idle: trees.filter(idle).flatMap(({ groups }) => groups),
    };
  });
}

function nodesOf(
  devices: readonly InspectedDevice[],
  views: ReadonlyMap<string, DeviceView>,
): Map<string, Node> {
  const byAddress = new Map(devices.map((device) => [device.address, device]));
  const members = new Map<string, InspectedDevice[]>();
  for (const device of [...devices].sort(byTopology)) {
    const key = keyOf(device);
    members.set(key, [...(members.get(key) ?? []), device]);
  }
  return new Map(
    [...members].map(([key, group]) => {
      const parents = group.flatMap((device) => {
        const parent = byAddress.get(device.path[device.path.length - 2] ?? "");
        return parent === undefined || keyOf(parent) === key ? [] : [keyOf(parent)];
      });
      const shown = group.flatMap(({ address }) => views.get(address) ?? []);
      const view = { key, title: titleOf(group[0]), devices: shown };
      return [key, { view, bus: busOf(group[0]), parents: [...new Set(parents)] }];
    }),
  );
}

function keyOf({ iommuGroup, address }: InspectedDevice): string {
  return iommuGroup === null ? `slot ${slotOf(address)}` : `group ${iommuGroup}`;
}

/** Without a group it is the slot that goes as a whole. */
function titleOf(device: InspectedDevice | undefined): string {
  if (device === undefined) return "";
  return device.iommuGroup === null ? `Slot ${slotOf(device.address)}` : `Group ${device.iommuGroup}`;
}

/** Domain and bus that the way down to the device begins at; nothing where the way is not known. */
function busOf(device: InspectedDevice | undefined): string {
  const first = device?.path[0] ?? "";
  return first.slice(0, first.lastIndexOf(":"));
}

function byTopology(one: InspectedDevice, other: InspectedDevice): number {
  const [a, b] = [one, other].map(({ path, address }) => (path.length > 0 ? path : [address]).join(" "));
  return a === b ? 0 : (a ?? "") < (b ?? "") ? -1 : 1;
}

/** What hangs together. */
function treesOf(nodes: ReadonlyMap<string, Node>): TreeView[] {
  const edges = [...nodes].flatMap(([to, { parents }]) =>
    parents.filter((from) => nodes.has(from)).map((from) => ({ from, to })),
  );
  const neighbours = new Map<string, string[]>();
  for (const { from, to } of edges) {
    neighbours.set(from, [...(neighbours.get(from) ?? []), to]);
    neighbours.set(to, [...(neighbours.get(to) ?? []), from]);
  }
  const seen = new Set<string>();
  return [...nodes.keys()].flatMap((start) => {
    if (seen.has(start)) return [];
    seen.add(start);
    const together = new Set([start]);
    // A set hands out what is added while it is walked through.
    for (const key of together) for (const next of neighbours.get(key) ?? []) together.add(next);
    for (const key of together) seen.add(key);
    return [
      {
        groups: [...nodes].filter(([key]) => together.has(key)).map(([, { view }]) => view),
        edges: edges.filter(({ from }) => together.has(from)),
      },
    ];
  });
}
