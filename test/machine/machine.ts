/** A Debian host under QEMU: emulated firmware, IOMMU, disks and cards; the kernel and everything above it is real. */
import { execFile, spawn, type ChildProcess } from "node:child_process";
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Connection } from "../../lib";
import { topologies, type Places, type Processor } from "./topology";

const run = promisify(execFile);

/** How the host boots: GRUB with initramfs-tools, GRUB with dracut, or systemd-boot (by UEFI) with initramfs-tools. */
export type ImageKind = "grub" | "dracut" | "systemd-boot";

/** The disk image of a kind, by what the names of all of them begin with. */
export function imagePath(images: string, kind: ImageKind): string {
  return `${images}-${kind}.qcow2`;
}

/** What a run is given: where the images stand, and where what it leaves is kept. */
export interface Bench {
  /** Disk image of a kind; its kernel, initramfs, host key and the firmware's variables stand beside it. */
  readonly image: (kind: ImageKind) => string;
  readonly keyFile: string;
  /** Overlays, serial consoles, QEMU's own words. */
  readonly logs: string;
}

export interface MachineOptions {
  readonly name: string;
  /** @default "grub" */
  readonly boots?: ImageKind;
  /** Whose IOMMU it has. @default "intel" */
  readonly processor?: Processor;
  /** Further arguments of QEMU. */
  readonly extra?: readonly string[];
  /** Start the kernel beside the image, with these words added to its own, and not what the disk's boot loader starts. */
  readonly directly?: string;
  /** Write to the image itself. */
  readonly intoImage?: boolean;
}

/** UEFI for QEMU, as Debian's package ovmf has it: the code, and a set of empty variables. */
export const firmware = {
  code: "/usr/share/OVMF/OVMF_CODE_4M.fd",
  variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
};

/** An emulated processor takes all that it gets: by default what nobody else wants. */
export const niceness = process.env["MACHINE_NICE"] ?? "19";

/**
 * Kernel parameters of a machine that somebody emulates. Programs always at the same addresses: the emulator translates
 * each anew for every address at which it finds it, which makes a process three times as dear.
 */
export const emulated = "console=ttyS0 no_timer_check mitigations=off norandmaps";

/** Of /proc, a second: the same on every Linux of today. */
const CLOCK_TICKS = 100;

/** The kernel's time and its memory are emulated: generous, so that only what hangs is given up. */
const BOOT_SECONDS = 600;

export class Machine {
  private process: ChildProcess | null = null;
  private port = 0;
  private spent = 0;
  /** Its end is asked for, and no reboot. */
  private expected = false;
  /** Folder of the socket that its commands share: the name of a socket is short. */
  private sockets = "";

  constructor(
    private readonly bench: Bench,
    private readonly options: MachineOptions,
  ) {}

  /** Where its cards stand. */
  get places(): Places {
    return this.topology.places;
  }

  get connection(): Connection {
    const { keyFile } = this.bench;
    const hostKey = readFileSync(`${this.image}.hostkey`, "utf8").split(" ").slice(0, 2).join(" ");
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
    this.sockets ||= mkdtempSync(join(tmpdir(), "machine-"));
    const disk = this.options.intoImage ? this.image : this.file("qcow2");
    if (!this.options.intoImage && this.process === null) {
      await run("qemu-img", ["create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", this.image, disk]);
      if (this.uefi) copyFileSync(`${this.image}.vars`, this.file("vars"));
    }
    const args = [...this.platform(disk), ...this.topology.cards((name) => this.disk(name)), ...extra];
    this.expected = false;
    this.launch(args);
    await this.up();
  }

