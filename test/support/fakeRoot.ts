/** A folder that shows /sys, /proc and /etc as a host would, and runs our scripts with programs made for a test. */
import { spawn, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import type { RunResult } from "../../lib/host/types";

export interface FakeDevice {
  /** Address of the bridge above. */
  readonly parent?: string;
  /** `vvvv:dddd` */
  readonly id?: string;
  /** Six hex digits. */
  readonly class?: string;
  readonly driver?: string;
  readonly group?: number;
  readonly bridge?: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** `ip -o addr show` of a host whose SSH sessions come in by an interface on no PCI device. */
export const OUTSIDE_PCI = "2: eth0    inet 192.0.2.1/24 brd 192.0.2.255 scope global eth0";

export class FakeRoot {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "fake-root-")));
  /** Programs found before the system's own. */
  readonly bin = join(this.folder, "test-bin");
  readonly children = new Set<ChildProcess>();
  env: Record<string, string> = { SSH_CONNECTION: "192.0.2.7 50000 192.0.2.1 22" };
  shell: readonly string[] = ["sh"];
  private readonly nodes = new Map<string, string>();

  constructor() {
    mkdirSync(this.bin);
    this.write("/etc/machine-id", "0123456789abcdef0123456789abcdef\n");
    this.write(
      "/etc/os-release",
      'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
    );
    this.write("/proc/sys/kernel/hostname", "pve1\n");
    this.write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
    this.write("/proc/sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
    this.write("/proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.1.0-18-amd64 root=UUID=1234 ro quiet\n");
    this.write(
      "/proc/cpuinfo",
      "processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: fpu vmx sse\n\nprocessor\t: 1\n",
    );
    this.write("/proc/swaps", "Filename\tType\tSize\tUsed\tPriority\n");
    this.mounts("22 1 0:21 / /proc rw - proc proc rw");
    this.folderAt("/sys/bus/pci/devices");
    this.write("/sys/bus/pci/drivers_probe", "");
    this.folderAt("/sys/devices/platform/soc/net/eth0");
    this.link("/sys/class/net/eth0", "/sys/devices/platform/soc/net/eth0");
    this.network({ addresses: OUTSIDE_PCI, routes: "" });
    this.program("tee", FAKE_KERNEL);
  }

  at(path: string): string {
    return join(this.folder, path);
  }

  exists(path: string): boolean {
    return existsSync(this.at(path));
  }

  read(path: string): string {
    return readFileSync(this.at(path), "utf8");
  }

  write(path: string, content: string | Uint8Array, mode?: number): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    writeFileSync(this.at(path), content);
    if (mode !== undefined) chmodSync(this.at(path), mode);
  }

  folderAt(path: string): void {
    mkdirSync(this.at(path), { recursive: true });
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.at(path)), { recursive: true });
    rmSync(this.at(path), { force: true });
    symlinkSync(relative(dirname(path), target) || ".", this.at(path));
  }

  /** A program on the PATH of the scripts; $ROOT is this folder. */
  program(name: string, body: string): void {
    writeFileSync(join(this.bin, name), `#!/bin/sh\nROOT=${this.folder}\n${body}\n`, { mode: 0o755 });
  }

  mounts(...lines: string[]): void {
    this.write("/proc/self/mountinfo", lines.map((line) => `${line}\n`).join(""));
  }

  /** What `ip` prints. `ways` are its answers to `ip route get`, by address. */
  network(shown: { addresses: string; routes: string; ways?: Readonly<Record<string, string>> }): void {
    const ways = Object.entries(shown.ways ?? {}).map(([address, way]) => `${address}) echo '${way}' ;;`);
    this.program(
      "ip",
      [
        `case "$*" in`,
        `*"addr show"*) cat <<'END'\n${shown.addresses}\nEND\n;;`,
        `*"-6 route show"*) ;;`,
        `*"route show"*) cat <<'END'\n${shown.routes}\nEND\n;;`,
        `*"route get"*) for address; do :; done; case $address in\n${ways.join("\n")}\nesac ;;`,
        "esac",
      ].join("\n"),
    );
  }

  /** Returns the folder of the function below /sys/devices. */
  pci(address: string, device: FakeDevice = {}): string {
    const above =
      device.parent === undefined ? `/sys/devices/pci${address.slice(0, -5)}` : this.node(device.parent);
    const node = `${above}/${address}`;
    this.nodes.set(address, node);
    const [vendor = "", id = ""] = (device.id ?? "8086:1234").split(":");
    const attributes: Record<string, string> = {
      vendor: `0x${vendor}`,
      device: `0x${id}`,
      subsystem_vendor: "0x1043",
      subsystem_device: "0x8694",
      class: `0x${device.class ?? (device.bridge ? "060400" : "020000")}`,
      revision: "0x02",
      driver_override: "(null)",
      modalias: `pci:v0000${vendor}d0000${id}`,
      ...(device.bridge ? { secondary_bus_number: "1" } : { reset_method: "flr bus" }),
      ...device.attributes,
    };
    for (const [name, value] of Object.entries(attributes)) this.write(`${node}/${name}`, `${value}\n`);
    this.link(`/sys/bus/pci/devices/${address}`, node);
    if (device.group !== undefined) {
      const group = `/sys/kernel/iommu_groups/${device.group}`;
      this.write(`${group}/reserved_regions`, "0x00000000fee00000 0x00000000feefffff msi\n");
      this.link(`${group}/devices/${address}`, node);
      this.link(`${node}/iommu_group`, group);
    }
    if (device.driver !== undefined) this.drive(address, device.driver);
    return node;
  }

  node(address: string): string {
    const node = this.nodes.get(address);
    if (node === undefined) throw new Error(`no ${address}`);
    return node;
  }

  /** A driver that is loaded. */
  driver(name: string): string {
    const driver = `/sys/bus/pci/drivers/${name}`;
    for (const file of ["bind", "unbind", "new_id", "remove_id"]) this.write(`${driver}/${file}`, "");
    return driver;
  }

  drive(address: string, name: string): void {
    const driver = this.driver(name);
    this.link(`${driver}/${address}`, this.node(address));
    this.link(`${this.node(address)}/driver`, driver);
  }

  driverOf(address: string): string | null {
    const link = this.at(`${this.node(address)}/driver`);
    return existsSync(link) ? (realpathSync(link).split("/").at(-1) ?? null) : null;
  }

  /** A block device at `node`, such as a disk or a partition of it. */
  block(name: string, number: string, node: string): string {
    this.write(`${node}/dev`, `${number}\n`);
    this.folderAt(`${node}/holders`);
    this.folderAt(`${node}/slaves`);
    this.link(`/sys/class/block/${name}`, node);
    this.link(`/sys/dev/block/${number}`, node);
    this.write(`/dev/${name}`, "");
    return node;
  }

  partition(name: string, number: string, disk: string): string {
    const node = this.block(name, number, `${disk}/${name}`);
    this.write(`${node}/partition`, "1\n");
    return node;
  }

  /** A dm or md device over others. */
  stacked(name: string, number: string, slaves: readonly string[], dmName?: string): string {
    const node = this.block(name, number, `/sys/devices/virtual/block/${name}`);
    for (const slave of slaves) {
      const lower = `/${relative(this.folder, realpathSync(this.at(`/sys/class/block/${slave}`)))}`;
      this.link(`${node}/slaves/${slave}`, lower);
      this.link(`${lower}/holders/${name}`, node);
    }
    if (dmName !== undefined) this.write(`${node}/dm/name`, `${dmName}\n`);
    return node;
  }

  nic(name: string, address: string, carrier = true): void {
    const node = `${this.node(address)}/net/${name}`;
    this.write(`${node}/carrier`, carrier ? "1\n" : "0\n");
    this.link(`${node}/device`, this.node(address));
    this.link(`/sys/class/net/${name}`, node);
  }

  virtualInterface(name: string, lower: readonly string[], bond = false): void {
    const node = `/sys/devices/virtual/net/${name}`;
    this.folderAt(node);
    this.link(`/sys/class/net/${name}`, node);
    if (bond) this.write(`${node}/bonding/slaves`, `${lower.join(" ")}\n`);
    for (const below of lower) this.link(`${node}/lower_${below}`, `/sys/class/net/${below}`);
  }

  /** Starts a script as a session does: on the standard input of a shell. */
  start(script: string, env: Readonly<Record<string, string>> = {}): ChildProcess {
    const [program = "sh", ...args] = this.shell;
    const child = spawn(program, [...args, "-s"], {
      env: { PATH: `${this.bin}:${process.env["PATH"]}`, PASSTHROUGH_ROOT: this.folder, ...this.env, ...env },
    });
    this.children.add(child);
    child.stdin.on("error", () => undefined);
    child.stdin.end(script);
    return child;
  }

  async run(script: string, env: Readonly<Record<string, string>> = {}): Promise<RunResult> {
    return answerOf(this.start(script, env));
  }

  remove(): void {
    for (const child of this.children) child.kill("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  }
}

export function answerOf(child: ChildProcess): Promise<RunResult> {
  const text = { stdout: "", stderr: "" };
  child.stdout?.on("data", (chunk) => (text.stdout += String(chunk)));
  child.stderr?.on("data", (chunk) => (text.stderr += String(chunk)));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ ...text, code: code ?? (signal === null ? 1 : 137) }));
  });
}

