import type { CriticalUse } from "../../lib/model/facts";
import { describeLockOut, lockOut, lockOutMessage } from "../../lib/model/guard";
import { pciDevice } from "./devices";

const nvme = pciDevice("0000:02:00.0", { class: "010802", iommuGroup: "9" });
const nic = pciDevice("0000:03:00.0", { class: "020000", iommuGroup: "7" });
const gpu = pciDevice("0000:01:00.0", { iommuGroup: "7" });
const port = pciDevice("0000:00:1c.0", { class: "060400", bridge: true, iommuGroup: "7" });
const devices = [port, nvme, nic, gpu];
const use = (address: string, kind: CriticalUse["kind"], words: string, essential = true): CriticalUse => ({
  address,
  kind,
  use: words,
  essential,
});
const root = use("0000:02:00.0", "disk", "carries / (/dev/nvme0n1p3)");
const session = use("0000:03:00.0", "network", "carries this SSH session (enp3s0)");

describe("lockOut", () => {
  it("lets go what nothing depends on", () => {
    const alone = pciDevice("0000:04:00.0", { iommuGroup: "11" });
    expect(
      lockOut({ devices: [...devices, alone], critical: [root, session] }, ["0000:04:00.0"], []),
    ).toEqual({
      refused: [],
      warnings: [],
    });
  });

  it("refuses what carries the host", () => {
    expect(lockOut({ devices, critical: [root] }, ["0000:02:00.0"], []).refused).toEqual([
      { address: "0000:02:00.0", kind: "disk", use: "carries / (/dev/nvme0n1p3)" },
    ]);
  });

  it("refuses what shares a group with it", () => {
    expect(lockOut({ devices, critical: [session] }, ["0000:01:00.0"], []).refused).toEqual([
      {
        address: "0000:01:00.0",
        kind: "network",
        use: "carries this SSH session (enp3s0)",
        via: "0000:03:00.0",
      },
    ]);
  });

  it("names the device, and not also the bridge above it, for one use", () => {
    const above = use("0000:00:1c.0", "network", session.use);
    const { refused } = lockOut({ devices, critical: [above, session] }, ["0000:01:00.0"], []);
    expect(refused.map(({ via }) => via)).toEqual(["0000:03:00.0"]);
  });

  it("does not hold a bridge's use against what the author named below it", () => {
    const above = use("0000:00:1c.0", "network", session.use);
    const facts = { devices, critical: [above, session] };
    expect(lockOut(facts, ["0000:03:00.0", "0000:01:00.0"], ["0000:03:00.0"]).refused).toEqual([]);
    expect(lockOut(facts, ["0000:01:00.0"], ["0000:01:00.0"]).refused).toHaveLength(1);
  });

  it("refuses each once when both of a group go", () => {
    const { refused } = lockOut({ devices, critical: [session] }, ["0000:01:00.0", "0000:03:00.0"], []);
    expect(refused).toEqual([{ address: "0000:03:00.0", kind: "network", use: session.use }]);
  });

  it.each([["0000:02:00.0"], ["0000:02:00"], ["02:00"]])("lets go what the author names as %s", (named) => {
    expect(lockOut({ devices, critical: [root] }, ["0000:02:00.0"], [named])).toEqual({
      refused: [],
      warnings: [],
    });
  });

  it("wants the function named that carries the use, not another of its slot or group", () => {
    expect(lockOut({ devices, critical: [root] }, ["0000:02:00.0"], ["0000:02:00.1"]).refused).toHaveLength(
      1,
    );
    expect(
      lockOut({ devices, critical: [session] }, ["0000:01:00.0"], ["0000:01:00.0"]).refused,
    ).toHaveLength(1);
    expect(lockOut({ devices, critical: [session] }, ["0000:01:00.0"], ["0000:03:00.0"]).refused).toEqual([]);
  });

  it("refuses what the next boot would stop without, whatever the author allows, and in a group too", () => {
    const fstab: CriticalUse = {
      ...use("0000:03:00.0", "disk", "is in /etc/fstab as /srv"),
      neededToBoot: true,
    };
    const facts = { devices, critical: [session, fstab] };
    const found = { kind: "disk", use: "is in /etc/fstab as /srv", neededToBoot: true };
    expect(lockOut(facts, ["0000:03:00.0"], ["0000:03:00"]).refused).toEqual([
      { address: "0000:03:00.0", ...found },
    ]);
    expect(lockOut(facts, ["0000:01:00.0"], ["0000:03:00"]).refused).toEqual([
      { address: "0000:01:00.0", via: "0000:03:00.0", ...found },
    ]);
  });

  it("only warns of what is not essential", () => {
    const bond = use("0000:03:00.0", "network", "one of two members of bond0", false);
    const { refused, warnings } = lockOut({ devices, critical: [bond] }, ["0000:03:00.0"], []);
    expect(refused).toEqual([]);
    expect(warnings).toEqual([
      { address: "0000:03:00.0", kind: "network", use: "one of two members of bond0" },
    ]);
  });

  it("takes devices without a group for no group's members", () => {
    const loose = devices.map((device) => ({ ...device, iommuGroup: null }));
    expect(lockOut({ devices: loose, critical: [session] }, ["0000:01:00.0"], []).refused).toEqual([]);
  });

  it("refuses a disk controller or a NIC while something could not be traced, and warns of others", () => {
    const facts = { devices, critical: [], unresolved: ["/ on /dev/odd0"] };
    expect(lockOut(facts, ["0000:02:00.0", "0000:01:00.0"], [])).toEqual({
      refused: [
        {
          address: "0000:02:00.0",
          kind: "disk",
          use: "may carry what could not be traced to a device: / on /dev/odd0",
        },
      ],
      warnings: [
        {
          address: "0000:01:00.0",
          kind: "other",
          use: "may carry what could not be traced to a device: / on /dev/odd0",
        },
      ],
    });
    expect(lockOut(facts, ["0000:02:00.0"], ["0000:02:00.0"]).refused).toEqual([]);
  });
});

