import { readlinkSync, readFileSync, existsSync } from "node:fs";
import { basename, join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { proxmoxAmd } from "../../lib/embedded/profiles/proxmoxAmd";
import { script } from "./client";
import { hosts } from "./hosts";

const start = hosts();

/** An IOMMU from the first boot on, so that vfio-pci can take what it is given. */
const withIommu = { ...proxmoxAmd, iommu: () => "all" as const };

const spareNvme = "0000:04:00.0";
const graphics = "0000:01:00.0";

function driverOf(host: EmbeddedHost, address: string): string | null {
  try {
    return basename(readlinkSync(join(host.root, "sys/bus/pci/devices", address, "driver")));
  } catch {
    return null;
  }
}

const shows = (host: EmbeddedHost, path: string) => existsSync(join(host.root, path));
const reads = (host: EmbeddedHost, path: string) => readFileSync(join(host.root, path), "utf8").trim();

const write = (value: string, path: string) =>
  `printf '${value}' | tee "$PASSTHROUGH_ROOT/sys/${path}" >/dev/null`;
const override = (address: string, driver: string) =>
  write(driver, `bus/pci/devices/${address}/driver_override`);
const bind = (driver: string, address: string) => write(address, `bus/pci/drivers/${driver}/bind`);
const unbind = (driver: string, address: string) => write(address, `bus/pci/drivers/${driver}/unbind`);

describe("driver binding", () => {
  let host: EmbeddedHost;
  beforeAll(async () => {
    host = await start({ profile: withIommu });
    await script(host, "modprobe vfio-pci");
  });

  it("hands a device over by its override, and takes its block device away", async () => {
    expect(shows(host, "sys/block/nvme1n1")).toBe(true);

    const ran = await script(
      host,
      [override(spareNvme, "vfio-pci"), unbind("nvme", spareNvme), bind("vfio-pci", spareNvme)].join("\n"),
    );

    expect(ran).toMatchObject({ code: 0, stderr: "" });
    expect(driverOf(host, spareNvme)).toBe("vfio-pci");
    expect(shows(host, "sys/block/nvme1n1")).toBe(false);
    expect(shows(host, "sys/bus/pci/drivers/vfio-pci/0000:04:00.0/vendor")).toBe(true);
  });

  it("gives it back to the driver that matches, with its block device", async () => {
    await script(
      host,
      [
        unbind("vfio-pci", spareNvme),
        override(spareNvme, "\\n"),
        write(spareNvme, "bus/pci/drivers_probe"),
      ].join("\n"),
    );

    expect(driverOf(host, spareNvme)).toBe("nvme");
    expect(shows(host, "sys/block/nvme1n1/size")).toBe(true);
    expect(reads(host, `sys/bus/pci/devices/${spareNvme}/driver_override`)).toBe("(null)");
  });

  it.each([
    ["a driver that does not match", bind("igb", spareNvme), "No such device"],
    ["a device that is bound", bind("nvme", spareNvme), "Device or resource busy"],
    ["a driver that does not hold it", unbind("igb", spareNvme), "No such device"],
    ["a device that is not there", bind("nvme", "0000:ff:00.0"), "No such device"],
    ["an id that is not there", write("10de 2204", "bus/pci/drivers/vfio-pci/remove_id"), "No such device"],
    ["an id that is none", write("0000:01:00.0", "bus/pci/drivers/vfio-pci/new_id"), "Invalid argument"],
    ["a driver that is not loaded", bind("nouveau2", graphics), "No such file or directory"],
    ["a file that nobody may write", write("1", "bus/pci/devices/0000:04:00.0/vendor"), "Permission denied"],
  ])("refuses %s in the kernel's words", async (_what, command, words) => {
    const ran = await script(host, command);

    expect(ran.stderr).toMatch(new RegExp(`^tee: .*: ${words}\n$`));
    expect(ran.code).toBe(1);
  });

  it("takes every free device of a new id, and leaves those that are held", async () => {
    await script(
      host,
      [unbind("nouveau", graphics), write("10de 2204", "bus/pci/drivers/vfio-pci/new_id")].join("\n"),
    );

    expect(driverOf(host, graphics)).toBe("vfio-pci");
    expect(driverOf(host, "0000:02:00.0")).toBe("nouveau");
    expect((await script(host, write("10de 2204", "bus/pci/drivers/vfio-pci/new_id"))).stderr).toContain(
      "File exists",
    );
  });

  it("leaves files outside of /sys to the plain tee", async () => {
    const ran = await script(
      host,
      'printf "a\\nb" | tee -a "$PASSTHROUGH_ROOT/tmp/plain" "$PASSTHROUGH_ROOT/tmp/two"',
    );

    expect(ran.stdout).toBe("a\nb");
    expect(reads(host, "tmp/two")).toBe("a\nb");
  });
});

describe("without an IOMMU", () => {
  it("vfio-pci refuses what it is given", async () => {
    const host = await start();

    const ran = await script(
      host,
      [
        "modprobe vfio-pci",
        override(spareNvme, "vfio-pci"),
        unbind("nvme", spareNvme),
        bind("vfio-pci", spareNvme),
      ].join("\n"),
    );

    expect(ran.stderr).toMatch(/bind: Invalid argument\n$/);
    expect(driverOf(host, spareNvme)).toBeNull();
  });
});

describe("modprobe", () => {
  let host: EmbeddedHost;
  beforeAll(async () => {
    host = await start({ profile: withIommu });
  });
  const configure = (...lines: string[]) =>
    `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(" ")} >"$PASSTHROUGH_ROOT/etc/modprobe.d/test.conf"`;

  it("loads a module with what it needs, and shows its options", async () => {
    await script(
      host,
      [configure("options vfio_iommu_type1 allow_unsafe_interrupts=1"), "modprobe vfio_iommu_type1"].join(
        "\n",
      ),
    );

    expect(reads(host, "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts")).toBe("Y");
    expect(reads(host, "proc/modules")).toMatch(/^vfio \d+ 1 vfio_iommu_type1, Live/m);
  });

  it("writes a parameter of a loaded module as the kernel shows it", async () => {
    await script(host, write("0", "module/vfio_iommu_type1/parameters/allow_unsafe_interrupts"));

    expect(reads(host, "sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts")).toBe("N");
  });

  it("gives vfio-pci the ids of its options, unless another driver is there first", async () => {
    await script(
      host,
      [configure("options vfio-pci ids=10de:2204"), unbind("nouveau", graphics), "modprobe vfio-pci"].join(
        "\n",
      ),
    );

    expect(driverOf(host, graphics)).toBe("vfio-pci");
    expect(driverOf(host, "0000:02:00.0")).toBe("nouveau");
  });

  it.each([
    [
      "modprobe nothing",
      1,
      "modprobe: FATAL: Module nothing not found in directory /lib/modules/6.8.12-4-pve\n",
    ],
    ["modprobe -q nothing", 1, ""],
    ["modprobe -n vfio-pci", 0, ""],
    ["modprobe -r vfio", 1, "modprobe: FATAL: Module vfio is in use.\n"],
    ["modprobe -r pcieport", 1, "modprobe: FATAL: Module pcieport is builtin.\n"],
  ])("%s exits with %i", async (command, code, words) => {
    expect(await script(host, command)).toMatchObject({ code, stderr: words });
  });

  it("resolves an alias, and leaves out what is blacklisted where it is asked to", async () => {
    const alias = "pci:v000010DEd00002204sv00001043sd000087D3bc03sc00i00";

    const ran = await script(
      host,
      [configure("blacklist nouveau"), `modprobe -R ${alias}`, `modprobe -R -b ${alias}`].join("\n"),
    );

    expect(ran.stdout).toBe("nouveau\n");
    expect(ran.code).toBe(1);
  });

  it("shows the configuration it goes by, the command line last", async () => {
    const ran = await script(
      host,
      [configure("options vfio-pci ids=1:2", "softdep nouveau pre: vfio-pci"), "modprobe -c"].join("\n"),
    );

    expect(ran.stdout).toContain("options vfio_pci ids=1:2\n");
    expect(ran.stdout).toContain("softdep nouveau pre: vfio-pci\n");
  });

  it("removes a module, and its devices are free", async () => {
    await script(host, "modprobe -r snd_hda_intel");

    expect(driverOf(host, "0000:01:00.1")).toBeNull();
    expect(shows(host, "sys/module/snd_hda_intel")).toBe(false);
  });
});
