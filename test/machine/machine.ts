/** A Debian host under QEMU: emulated firmware, IOMMU, disks and cards; the kernel and everything above it is real. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, openSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Connection } from "../../lib";

const run = promisify(execFile);

/** What a run is given: where the image stands, and where what it leaves is kept. */
export interface Bench {
  /** Disk image; its kernel, initramfs and host key stand beside it. */
  readonly image: string;
  readonly keyFile: string;
  /** Overlays, serial consoles, QEMU's own words. */
  readonly logs: string;
}

export interface MachineOptions {
  readonly name: string;
  /** Further arguments of QEMU. */
  readonly extra?: readonly string[];
  /** Start the kernel beside the image with this command line instead of what the disk's boot loader starts. */
  readonly directly?: string;
  /** Write to the image itself. */
  readonly intoImage?: boolean;
}

/** The kernel's time and its memory are emulated: generous, so that only what hangs is given up. */
const BOOT_SECONDS = 600;

export class Machine {
  private process: ChildProcess | null = null;
  private port = 0;

  constructor(
    private readonly bench: Bench,
    private readonly options: MachineOptions,
  ) {}

  get connection(): Connection {
    const { keyFile } = this.bench;
    const hostKey = readFileSync(`${this.bench.image}.hostkey`, "utf8").split(" ").slice(0, 2).join(" ");
    return {
      host: "127.0.0.1",
      port: this.port,
      user: "root",
      identityFile: keyFile,
      hostKey,
      agent: false,
      configFile: "none",
    };
  }

  get serialLog(): string {
    return this.file("serial.log");
  }

  /** Boots; resolves when somebody can log in. With `extra`, cards are there that were not before. */
  async start(extra: readonly string[] = this.options.extra ?? []): Promise<void> {
    mkdirSync(this.bench.logs, { recursive: true });
    this.port ||= await freePort();
    const disk = this.options.intoImage ? this.bench.image : this.file("qcow2");
    if (!this.options.intoImage && this.process === null) {
      await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", this.bench.image, disk]);
    }
    const words = openSync(this.file("qemu.log"), "a");
    const args = [...this.platform(disk), ...cards((name) => this.disk(name)), ...extra];
    // It ends with whoever started it, and at the lowest priority: an emulated processor takes all that it gets.
    const qemu = ["--pdeathsig", "KILL", "nice", "-n", "19", "qemu-system-x86_64"];
    this.process = spawn("setpriv", [...qemu, ...args], {
      stdio: ["ignore", words, words],
    });
    await this.up();
  }

  /** Runs a command there as root; it must succeed. */
  async sh(command: string, seconds = 300): Promise<string> {
    try {
      const { stdout } = await run("ssh", [...this.sshOptions(), "root@127.0.0.1", command], {
        timeout: seconds * 1000,
        maxBuffer: 64 * 1024 * 1024,
      });
      return stdout.trim();
    } catch (error) {
      const { stdout = "", stderr = "", code } = error as { stdout?: string; stderr?: string; code?: number };
      throw new Error(`${command} exited with ${code}: ${stdout}${stderr}`);
    }
  }