describe("in words", () => {
  it.each([
    ["disk", "a disk controller"],
    ["network", "a network interface"],
    ["display", "a display (VGA)"],
    ["esp", "a disk with an EFI system partition (ESP)"],
  ] as const)("a %s is %s", (kind, words) => {
    expect(describeLockOut({ address: "0000:02:00.0", kind, use: "carries /" })).toBe(
      `0000:02:00.0 is ${words} the host needs: carries /.`,
    );
  });

  it("says that nobody can allow what the next boot would stop without", () => {
    const fstab = { ...root, use: "is in /etc/fstab as /srv", neededToBoot: true } as const;
    const words = (critical: CriticalUse[]) =>
      lockOutMessage("pve1", lockOut({ devices, critical }, ["0000:02:00.0"], []).refused)
        .split("\n")
        .pop();
    const mend =
      "What the next boot looks for cannot be allowed: first take its line out of the file, or add nofail to the options there.";
    expect(words([fstab])).toBe(`Choose another device. ${mend}`);
    expect(words([root, fstab])).toBe(
      `Choose another device. If the host can do without it, name it: allowCritical: ["0000:02:00.0"]. ${mend}`,
    );
  });

  it("names the host, each device, and what to write", () => {
    const { refused } = lockOut({ devices, critical: [root, session] }, ["0000:02:00.0", "0000:01:00.0"], []);
    expect(lockOutMessage("pve1", refused)).toBe(
      [
        "Host pve1 would lose what it or this session lives on:",
        "  0000:02:00.0 is a disk controller the host needs: carries / (/dev/nvme0n1p3).",
        "  0000:01:00.0 shares its IOMMU group with 0000:03:00.0, a network interface the host needs: carries this SSH session (enp3s0).",
        'Choose another device. If the host can do without it, name it: allowCritical: ["0000:02:00.0","0000:03:00.0"].',
      ].join("\n"),
    );
  });
});