  /**
   * A reboot is another QEMU: the emulator keeps what it translated of the memory, and a boot loader that writes over it
   * after a reset takes minutes.
   */
  private launch(args: readonly string[]): void {
    const words = openSync(this.file("qemu.log"), "a");
    // It ends with whoever started it.
    const qemu = ["--pdeathsig", "KILL", "nice", "-n", niceness, "qemu-system-x86_64", "-no-reboot"];
    const process = spawn("setpriv", [...qemu, ...args], { stdio: ["ignore", words, words] });
    closeSync(words);
    this.process = process;
    const before = this.spent;
    const clock = setInterval(() => this.measure(process, before), 1000).unref();
    process.on("exit", (code) => {
      clearInterval(clock);
      if (code === 0 && !this.expected) this.launch(args);
    });
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
    this.expected = true;
    await this.sh("systemctl poweroff", 30).catch(() => undefined);
    await this.ended();
  }

  async kill(): Promise<void> {
    this.expected = true;
    this.process?.kill("SIGKILL");
    await this.ended();
    // Nobody waits for words of what is without power.
    if (this.sockets !== "") rmSync(this.sockets, { recursive: true, force: true });
    this.sockets = "";
  }

  /** Keeps the processor time that QEMU took so far, all starts together: what a run costs, however busy its machine. */
  private measure({ pid }: ChildProcess, before: number): void {
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
      const [user = "0", system = "0"] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13);
      this.spent = before + (Number(user) + Number(system)) / CLOCK_TICKS;
      writeFileSync(this.file("seconds"), String(Math.round(this.spent)));
    } catch {
      // It has just ended.
    }
  }

  private ended(): Promise<void> {
    const { process } = this;
    if (process === null || process.exitCode !== null || process.signalCode !== null)
      return Promise.resolve();
    return new Promise((resolve) => process.on("exit", () => resolve()));
  }

  private sshOptions(): string[] {
    const known = this.file("known_hosts");
    writeFileSync(known, `* ${readFileSync(`${this.image}.hostkey`, "utf8")}`);
    const options = {
      BatchMode: "yes",
      // A handshake takes longer than most commands. One connection for them all, until the machine ends it.
      ControlMaster: "auto",
      ControlPath: join(this.sockets, "ssh"),
      ControlPersist: "yes",
      ServerAliveInterval: "60",
      ServerAliveCountMax: "10",
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

  private get topology() {
    return topologies[this.options.processor ?? "intel"];
  }

  private get image(): string {
    return this.bench.image(this.options.boots ?? "grub");
  }

  private get uefi(): boolean {
    return this.options.boots === "systemd-boot";
  }

  private platform(disk: string): string[] {
    const { directly } = this.options;
    const variables = this.options.intoImage ? `${this.image}.vars` : this.file("vars");
    return [
      ...["-nodefaults", "-display", "none", "-no-user-config"],
      ...["-machine", "q35,kernel-irqchip=split", ...this.topology.iommu],
      ...(this.uefi
        ? [
            ...["-drive", `if=pflash,format=raw,readonly=on,file=${firmware.code}`],
            ...["-drive", `if=pflash,format=raw,file=${variables}`],
          ]
        : []),
      ...["-accel", process.env["MACHINE_ACCELERATOR"] ?? "tcg,thread=multi"],
      ...["-cpu", "qemu64", "-smp", "1", "-m", "1024"],
      ...["-chardev", `file,id=serial,path=${this.serialLog},append=on`, "-serial", "chardev:serial"],
      ...["-drive", `if=none,id=disk,file=${disk},format=qcow2,cache=unsafe`],
      ...["-device", "virtio-blk-pci,drive=disk,addr=0x2"],
      ...["-netdev", `user,id=lan,hostfwd=tcp:127.0.0.1:${this.port}-:22`],
      ...["-device", "virtio-net-pci,netdev=lan,addr=0x3,romfile="],
      ...["-device", "virtio-rng-pci,addr=0x4"],
      ...(directly === undefined
        ? []
        : [
            ...["-kernel", `${this.image}.kernel`, "-initrd", `${this.image}.initrd`],
            ...["-append", `root=LABEL=root ro ${emulated} ${directly}`],
          ]),
    ];
  }
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