  /** Waits until somebody can log in to another boot than `before`. */
  async up(before = ""): Promise<string> {
    const end = Date.now() + BOOT_SECONDS * 1000;
    for (;;) {
      if (this.process === null || this.process.exitCode !== null) {
        throw new Error(`QEMU ended: ${readFileSync(this.file("qemu.log"), "utf8").trim()}`);
      }
      const boot = await this.sh("cat /proc/sys/kernel/random/boot_id", 15).catch(() => "");
      if (boot !== "" && boot !== before) return boot;
      if (Date.now() > end) {
        throw new Error(`Nobody can log in after ${BOOT_SECONDS} s. Its console: ${this.serialLog}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async reboot(): Promise<void> {
    const before = await this.bootId();
    // The connection may end before the command does.
    await this.sh("systemctl reboot", 30).catch(() => undefined);
    await this.up(before);
  }

  bootId(): Promise<string> {
    return this.sh("cat /proc/sys/kernel/random/boot_id");
  }

  /** Shuts the machine down in order; it can be started again, with other cards. */
  async powerOff(): Promise<void> {
    await this.sh("systemctl poweroff", 30).catch(() => undefined);
    await this.ended();
  }

  async kill(): Promise<void> {
    this.process?.kill("SIGKILL");
    await this.ended();
  }

  private ended(): Promise<void> {
    const { process } = this;
    if (process === null || process.exitCode !== null || process.signalCode !== null)
      return Promise.resolve();
    return new Promise((resolve) => process.on("exit", () => resolve()));
  }

  private sshOptions(): string[] {
    const known = this.file("known_hosts");
    writeFileSync(known, `* ${readFileSync(`${this.bench.image}.hostkey`, "utf8")}`);
    const options = {
      BatchMode: "yes",
      ConnectTimeout: "5",
      IdentitiesOnly: "yes",
      LogLevel: "ERROR",
      StrictHostKeyChecking: "yes",
      UserKnownHostsFile: known,
    };
    return [
      ...["-F", "none", "-i", this.bench.keyFile, "-p", String(this.port)],
      ...Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]),
    ];
  }

  private file(extension: string): string {
    return join(this.bench.logs, `${this.options.name}.${extension}`);
  }

  /** An empty disk for a card; the same one every time. */
  disk(name: string): string {
    const path = this.file(`${name}.raw`);
    writeFileSync(path, "", { flag: "a" });
    truncateSync(path, 16 * 1024 * 1024);
    return path;
  }

  private platform(disk: string): string[] {
    const { directly } = this.options;
    return [
      ...["-nodefaults", "-display", "none", "-no-user-config"],
      ...["-machine", "q35,kernel-irqchip=split", "-device", "intel-iommu,intremap=on,caching-mode=on"],
      ...["-accel", process.env["MACHINE_ACCELERATOR"] ?? "tcg,thread=multi"],
      ...["-cpu", "qemu64", "-smp", "1", "-m", "1024"],
      ...["-serial", `file:${this.serialLog}`],
      ...["-drive", `if=none,id=disk,file=${disk},format=qcow2,cache=unsafe`],
      ...["-device", "virtio-blk-pci,drive=disk,addr=0x2"],
      ...["-netdev", `user,id=lan,hostfwd=tcp:127.0.0.1:${this.port}-:22`],
      ...["-device", "virtio-net-pci,netdev=lan,addr=0x3,romfile="],
      ...["-device", "virtio-rng-pci,addr=0x4"],
      ...(directly === undefined
        ? []
        : [
            ...["-kernel", `${this.bench.image}.kernel`, "-initrd", `${this.bench.image}.initrd`],
            ...["-append", directly],
          ]),
    ];
  }
}

/** The cards to hand over, each behind a root port of its own, so that each has its own bus and IOMMU group. */
function cards(file: (name: string) => string): string[] {
  return [
    ...rootPort(1, 0x10),
    ...nvmeOn("port1", "twin-a", file("twin-a")),
    ...rootPort(2, 0x11),
    ...nvmeOn("port2", "twin-b", file("twin-b")),
    ...rootPort(3, 0x12),
    ...["-device", "e1000e,bus=port3,mac=52:54:00:aa:00:01,romfile="],
    ...rootPort(4, 0x13),
    ...["-device", "qemu-xhci,bus=port4"],
    // Behind a bridge to conventional PCI nothing can be told apart: one group.
    ...rootPort(5, 0x14),
    ...["-device", "pcie-pci-bridge,id=conventional,bus=port5"],
    ...["-device", "e1000,bus=conventional,addr=1,mac=52:54:00:aa:00:02,romfile="],
    ...["-device", "edu,bus=conventional,addr=2"],
    // A graphics card as they come: picture and sound, two functions of a slot.
    ...rootPort(6, 0x15),
    ...["-device", "secondary-vga,bus=port6,addr=0.0,multifunction=on"],
    ...["-device", "intel-hda,bus=port6,addr=0.1"],
    // Several controllers may lead to its disk, so the kernel shows the disk below none of them.
    ...rootPort(7, 0x16),
    ...["-device", "nvme-subsys,id=subsystem,nqn=bench"],
    ...["-device", "nvme,id=multipath,serial=multipath,bus=port7,subsys=subsystem"],
    ...["-drive", `if=none,id=shared,format=raw,file=${file("shared")}`],
    ...["-device", "nvme-ns,bus=multipath,drive=shared,nsid=1"],
  ];
}

export function rootPort(number: number, slot: number): string[] {
  return [
    "-device",
    `pcie-root-port,id=port${number},chassis=${number},slot=${number},addr=0x${slot.toString(16)}`,
  ];
}

export function nvmeOn(bus: string, serial: string, file: string): string[] {
  return [
    ...["-drive", `if=none,id=${serial},format=raw,file=${file}`],
    ...["-device", `nvme,serial=${serial},bus=${bus},drive=${serial}`],
  ];
}

/** One for the life of a machine, so that it is the same host after a restart. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .on("error", reject)
      .listen(0, "127.0.0.1", () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
      });
  });
}
