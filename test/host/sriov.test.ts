import { parseLink, parseSriov } from "../../lib/host/sriov";

const head =
  "7: eno2: <BROADCAST,MULTICAST> mtu 1500 qdisc mq state DOWN mode DEFAULT group default qlen 1000";
const line = (...parts: string[]) =>
  [head, "    link/ether ac:1f:6b:00:10:02 brd ff:ff:ff:ff:ff:ff", ...parts].join("\\");

test.each([
  [
    "as iproute2 writes it today",
    line(
      "    vf 0     link/ether 52:54:00:00:20:01 brd ff:ff:ff:ff:ff:ff, vlan 20, spoof checking on, link-state auto, trust on",
      "    vf 1     link/ether 00:00:00:00:00:00 brd ff:ff:ff:ff:ff:ff, spoof checking off, link-state auto, trust off, query_rss off",
    ),
    {
      0: { mac: "52:54:00:00:20:01", vlan: 20, trust: true, spoofCheck: true },
      1: { mac: "00:00:00:00:00:00", vlan: 0, trust: false, spoofCheck: false },
    },
  ],
  [
    "as it wrote it before 5.0",
    line(
      "    vf 12 MAC 52:54:00:00:20:0C, vlan 30, qos 3, tx rate 100 (Mbps), spoof checking on, link-state auto",
    ),
    { 12: { mac: "52:54:00:00:20:0c", vlan: 30, trust: null, spoofCheck: true } },
  ],
  [
    "a VLAN of a provider",
    line(
      "    vf 0     link/ether 52:54:00:00:20:01 brd ff:ff:ff:ff:ff:ff, vlan 7, vlan protocol 802.1ad, spoof checking on",
    ),
    { 0: { mac: "52:54:00:00:20:01", vlan: 7, trust: null, spoofCheck: true } },
  ],
  [
    "InfiniBand, whose addresses are no MAC addresses",
    line(
      "    vf 0     link/infiniband 00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00 brd ff, link-state disable, trust off",
    ),
    { 0: { mac: null, vlan: null, trust: false, spoofCheck: null } },
  ],
  ["none", line(), {}],
  ["nothing at all", "", {}],
])("%s", (_what, text, expected) => {
  expect(parseLink(text)).toEqual(expected);
});

test("what an old kernel does not tell is left open", () => {
  expect(
    parseSriov({ physical: [["0000:05:00.1", "7", "0", "", "", "", "", ""]], virtual: [], links: [] }),
  ).toEqual({
    "0000:05:00.1": {
      ...{ total: 7, count: 0, offset: 0, stride: 0 },
      ...{ device: "", autoprobe: true, port: null, functions: {} },
    },
  });
});

test("functions are told by their number, whatever the order that they are listed in", () => {
  const seen = parseSriov({
    physical: [["0000:05:00.1", "7", "11", "128", "4", "1520", "0", "eno2"]],
    virtual: [
      ["0000:05:00.1", "10", "0000:05:1a.1"],
      ["0000:05:00.1", "2", "0000:05:11.1"],
    ],
    links: [["0000:05:00.1", line("    vf 2     link/ether 52:54:00:00:20:02 brd ff:ff:ff:ff:ff:ff")]],
  });
  expect(seen["0000:05:00.1"]).toMatchObject({
    autoprobe: false,
    functions: {
      10: { address: "0000:05:1a.1", mac: null },
      2: { address: "0000:05:11.1", mac: "52:54:00:00:20:02" },
    },
  });
});
