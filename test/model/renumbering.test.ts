import { renumbered } from "../../lib/model/renumbering";
import { bootTableLine } from "../../lib/model/topology";
import { pciDevice } from "../support/facts";

const behind = (port: string, address: string) =>
  pciDevice({ address, path: [`0000:00:${port}.0`, address] });
const declared = [{ address: "0000:01:00.0" }];
const meant = behind("10", "0000:01:00.0");
const held = `${bootTableLine(meant)}\n`;

test("a card of the same kind that took the address is told from the one that was meant", () => {
  // given a newcomer on a port before it
  const devices = [behind("0f", "0000:01:00.0"), behind("10", "0000:02:00.0")];
  expect(renumbered(declared, held, devices)).toEqual([
    expect.stringMatching(/^0000:01:00\.0 .* is not the device .* now stands at 0000:02:00\.0/),
  ]);
});

test.each([
  ["nothing moved", held, [meant, behind("11", "0000:02:00.0")]],
  ["a card was added by its id", held, [meant, behind("11", "0000:01:00.1")]],
  ["the card is gone and another in its place", held, [behind("0f", "0000:01:00.0")]],
  ["nothing was held yet", "", [meant]],
])("silent where %s", (_what, table, devices) => {
  expect(renumbered(declared, table, devices)).toEqual([]);
});