/** `tee`, with what the kernel does when a file of /sys is written. */
const FAKE_KERNEL = `
path=$1
value=$(cat; echo .)
value=\${value%.}
devices=$ROOT/sys/bus/pci/devices
refuse() {
	echo "tee: $path: $1" >&2
	exit 1
}
probe() {
	[ ! -e "$devices/$1/driver" ] || return 0
	read -r override <"$devices/$1/driver_override"
	[ -d "$ROOT/sys/bus/pci/drivers/$override" ] || return 0
	attach "$1" "$override"
}
attach() {
	ln -s "$ROOT/sys/bus/pci/drivers/$2" "$devices/$1/driver"
	ln -s "$devices/$1" "$ROOT/sys/bus/pci/drivers/$2/$1"
}
case $path in
*/driver_override)
	value=\${value%
}
	printf '%s\\n' "\${value:-(null)}" >"$path" ;;
*/drivers_probe) [ -e "$devices/$value" ] || refuse "No such device"; probe "$value" ;;
*/unbind)
	driver=\${path%/unbind}
	[ -e "$driver/$value" ] || refuse "No such device"
	if [ -e "$ROOT/hangs-\${driver##*/}" ]; then while [ -e "$ROOT/hangs-\${driver##*/}" ]; do sleep 0.05; done; exit; fi
	rm "$driver/$value" "$devices/$value/driver" ;;
*/bind)
	driver=\${path%/bind}
	[ ! -e "$ROOT/refuses-\${driver##*/}" ] || refuse "Invalid argument"
	[ ! -e "$devices/$value/driver" ] || refuse "Device or resource busy"
	attach "$value" "\${driver##*/}" ;;
*/remove_id) refuse "No such device" ;;
*) printf '%s' "$value" >"$path" || exit 1 ;;
esac
printf '%s' "$value"
`;
