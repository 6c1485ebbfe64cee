import fc from "fast-check";
import { columnsOf, layoutTree, rowHeight } from "../../lib/map/layout";
import { pictureOfHosts } from "../../lib/map/picture";
import { inspected, largeHost } from "./hosts";
import { pciDevice } from "../support/facts";

const treesOf = (host: ReturnType<typeof inspected>) =>
  pictureOfHosts([host]).hosts[0]!.sides[0]!.buses.flatMap(({ trees }) => trees);

test("what hangs below stands to the right, and nothing overlaps", () => {
  for (const tree of treesOf(largeHost("big", 200))) {
    const { boxes, width, height } = layoutTree(tree);
    const place = new Map(boxes.map((box) => [box.group.key, box]));
    for (const { from, to } of tree.edges)
      expect(place.get(to)!.x).toBeGreaterThan(place.get(from)!.x + place.get(from)!.width);
    for (const box of boxes) {
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      const content = box.group.devices.reduce((sum, device) => sum + rowHeight(device), 0);
      expect(content).toBeLessThan(box.height);
      for (const other of boxes.filter((candidate) => candidate !== box)) {
        const apart =
          box.x + box.width <= other.x ||
          other.x + other.width <= box.x ||
          box.y + box.height <= other.y ||
          other.y + other.height <= box.y;
        expect(apart).toBe(true);
      }
    }
  }
});

test("neighbours stand in the order of their addresses", () => {
  const bridge = "0000:00:01.0";
  const below = ["0000:01:00.0", "0000:01:00.1", "0000:01:00.2"];
  const [tree] = treesOf(
    inspected({
      devices: [
        pciDevice({ address: bridge, path: [bridge], bridge: true, iommuGroup: "1" }),
        ...below.map((address, at) =>
          pciDevice({ address, path: [bridge, address], iommuGroup: String(20 - at) }),
        ),
      ],
    }),
  );
  const { boxes } = layoutTree(tree!);
  const tops = below.map(
    (address) => boxes.find(({ group }) => group.devices.some((device) => device.address === address))!.y,
  );
  expect(tops).toEqual([...tops].sort((a, b) => a - b));
});

test("groups that hang below each other in a circle get a place too", () => {
  const paths = [
    ["0000:00:01.0"],
    ["0000:00:01.0", "0000:01:00.0"],
    ["0000:00:01.0", "0000:01:00.0", "0000:02:00.0"],
  ];
  const devices = paths.map((path, at) =>
    pciDevice({ address: path[path.length - 1]!, path, iommuGroup: at === 1 ? "2" : "1", bridge: at < 2 }),
  );
  const [tree] = treesOf(inspected({ devices }));
  expect(tree!.edges).toHaveLength(2);
  expect(layoutTree(tree!).boxes).toHaveLength(2);
});

test("columns keep the order, use no more columns than there are, and no other cut is lower", () => {
  const heights = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 9 });
  fc.assert(
    fc.property(heights, (all) => {
      const gap = 3;
      const items = all.map((height) => ({ height }));
      const high = (column: readonly { height: number }[]) =>
        column.reduce((sum, { height }) => sum + height + gap, -gap);
      const columns = columnsOf(items, 2, gap);
      expect(columns.flat()).toEqual(items);
      expect(columns.length).toBeLessThanOrEqual(2);
      const cuts = items.map((_, at) =>
        Math.max(
          ...[items.slice(0, at + 1), items.slice(at + 1)].filter((part) => part.length > 0).map(high),
        ),
      );
      expect(Math.max(...columns.map(high))).toBe(Math.min(...cuts));
    }),
  );
});
