import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { boot, RootNotFound } from "./boot";
import { type Answer, type Call, CallGate } from "./callGate";
import { FaultPlan } from "./faultPlan";
import { type BootFault, type Faults, noFaults } from "./faults";
import { Machine } from "./machine";
import { startDomain } from "./libvirt/startDomain";
import { domains, VirshError } from "./libvirt/store";
import { profiles } from "./profiles/index";
import type { Profile } from "./profiles/types";
import { containerConfiguration, containerIds, startContainer } from "./proxmox/pct";
import { startVm } from "./proxmox/startVm";
import { QmError, readVm, vmIds } from "./proxmox/vm";
import type { Program } from "./programs/program";
import { programsOf } from "./programs/index";
import callScript from "./scripts/call.sh";
import faultScript from "./scripts/fault.sh";
import sudoScript from "./scripts/sudo.sh";
import teeScript from "./scripts/tee.sh";
import { fingerprint, keyFile } from "./keys";
import { SshServer } from "./sshServer";
import { type Counters, readState } from "./state";
import { alone, type Surroundings } from "./surroundings";
import { lockFolder, makeFolder } from "./folder";
import { linkTools } from "./systemTools";
import { install } from "./tree/installation";
import { installerCommands } from "./tree/bootInstallation";
import { espFiles } from "./programs/proxmoxBootTool";

export interface EmbeddedHostOptions {
  /**
   * A name of `profiles`, or a profile of one's own. A folder may be started again with other hardware under the same
   * profile name: the next boot finds it.
   */
  readonly profile: string | Profile;
  /** Where the host lives. Made at the first start; a later start finds the host as it was left. */
  readonly dir: string;
  /** 0 counts as not given. @default the port of the last start, at first a free one */
  readonly port?: number;
  /** Public keys that may log in beside the host's own client key. */
  readonly authorizedKeys?: readonly string[];
  /** Seconds that a reboot keeps the host away. @default 1 */
  readonly bootSeconds?: number;
}

