import { graphlib, layout } from "@dagrejs/dagre";
import type { DeviceView, GroupView, TreeView } from "./views";

/** All lengths are in CSS pixels at the usual 16 px; the page scales them with the reader's own size of text. */
export const measures = {
  /** Width of a group with a device that somebody may want. */
  card: 332,
  /** Width of a group of bridges only. */
  chip: 190,
  /** From the line of the root bus to the first group. */
  stub: 18,
  /** Between a group and the one below it in the tree, and between neighbours. */
  rankGap: 30,
  siblingGap: 12,
  heading: 28,
  bridgeRow: 24,
  /** A device's first three lines with the space around them, and each line more. */
  deviceRow: 74,
  line: 18,
  /** Below the last row of a group. */
  foot: 4,
  /** Between trees, and between columns of them. */
  treeGap: 16,
  columnGap: 28,
  /** A bridge with nothing below it. */
  idleRow: 24,
} as const;

/** Width of a column of trees: a bridge and a device below it. */
export const columnWidth = measures.stub + measures.chip + measures.rankGap + measures.card;

export interface Box {
  readonly group: GroupView;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface TreeLayout {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly Box[];
  /** Data of an SVG path each. */
  readonly edges: readonly string[];
  /** Where groups hang at the root bus itself: the height of the line to each. */
  readonly roots: readonly number[];
}

export function isCard({ devices }: GroupView): boolean {
  return devices.some(({ bridge }) => !bridge);
}

export function rowHeight(device: DeviceView): number {
  return device.bridge ? measures.bridgeRow : measures.deviceRow + measures.line * device.height;
}

function boxHeight({ devices }: GroupView): number {
  return devices.reduce((sum, device) => sum + rowHeight(device), measures.heading + measures.foot);
}

/** A tree from left to right: the way that data takes from the root bus. */
export function layoutTree({ groups, edges }: TreeView): TreeLayout {
  const graph = new graphlib.Graph();
  graph.setGraph({
    rankdir: "LR",
    rankalign: "top",
    nodesep: measures.siblingGap,
    ranksep: measures.rankGap,
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const group of groups) {
    const width = isCard(group) ? measures.card : measures.chip;
    graph.setNode(group.key, { width, height: boxHeight(group) });
  }
  for (const { from, to } of edges) graph.setEdge(from, to);
  // Without crossings there is nothing to sort, and neighbours stay in the order of their addresses.
  const isTree = edges.length < groups.length;
  layout(graph, { disableOptimalOrderHeuristic: isTree });

  const boxes = groups.map((group): Box => {
    const { x, y, width, height } = graph.node(group.key);
    return {
      group,
      x: Math.round(x - width / 2) + measures.stub,
      y: Math.round(y - height / 2),
      width,
      height,
    };
  });
  const place = new Map(boxes.map((box) => [box.group.key, box]));
  const below = new Set(edges.map(({ to }) => to));
  return {
    width: Math.max(...boxes.map((box) => box.x + box.width)),
    height: Math.max(...boxes.map((box) => box.y + box.height)),
    boxes,
    edges: edges.flatMap(({ from, to }) => {
      const [start, end] = [place.get(from), place.get(to)];
      return start && end ? [curve(start, end)] : [];
    }),
    roots: boxes.filter(({ group }) => !below.has(group.key)).map(middle),
  };
}

function middle({ y, height }: Box): number {
  return Math.round(y + height / 2);
}

function curve(start: Box, end: Box): string {
  const [x1, y1, x2, y2] = [start.x + start.width, middle(start), end.x, middle(end)];
  const turn = Math.round((x1 + x2) / 2);
  return `M${x1} ${y1}C${turn} ${y1} ${turn} ${y2} ${x2} ${y2}`;
}

/**
 * Cuts what is to stand in columns, in its order, so that the highest column is as low as it can be.
 * @param gap between two that stand in one column
 */
export function columnsOf<Item extends { readonly height: number }>(
  items: readonly Item[],
  count: number,
  gap: number,
): Item[][] {
  const total = items.reduce((sum, { height }) => sum + height + gap, 0);
  let [low, high] = [Math.max(0, ...items.map(({ height }) => height)), total];
  while (low < high) {
    const limit = Math.floor((low + high) / 2);
    if (filled(items, limit, gap).length <= count) high = limit;
    else low = limit + 1;
  }
  return filled(items, low, gap);
}

function filled<Item extends { readonly height: number }>(
  items: readonly Item[],
  limit: number,
  gap: number,
): Item[][] {
  const columns: Item[][] = [];
  let used = 0;
  for (const item of items) {
    const column = columns[columns.length - 1];
    if (column !== undefined && used + gap + item.height <= limit) {
      column.push(item);
      used += gap + item.height;
    } else {
      columns.push([item]);
      used = item.height;
    }
  }
  return columns;
}
