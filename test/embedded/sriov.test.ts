import { existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { proxmoxAmd } from "../../lib/embedded/profiles/proxmoxAmd";
import { functionsProgram } from "../../lib/model/virtualFunctionFiles";
import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();

/** An IOMMU from the first boot on, so that vfio-pci can take what it is given. */
const withIommu = { ...proxmoxAmd, iommu: () => "all" as const };
const port = "0000:05:00.1";
const folder = `sys/bus/pci/devices/${port}`;

let host: EmbeddedHost;
const reads = (path: string) => readFileSync(join(host.root, path), "utf8").trim();
const write = (path: string, text: string) => {
  mkdirSync(dirname(join(host.root, path)), { recursive: true });
  writeFileSync(join(host.root, path), text);
};
const driverOf = (address: string) => {
  const link = join(host.root, "sys/bus/pci/devices", address, "driver");
  return existsSync(link) ? basename(readlinkSync(link)) : null;
};
const set = (value: string, file: string) =>
  script(host, `printf '${value}' | tee "$PASSTHROUGH_ROOT/${folder}/${file}" >/dev/null`);
const link = async () => (await script(host, "ip -o link show dev eno2")).stdout;

describe("the kernel", () => {
  beforeAll(async () => {
    host = await start({ profile: withIommu });
  });

  test("makes functions where the capability says, each with a link from its owner and a group of its own", async () => {
    expect(await set("2", "sriov_numvfs")).toMatchObject({ code: 0 });
    for (const [number, address] of ["0000:05:10.1", "0000:05:10.5"].entries()) {
      expect(basename(readlinkSync(join(host.root, folder, `virtfn${number}`)))).toBe(address);
      expect(basename(readlinkSync(join(host.root, `sys/bus/pci/devices/${address}/physfn`)))).toBe(port);
      expect(reads(`sys/bus/pci/devices/${address}/device`)).toBe("0x1520");
      // A driver of the host takes them, as nobody said otherwise.
      expect(driverOf(address)).toBe("igbvf");
    }
    expect(await link()).toMatch(/vf 0 .*00:00:00:00:00:00.*spoof checking on.*trust off/);
  });

  test.each([
    ["another count on the way from one", "3", /Device or resource busy/],
    ["more than the card has", "8", /Numerical result out of range/],
    ["no number", "two", /Invalid argument/],
  ])("refuses %s", async (_what, value, words) => {
    const { code, stderr } = await set(value, "sriov_numvfs");
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
    expect(reads(`${folder}/sriov_numvfs`)).toBe("2");
  });

  test("takes them away, and leaves them to nobody where it is told to", async () => {
    await set("0", "sriov_numvfs");
    expect(existsSync(join(host.root, "sys/bus/pci/devices/0000:05:10.1"))).toBe(false);
    expect(existsSync(join(host.root, folder, "virtfn0"))).toBe(false);
    await set("0", "sriov_drivers_autoprobe");
    await set("1", "sriov_numvfs");
    expect(driverOf("0000:05:10.1")).toBeNull();
  });

  test("takes them away with their owner's driver, and that makes none without it", async () => {
    await script(host, `printf ${port} | tee "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/igb/unbind" >/dev/null`);
    expect(reads(`${folder}/sriov_numvfs`)).toBe("0");
    expect((await set("1", "sriov_numvfs")).stderr).toContain("No such file or directory");
  });
});

describe("the program that runs at every boot", () => {
  const place = "0000:00/02.1/00.1";
  const card = "8086:1521 15d9:1521";
  const table = (text: string) => write("etc/cdktf-passthrough/virtual-functions.fast", text);
  const run = (...words: string[]) =>
    script(
      host,
      `PASSTHROUGH_DRIVER_WAIT=0 sh "$PASSTHROUGH_ROOT/etc/cdktf-passthrough/virtual-functions" ${words.join(" ")}`,
    );
  const itsTable = '"$PASSTHROUGH_ROOT/etc/cdktf-passthrough/virtual-functions.fast"';

  beforeAll(async () => {
    host = await start({ profile: withIommu });
    write("etc/cdktf-passthrough/virtual-functions", functionsProgram);
  });

  test("does nothing without a table", async () => {
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([
    [
      "another card stands there",
      `physical ${place} 8086:10fb 15d9:1521\ncount 2\n`,
      /not there: left alone/,
    ],
    ["another maker's card", `physical ${place} 8086:1521 8086:0001\ncount 2\n`, /not there: left alone/],
    ["nothing stands there", `physical 0000:00/1f.7/00.0 ${card}\ncount 2\n`, /not there: left alone/],
    ["the table is cut", `physical ${place} ${card}\n`, /names no physical function, or no count/],
    ["it is empty", "", /names no physical function/],
    [
      "the card makes fewer",
      `physical ${place} ${card}\ncount 9\n`,
      /makes no 9 virtual functions: .*out of range/,
    ],
  ])("touches nothing where %s, and says so", async (_what, text, words) => {
    table(text);
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toMatch(words);
    expect(reads(`${folder}/sriov_numvfs`)).toBe("0");
  });

  test("makes them, sets them up and gives them to vfio-pci; the host's driver never has one", async () => {
    table(
      `physical ${place} ${card}\ncount 2\nfunction 0 mac 52:54:00:00:00:01 vlan 7 trust on\ndefault 0 spoofchk on\nfunction 1 mac 52:54:00:00:00:02\n`,
    );
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
    expect([driverOf("0000:05:10.1"), driverOf("0000:05:10.5")]).toEqual(["vfio-pci", "vfio-pci"]);
    expect(reads(`${folder}/sriov_drivers_autoprobe`)).toBe("0");
    const shown = await link();
    expect(shown).toMatch(/vf 0 .*52:54:00:00:00:01.*vlan 7, .*trust on/);
    expect(shown).toMatch(/vf 1 .*52:54:00:00:00:02/);
    expect(await run()).toMatchObject({ code: 0, stderr: "" });
  });

  test("of functions that are there, sets those alone whose numbers it is told", async () => {
    await script(host, "ip link set dev eno2 vf 0 vlan 9; ip link set dev eno2 vf 1 vlan 9");
    table(`physical ${place} ${card}\ncount 2\nfunction 0 vlan 11\nfunction 1 vlan 12\n`);
    expect(await run(itsTable, "1")).toMatchObject({ code: 0, stderr: "" });
    expect(await link()).toMatch(/vf 0 .*vlan 9, .*vf 1 .*vlan 12/);
  });

  test("goes to another count through none, and what goes wrong with one keeps the others from nothing", async () => {
    table(
      `physical ${place} ${card}\ncount 3\nfunction 0 mac nonsense\ndefault 0 vlan nonsense\nfunction 2 vlan 5\n`,
    );
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain("mac nonsense of function 0 (eno2) cannot be set");
    // Nobody asked for a default.
    expect(stderr).not.toContain("vlan nonsense");
    expect(driverOf("0000:05:11.1")).toBe("vfio-pci");
    expect(await link()).toMatch(/vf 2 .*vlan 5/);
  });

  test("says where the card has no driver", async () => {
    await script(host, `printf ${port} | tee "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/igb/unbind" >/dev/null`);
    const { code, stderr } = await run();
    expect(code).toBe(1);
    expect(stderr).toContain("no driver holds 0000:05:00.1");
  });
});
