import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { bootTable, hookScript, initTopScript } from "../../lib/model/earlyBinding";
import type { PciDevice } from "../../lib/model/facts";
import { pciDevice } from "./devices";

/** A folder that looks like the root of a host, with a tee and a modprobe that do what its kernel would. */
class FakeRoot {
  readonly folder = mkdtempSync(join(tmpdir(), "passthrough-boot-"));
  private readonly programs = join(this.folder, "programs");

  constructor(options: { vfioBuiltIn?: boolean; kernelRefuses?: boolean } = {}) {
    this.write("/dev/kmsg", "");
    this.program("tee", options.kernelRefuses ? "exit 1" : kernel);
    this.program("modprobe", options.vfioBuiltIn ? "" : modprobe);
    writeFileSync(join(this.programs, "probe"), probe);
    if (options.vfioBuiltIn) mkdirSync(this.path("/sys/bus/pci/drivers/vfio-pci"), { recursive: true });
  }

  path(path: string): string {
    return this.folder + path;
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  read(path: string): string {
    return readFileSync(this.path(path), "utf8");
  }

  /** Puts a function where its path says, under `domain` folders where a domain begins. */
  plug(device: PciDevice): void {
    let folder = "/sys/devices";
    let root = "";
    for (const address of device.path) {
      const domain = address.split(":")[0] ?? "";
      if (domain !== root) {
        folder += `/pci${address.slice(0, address.lastIndexOf(":"))}`;
        root = domain;
      }
      folder += `/${address}`;
    }
    for (const [name, value] of Object.entries({
      vendor: device.vendor,
      device: device.device,
      subsystem_vendor: device.subsystemVendor,
      subsystem_device: device.subsystemDevice,
    })) {
      this.write(`${folder}/${name}`, `0x${value}\n`);
    }
    this.write(`${folder}/driver_override`, "(null)\n");
    this.link(`/sys/bus/pci/devices/${device.address}`, folder);
    if (device.driver !== null) {
      this.write(`/sys/bus/pci/drivers/${device.driver}/unbind`, "");
      this.link(`${folder}/driver`, `/sys/bus/pci/drivers/${device.driver}`);
      this.link(`/sys/bus/pci/drivers/${device.driver}/${device.address}`, folder);
    }
  }

  driverOf(address: string): string | null {
    const link = this.path(`/sys/bus/pci/devices/${address}/driver`);
    return existsSync(link)
      ? execFileSync("readlink", ["-f", link], { encoding: "utf8" }).trim().replace(/.*\//, "")
      : null;
  }

  overrideOf(address: string): string {
    return this.read(`/sys/bus/pci/devices/${address}/driver_override`).trim();
  }

  get log(): string[] {
    return this.read("/dev/kmsg").split("\n").filter(Boolean);
  }

  get calls(): string {
    return existsSync(this.path("/log")) ? this.read("/log") : "";
  }

  run(script: string, ...args: string[]): string {
    return execFileSync("sh", ["-s", "--", ...args], {
      input: script,
      encoding: "utf8",
      env: {
        PATH: `${this.programs}:${process.env.PATH ?? ""}`,
        PASSTHROUGH_ROOT: this.folder,
        DESTDIR: this.path("/image"),
        version: "6.8.12-1-pve",
      },
    });
  }

  boot(table: string): void {
    this.write("/etc/cdktf-passthrough/devices", table);
    this.run(initTopScript);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private link(path: string, target: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    symlinkSync(relative(dirname(path), target), this.path(path));
  }

  private program(name: string, body: string): void {
    mkdirSync(this.programs, { recursive: true });
    const path = join(this.programs, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`);
    chmodSync(path, 0o755);
  }
}

/** Binds every device without a driver whose override names vfio-pci. */
const probe = `
for device in "$PASSTHROUGH_ROOT"/sys/bus/pci/devices/*; do
  [ ! -e "$device/driver" ] && [ "$(cat "$device/driver_override")" = vfio-pci ] || continue
  real=$(readlink -f "$device")
  ln -s "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/vfio-pci" "$real/driver"
  ln -s "$real" "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/vfio-pci/\${real##*/}"
done`;

const modprobe = `
echo "modprobe $*" >>"$PASSTHROUGH_ROOT/log"
mkdir -p "$PASSTHROUGH_ROOT/sys/bus/pci/drivers/vfio-pci"
. "\${0%/*}/probe"`;

/** What a write into /sys does. */
const kernel = `
value=$(cat)
file=$1
echo "\${file#"$PASSTHROUGH_ROOT"} = $value" >>"$PASSTHROUGH_ROOT/log"
case $file in
*/driver_override) echo "$value" >"$file" ;;
*/driver/unbind)
  driver=$(readlink -f "\${file%/unbind}")
  rm "$driver/$value" "$(readlink -f "$PASSTHROUGH_ROOT/sys/bus/pci/devices/$value")/driver" ;;
*/vfio-pci/bind) . "\${0%/*}/probe" ;;
*) exit 1 ;;
esac`;

let root: FakeRoot;
const given = (devices: PciDevice[], options?: ConstructorParameters<typeof FakeRoot>[0]) => {
  root = new FakeRoot(options);
  devices.forEach((device) => root.plug(device));
};
afterEach(() => root.remove());

const gpu = pciDevice("0000:01:00.0");
const audio = pciDevice("0000:01:00.1", { device: "1aef" });

describe("the script before udev", () => {
  it("gives each device of the table to vfio-pci and leaves the others alone", () => {
    const nvme = pciDevice("0000:02:00.0", { path: ["0000:00:01.1", "0000:02:00.0"], device: "a808" });
    given([gpu, audio, nvme]);
    root.boot(bootTable([gpu, audio]));
    expect([gpu, audio, nvme].map(({ address }) => root.driverOf(address))).toEqual([
      "vfio-pci",
      "vfio-pci",
      null,
    ]);
    expect(root.overrideOf(nvme.address)).toBe("(null)");
    expect(root.log).toEqual([
      "cdktf-passthrough: 0000:01:00.0 is held by vfio-pci",
      "cdktf-passthrough: 0000:01:00.1 is held by vfio-pci",
    ]);
  });

  it("finds a device again after a renumbering of buses, and not the one that took its address", () => {
    const moved = pciDevice("0000:07:00.0", { path: ["0000:00:03.1", "0000:07:00.0"] });
    const intruder = pciDevice("0000:01:00.0", { path: ["0000:00:01.1", "0000:01:00.0"] });
    given([intruder, moved]);
    root.boot(bootTable([gpu]));
    expect(root.driverOf("0000:07:00.0")).toBe("vfio-pci");
    expect(root.overrideOf("0000:01:00.0")).toBe("(null)");
  });

  it.each<[string, Partial<PciDevice>]>([
    ["vendor", { vendor: "1002" }],
    ["device", { device: "2206" }],
    ["subsystem vendor", { subsystemVendor: "1043" }],
    ["subsystem", { subsystemDevice: "0001" }],
  ])("leaves a device alone whose %s is another one, and says so", (_, different) => {
    given([pciDevice("0000:01:00.0", { ...different, driver: "nvme" }), audio]);
    root.boot(bootTable([gpu, audio]));
    expect(root.driverOf("0000:01:00.0")).toBe("nvme");
    expect(root.overrideOf("0000:01:00.0")).toBe("(null)");
    expect(root.log[0]).toMatch(
      /0000:00\/03\.1\/00\.0: found .*, expected 10de:2204 subsystem 1462:3881: left alone/,
    );
    expect(root.driverOf(audio.address)).toBe("vfio-pci");
  });

  it("says which device is not there, and loads nothing for it", () => {
    given([audio]);
    root.boot(bootTable([gpu]));
    expect(root.log).toEqual(["cdktf-passthrough: 0000:00/03.1/00.0: no device there: left alone"]);
    expect(root.calls).toBe("");
  });

  it("takes neither of two devices that answer to one topology", () => {
    given([gpu, pciDevice("0000:02:00.0", { path: ["0000:00:03.1", "0000:02:00.0"] })]);
    root.boot(bootTable([gpu]));
    expect(root.log[0]).toMatch(/two devices answer to 00\.0: left alone/);
    expect(root.overrideOf("0000:01:00.0")).toBe("(null)");
  });

  it("takes a device from a driver that is built into the kernel", () => {
    given([{ ...gpu, driver: "xhci_hcd" }]);
    root.boot(bootTable([gpu]));
    expect(root.driverOf(gpu.address)).toBe("vfio-pci");
    expect(root.calls.split("\n")).toEqual([
      "/sys/bus/pci/devices/0000:01:00.0/driver_override = vfio-pci",
      "/sys/bus/pci/devices/0000:01:00.0/driver/unbind = 0000:01:00.0",
      "modprobe vfio-pci",
      "",
    ]);
  });

  it("binds by itself where vfio-pci is built into the kernel", () => {
    given([gpu], { vfioBuiltIn: true });
    root.boot(bootTable([gpu]));
    expect(root.driverOf(gpu.address)).toBe("vfio-pci");
    expect(root.calls).toMatch(/^\/sys\/bus\/pci\/drivers\/vfio-pci\/bind = 0000:01:00.0$/m);
  });

  it("sets every override before it loads vfio-pci", () => {
    given([gpu, audio]);
    root.boot(bootTable([gpu, audio]));
    expect(root.calls.trim().split("\n").pop()).toBe("modprobe vfio-pci");
  });

  it("finds a device behind a domain of its own", () => {
    const disk = pciDevice("10000:e1:00.0", { path: ["0000:00:0e.0", "10000:e0:06.0", "10000:e1:00.0"] });
    given([disk]);
    root.boot(bootTable([disk]));
    expect(root.driverOf(disk.address)).toBe("vfio-pci");
  });

  it("may run again", () => {
    given([gpu]);
    root.boot(bootTable([gpu]));
    root.boot(bootTable([gpu]));
    expect(root.driverOf(gpu.address)).toBe("vfio-pci");
    expect(root.calls).not.toMatch(/unbind/);
  });

  it("does nothing for comments, an empty table, or none", () => {
    given([gpu]);
    root.run(initTopScript);
    root.boot("# Written by us\n\n");
    expect(root.calls).toBe("");
    expect(root.log).toEqual([]);
  });

  it("reads a last line without its end", () => {
    given([gpu]);
    root.boot(bootTable([gpu]).trimEnd());
    expect(root.driverOf(gpu.address)).toBe("vfio-pci");
  });

  it("lets the host boot although the kernel refuses", () => {
    given([gpu], { kernelRefuses: true });
    expect(() => root.boot(bootTable([gpu]))).not.toThrow();
    expect(root.log).toEqual([
      "cdktf-passthrough: 0000:00/03.1/00.0: 0000:01:00.0 takes no driver_override: left alone",
    ]);
  });

  it("has no prerequisites, so that it sorts before udev by its name", () => {
    given([gpu]);
    root.write("/etc/cdktf-passthrough/devices", bootTable([gpu]));
    expect(root.run(initTopScript, "prereqs")).toBe("\n");
    expect(root.calls).toBe("");
  });
});

describe("the hook", () => {
  const functions = 'manual_add_modules() { echo "$*" >>"$PASSTHROUGH_ROOT/modules"; }\n';

  it("puts the table and vfio's modules into the image", () => {
    given([]);
    root.write("/usr/share/initramfs-tools/hook-functions", functions);
    root.write("/etc/cdktf-passthrough/devices", bootTable([gpu]));
    root.run(hookScript);
    expect(root.read("/image/etc/cdktf-passthrough/devices")).toBe(bootTable([gpu]));
    expect(root.read("/modules")).toBe("vfio\nvfio_iommu_type1\nvfio_pci\n");
  });

  it("adds vfio_virqfd where the kernel has it, in any compression", () => {
    given([]);
    root.write("/usr/share/initramfs-tools/hook-functions", functions);
    root.write("/lib/modules/6.8.12-1-pve/kernel/drivers/vfio/vfio_virqfd.ko.zst", "");
    root.run(hookScript);
    expect(root.read("/modules")).toBe("vfio\nvfio_iommu_type1\nvfio_pci\nvfio_virqfd\n");
    expect(existsSync(root.path("/image/etc/cdktf-passthrough/devices"))).toBe(false);
  });

  it("only names its prerequisites when asked", () => {
    given([]);
    expect(root.run(hookScript, "prereqs")).toBe("\n");
  });
});

test("the table does not depend on the order of a declaration", () => {
  given([]);
  expect(bootTable([audio, gpu, audio])).toBe(bootTable([gpu, audio]));
  expect(bootTable([])).toBe("");
});