/** A host that answers SSH on this machine, with a folder for its file systems and this process for its kernel. */
export interface EmbeddedHost {
  /** `127.0.0.1` */
  readonly host: string;
  readonly port: number;
  readonly profile: Profile;
  /** The host's public key, `ssh-ed25519 AAAA...`. */
  readonly hostKey: string;
  /** Of the host's key, `SHA256:...`. */
  readonly fingerprint: string;
  /** Private key file (0600) of a client that may log in. */
  readonly clientKeyFile: string;
  /** A known_hosts file that names this host. */
  readonly knownHostsFile: string;
  readonly dir: string;
  /** The folder that plays `/`. */
  readonly root: string;
  /** What the machine said at its boots. */
  console(): string;
  counters(): Counters;
  resetCounters(): void;
  /** Whether somebody could log in now; a host that did not survive its boot says why on its console. */
  isUp(): boolean;
  faults(): Faults;
  /** Replaces what is given and leaves the rest. */
  setFaults(faults: Partial<Faults>): void;
  clearFaults(): void;
  surroundings(): Surroundings;
  /** Replaces what is given and leaves the rest. */
  setSurroundings(surroundings: Partial<Surroundings>): void;
  /** Reboot from outside, as an administrator would; resolves once the host is up, or rejects with why it is not. */
  reboot(fault?: BootFault): Promise<void>;
  /** Loses its power without a shutdown, and boots again. */
  powerCut(fault?: BootFault): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Starts a host in a folder. No root, no network, nothing but Node and `sh` are needed.
 * @throws an Error where the folder cannot be made, is in use, or holds a host of another profile, or the port is taken.
 */
export async function startEmbeddedHost(options: EmbeddedHostOptions): Promise<EmbeddedHost> {
  const profile = profileOf(options.profile);
  const dir = resolve(options.dir);
  makeFolder(dir);
  const unlock = await lockFolder(dir);
  let host: Embedded;
  try {
    host = new Embedded({ ...options, profile, dir }, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
  try {
    await host.start(options.port);
  } catch (error) {
    await host.stop();
    throw error;
  }
  return host;
}

class Embedded implements EmbeddedHost {
  readonly host = "127.0.0.1";
  readonly profile: Profile;
  readonly dir: string;
  readonly clientKeyFile: string;
  readonly knownHostsFile: string;
  readonly hostKey: string;
  private readonly machine: Machine;
  private readonly programs: Readonly<Record<string, Program>>;
  private readonly gate: CallGate;
  private readonly plan: FaultPlan;
  private server: SshServer | null = null;
  private booting: Promise<void> | null = null;
  private readonly stopping = new AbortController();

  constructor(
    private readonly options: EmbeddedHostOptions & { readonly profile: Profile },
    private readonly unlock: () => void,
  ) {
    this.profile = options.profile;
    this.dir = options.dir;
    const state = readState(this.dir);
    if (state !== null && state.profile !== this.profile.name) {
      throw new Error(
        `The folder ${this.dir} holds an embedded host of profile ${state.profile}, not ${this.profile.name}: name another folder.`,
      );
    }
    this.machine = new Machine(
      this.dir,
      this.profile,
      state ?? {
        profile: this.profile.name,
        port: 0,
        counters: { connections: 0, commands: 0, reboots: 0 },
        dynamicIds: {},
        faults: noFaults,
      },
    );
    this.programs = programsOf(this.profile);
    this.gate = new CallGate(this.dir, (call) => this.serve(call));
    this.plan = new FaultPlan(this.machine);
    this.clientKeyFile = join(this.dir, "client_key");
    this.knownHostsFile = join(this.dir, "known_hosts");
    this.hostKey = keyFile(join(this.dir, "host_key"), this.profile.hostname);
    keyFile(this.clientKeyFile, "client");
    this.machine.onReboot = (how) => void this.cycle(how).catch(() => undefined);
  }

  get port(): number {
    return this.machine.state.port;
  }

  get root(): string {
    return this.machine.files.folder;
  }

  get fingerprint(): string {
    return fingerprint(this.hostKey);
  }

  async start(port?: number): Promise<void> {
    linkTools(join(this.dir, "tools"));
    installPrograms(this.dir, Object.keys(this.programs));
    this.gate.open();
    this.plan.arm();
    if (!this.machine.files.exists("/etc/machine-id")) {
      install(this.machine.files, this.profile);
      await this.makeBootable();
      this.machine.save();
      await boot(this.machine, null);
      this.startGuests(true);
      this.startDomains(true);
    }
    await this.listen(port || this.machine.state.port);
  }

  console(): string {
    const path = join(this.dir, "console.log");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  counters(): Counters {
    return this.machine.state.counters;
  }

  resetCounters(): void {
    this.machine.state.counters = { connections: 0, commands: 0, reboots: 0 };
    this.machine.save();
  }

  isUp(): boolean {
    return this.server !== null;
  }

  faults(): Faults {
    return this.machine.state.faults;
  }

  setFaults(faults: Partial<Faults>): void {
    this.machine.state.faults = { ...this.machine.state.faults, ...faults };
    this.plan.arm();
    this.machine.save();
  }

  clearFaults(): void {
    this.setFaults(noFaults);
  }

  surroundings(): Surroundings {
    return { ...alone, ...this.machine.state.surroundings };
  }

  setSurroundings(surroundings: Partial<Surroundings>): void {
    this.machine.state.surroundings = { ...this.surroundings(), ...surroundings };
    const { nodes, services, ceph } = this.surroundings();
    const { files } = this.machine;
    this.machine.save();
    if (!this.profile.proxmox) return;
    // What tells a node that there is such a thing at all.
    files.write("/etc/pve/corosync.conf", nodes.length > 0 ? "totem {\n}\n" : "");
    const sections = Object.keys(services).map((sid) => `${sid.replace(":", ": ")}\n\tstate started\n\n`);
    files.write("/etc/pve/ha/resources.cfg", sections.join(""));
    for (const { name } of nodes) files.folderAt(`/etc/pve/nodes/${name}/qemu-server`);
    files.remove("/var/lib/ceph");
    if (ceph !== null) files.write("/etc/ceph/ceph.conf", "[global]\n");
    for (const daemon of ceph?.daemons ?? []) files.folderAt(`/var/lib/ceph/osd/ceph-${daemon}`);
  }

  reboot(fault?: BootFault): Promise<void> {
    if (fault) this.setFaults({ nextBoot: fault });
    return this.cycle("orderly");
  }

  powerCut(fault?: BootFault): Promise<void> {
    if (fault) this.setFaults({ nextBoot: fault });
    return this.cycle("powerCut");
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.server?.close();
    this.server = null;
    await this.booting?.catch(() => undefined);
    this.machine.killAll();
    this.gate.close();
    this.machine.save();
    this.unlock();
  }

  /** The installer's last step: images and boot entries for every kernel. */
  private async makeBootable(): Promise<void> {
    for (const uuid of this.profile.bootLoader.esps) espFiles(this.machine, uuid).folderAt("/");
    for (const [program = "", ...args] of installerCommands(this.profile)) {
      const done = await this.machine.run(program, args);
      if (done.code !== 0) throw new Error(`${program} of the embedded host failed: ${done.errors}`);
    }
  }

  private cycle(how: "orderly" | "powerCut"): Promise<void> {
    this.booting ??= this.restart(how).finally(() => {
      this.booting = null;
    });
    return this.booting;
  }

  private async restart(how: "orderly" | "powerCut"): Promise<void> {
    // Time for the answer of whoever asked: a shutdown first stops what runs, then the network.
    if (how === "orderly") await this.pause(0.15);
    const fault = this.machine.state.faults.nextBoot;
    this.machine.killAll();
    await this.server?.close();
    this.server = null;
    const { state } = this.machine;
    state.counters = { ...state.counters, reboots: state.counters.reboots + 1 };
    state.faults = { ...state.faults, nextBoot: null };
    this.machine.save();
    if (fault?.never) {
      this.machine.log("The machine does not come back.");
      throw new Error("The embedded host does not come back from its boot, as asked.");
    }
    const away = this.pause((this.options.bootSeconds ?? 1) + (fault?.delay ?? 0));
    await this.bootOrStop(fault, 3);
    this.startGuests(false);
    this.startContainers();
    this.startDomains(false);
    await away;
    if (!this.stopping.signal.aborted) await this.listen(state.port);
  }

  /** Boots; where the kernel's command line has `panic=`, an initramfs that finds no root starts the machine anew. */
  private async bootOrStop(fault: BootFault | null, tries: number): Promise<void> {
    try {
      await boot(this.machine, fault);
    } catch (error) {
      this.machine.log(`Boot stopped: ${error instanceof Error ? error.message : String(error)}`);
      const words = this.machine.files.read("/proc/cmdline") ?? "";
      if (!(error instanceof RootNotFound) || !/(^|\s)panic=[1-9]/.test(words) || tries <= 1) throw error;
      this.machine.log("Rebooting automatically due to panic= boot argument");
      await this.bootOrStop(null, tries - 1);
    }
  }

  /** A stop of the server ends it early. */
  private async pause(seconds: number): Promise<void> {
    await wait(seconds * 1000, undefined, { signal: this.stopping.signal }).catch(() => undefined);
  }

  /** After a boot those with onboot; at the very first those that the profile has running. */
  private startGuests(first: boolean): void {
    for (const id of this.profile.proxmox ? vmIds(this.machine) : []) {
      const { current } = readVm(this.machine, id).configuration;
      const starts = first ? this.profile.proxmox?.vms[Number(id)]?.running : current["onboot"] === "1";
      if (!starts) continue;
      try {
        startVm(this.machine, id);
      } catch (error) {
        if (!(error instanceof QmError)) throw error;
        this.machine.log(`VM ${id} does not start: ${error.message}`);
      }
    }
  }

  private startContainers(): void {
    for (const id of this.profile.proxmox ? containerIds(this.machine) : [])
      if (/^onboot: 1$/m.test(containerConfiguration(this.machine, id) ?? ""))
        startContainer(this.machine, id);
  }

  /** As startGuests. */
  private startDomains(first: boolean): void {
    for (const domain of this.profile.libvirt ? domains(this.machine) : []) {
      const starts = first ? this.profile.libvirt?.domains[domain.name]?.running : domain.autostart;
      if (!starts) continue;
      try {
        startDomain(this.machine, domain);
      } catch (error) {
        if (!(error instanceof VirshError)) throw error;
        this.machine.log(`Domain ${domain.name} does not start: ${error.message}`);
      }
    }
  }

  private async listen(port: number): Promise<void> {
    const server = new SshServer({
      hostKey: readFileSync(join(this.dir, "host_key"), "utf8"),
      authorizedKeys: () => [
        readFileSync(`${this.clientKeyFile}.pub`, "utf8"),
        ...(this.options.authorizedKeys ?? []),
        ...(this.machine.files.read("/root/.ssh/authorized_keys") ?? "").split("\n").filter(Boolean),
      ],
      folder: this.root,
      environment: (clientPort, user) =>
        this.machine.environment({
          USER: user,
          SSH_CONNECTION: `${clientAddress(this.profile.network.address)} ${clientPort} ${this.profile.network.address} 22`,
        }),
      onConnection: () => {
        this.count("connections");
      },
      onCommand: () => {
        this.count("commands");
      },
      onOutput: (soFar) => {
        this.plan.onOutput(soFar, (effect) => this.act(effect));
      },
    });
    this.machine.state.port = await server.listen(port);
    this.server = server;
    writeFileSync(this.knownHostsFile, `[127.0.0.1]:${this.port} ${this.hostKey}\n`);
    this.machine.save();
  }

  private count(what: keyof Counters): void {
    const { state } = this.machine;
    state.counters = { ...state.counters, [what]: state.counters[what] + 1 };
    this.machine.save();
  }

  private async serve(call: Call): Promise<Answer> {
    if (call.program === "embedded-fault") return this.plan.onProgram(call, (effect) => this.act(effect));
    const program = this.programs[call.program];
    if (!program) return { errors: `sh: 1: ${call.program}: not found\n`, code: 127 };
    return program(call, this.machine);
  }

  private act(effect: "disconnect" | "kill" | "powerCut"): void {
    if (effect === "powerCut") return this.machine.onReboot("powerCut");
    this.server?.disconnect();
    if (effect === "kill") this.machine.killAll();
  }
}

function profileOf(profile: string | Profile): Profile {
  if (typeof profile !== "string") return profile;
  const found = profiles[profile];
  if (found) return found;
  throw new Error(
    `There is no embedded host profile ${profile}. There is: ${Object.keys(profiles).join(", ")}.`,
  );
}

/** A neighbour in the host's own network. */
const clientAddress = (address: string) => address.replace(/\d+$/, "200");

/** The folder that stands first on the host's PATH. */
function installPrograms(folder: string, names: readonly string[]): void {
  const bin = join(folder, "bin");
  const library = join(folder, "lib");
  rmSync(bin, { recursive: true, force: true });
  mkdirSync(bin);
  mkdirSync(library, { recursive: true });
  const scripts = {
    "call.sh": callScript,
    "fault.sh": faultScript,
    "tee.sh": teeScript,
    "sudo.sh": sudoScript,
  };
  for (const [name, text] of Object.entries(scripts)) {
    writeFileSync(join(library, name), text);
    chmodSync(join(library, name), 0o755);
  }
  for (const name of [...names, "embedded-fault"]) symlinkSync("../lib/call.sh", join(bin, name));
  symlinkSync("../lib/tee.sh", join(bin, "tee"));
  symlinkSync("../lib/sudo.sh", join(bin, "sudo"));
}
