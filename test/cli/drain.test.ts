/** What leaves a host before its reboot and comes back afterwards, on embedded hosts. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { CliError } from "../../lib/cli/errors";
import type { RebootOptions } from "../../lib/cli/reboot";
import { startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import { alone } from "../../lib/embedded/surroundings";
import { defaultPreparation, type RebootPreparation } from "../../lib/model/rebootPreparation";
import { BareHost, type RebootWatch } from "../support/bareHost";
import { sh } from "../support/byHand";
import { bootDeclaration } from "../support/declaration";

jest.setTimeout(240_000);

const quick: RebootPreparation = { ...defaultPreparation, busyTimeout: 60 };

/** A host whose declaration waits for a reboot, and the reboot command. */
class Rebooting {
  readonly folder = mkdtempSync(join(tmpdir(), "passthrough-drain-"));
  embedded!: EmbeddedHost;
  private parameters = 0;

  async start(profile: string): Promise<void> {
    this.embedded = await startEmbeddedHost({ profile, dir: this.folder });
  }

  async stop(): Promise<void> {
    await this.embedded.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Makes a reboot due, once more. */
  async due(): Promise<BareHost> {
    this.parameters += 1;
    const kernelParameters = ["iommu=pt", `passthrough.test=${this.parameters}`];
    const host = new BareHost(this.embedded, bootDeclaration({ kernelParameters }));
    await host.configure();
    return host;
  }

  read(path: string): string | null {
    const file = join(this.embedded.root, path);
    return existsSync(file) ? readFileSync(file, "utf8") : null;
  }

  write(path: string, text: string): void {
    const file = join(this.embedded.root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  get drain(): string | null {
    return this.read("var/lib/cdktf-passthrough/drain.json");
  }

  async runs(id: string): Promise<boolean> {
    return (await sh(this.embedded, `qm status ${id}`)).includes("running");
  }
}

async function refusal(work: Promise<unknown>): Promise<CliError> {
  const error: unknown = await work.then(
    () => new Error("it succeeded"),
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(CliError);
  return error as CliError;
}

describe("a Proxmox VE node", () => {
  const node = new Rebooting();
  let host: BareHost;
  const reboot = (
    preparation: Partial<RebootPreparation> = {},
    watch: RebootWatch = {},
    options: Partial<RebootOptions> = {},
  ) => host.reboot({ preparation: { ...quick, ...preparation }, ...options }, watch);

  beforeAll(async () => {
    await node.start("proxmox-amd");
    host = await node.due();
  });
  afterEach(() => node.embedded.setSurroundings(alone));
  afterAll(() => node.stop());

  const others = [
    { name: "pve2", online: true },
    { name: "pve3", online: true },
  ];

  test.each<[string, Parameters<EmbeddedHost["setSurroundings"]>[0], RegExp]>([
    [
      "no quorum",
      { nodes: others.map(({ name }) => ({ name, online: false })) },
      /- the cluster has no quorum, so \/etc\/pve is read-only/,
    ],
    [
      "no quorum without this node",
      { nodes: [{ name: "pve2", online: true }] },
      /without quorum meanwhile: 1 of the 2 votes needed remain/,
    ],
    [
      "a node that is down",
      { nodes: [...others, { name: "pve4", online: false }] },
      /pve4 of the cluster is offline/,
    ],
  ])("%s: refused, and nothing is touched", async (_what, surroundings, words) => {
    node.embedded.setSurroundings(surroundings);
    expect((await refusal(reboot())).message).toMatch(words);
    expect(await node.runs("101")).toBe(true);
    expect([node.drain, node.embedded.counters().reboots]).toEqual([null, 0]);
  });

  test.each<[string, Parameters<EmbeddedHost["setSurroundings"]>[0], RegExp]>([
    [
      "a backup",
      { tasks: [{ type: "vzdump", id: "101" }] },
      /after 0 s of waiting:\n {2}- task vzdump 101 runs/,
    ],
    [
      "an inhibitor",
      { inhibitors: [{ who: "dnf", why: "a transaction" }] },
      /put off by dnf \(a transaction\)/,
    ],
    [
      "a dead agent of high availability",
      { nodes: others, services: { "vm:101": { node: "pve1", requested: "started" } }, deadAgents: ["pve2"] },
      /may be fenced: lrm pve2 \(old timestamp - dead\?/,
    ],
    [
      "Ceph that is short of copies",
      { ceph: { health: "HEALTH_WARN", flags: [], daemons: [3], unstoppable: "1 pg would be offline" } },
      /cannot do without this host's daemons: .*1 pg would be offline/,
    ],
  ])("%s is waited for, and then named", async (_what, surroundings, words) => {
    node.embedded.setSurroundings(surroundings);
    expect((await refusal(reboot({ busyTimeout: 0 }))).message).toMatch(words);
    expect(await node.runs("101")).toBe(true);
    expect(node.drain).toBeNull();
  });

  test("a guest that does not stop calls the reboot off, and those that had stopped run again", async () => {
    node.embedded.setSurroundings({ slowGuests: { 101: null } });
    await sh(node.embedded, "qm start 100");
    const error = await refusal(reboot({ shutdownTimeout: 1 }));
    expect(error.message).toContain("VM 101 (router) shuts down: VM quit/powerdown failed - got timeout");
    expect([await node.runs("100"), await node.runs("101")]).toEqual([true, true]);
    expect(node.embedded.counters().reboots).toBe(0);
    expect(node.drain).toBeNull();
    await sh(node.embedded, "qm stop 100");
  });

  test("Ctrl-C gives back what has left; what leaves later starts with --resume", async () => {
    node.embedded.setSurroundings({ slowGuests: { 101: null } });
    const stop = new AbortController();
    const error = await refusal(
      reboot(
        {},
        { signal: stop.signal, onSaid: (line) => line.includes("waits for VM 101") && stop.abort() },
      ),
    );
    expect(error.exitCode).toBe(130);
    expect(error.message).toContain("it may still come to that: VM 101 (router) shuts down");
    await sh(node.embedded, "qm stop 101");
    expect(node.drain).toContain('"101"');
    expect(await reboot({}, {}, { resume: true })).toContain("everything that was taken from it is back");
    expect(await node.runs("101")).toBe(true);
    expect([node.drain, node.embedded.counters().reboots]).toEqual([null, 0]);
  });

  test("guests stop in their order, a task is waited for, and those that ran are back, once", async () => {
    node.embedded.setSurroundings({ tasks: [{ type: "vzdump", id: "101", looks: 2 }] });
    const configuration = "etc/pve/nodes/pve1/lxc";
    node.write(`${configuration}/200.conf`, "hostname: dns\nonboot: 1\nstartup: order=1\n");
    node.write(`${configuration}/201.conf`, "hostname: web\nstartup: order=2,up=5\n");
    node.write(`${configuration}/202.conf`, "hostname: off\n");
    await sh(node.embedded, "pct start 200 && pct start 201");
    const said: string[] = [];
    expect(await reboot({}, { onSaid: (line) => said.push(line) })).toContain("proven");
    const told = said.filter((line) => /waits: task|shuts down|issued|undone/.test(line));
    expect([...new Set(told)]).toEqual([
      "host: waits: task vzdump 101 runs",
      "host: VM 101 (router) shuts down",
      "host: container 201 (web) shuts down",
      "host: container 200 (dns) shuts down",
      "host: reboot issued, waiting for it to come back",
      "host: undone: container 201 (web) shuts down",
    ]);
    const status = (id: string) => sh(node.embedded, `pct status ${id}`);
    expect(await Promise.all(["200", "201", "202"].map(status))).toEqual([
      expect.stringContaining("running"),
      expect.stringContaining("running"),
      expect.stringContaining("stopped"),
    ]);
    expect(await node.runs("101")).toBe(true);
    expect(node.drain).toBeNull();
    await sh(node.embedded, "pct stop 200; pct stop 201");
  });

  test("high availability moves what it can and stops what it cannot; Ceph does not refill", async () => {
    host = await node.due();
    await sh(node.embedded, "qm set 100 --hostpci0 0000:01:00 && qm start 100");
    node.embedded.setSurroundings({
      nodes: others,
      services: {
        "vm:100": { node: "pve1", requested: "started" },
        "vm:101": { node: "pve1", requested: "started" },
      },
      ceph: { health: "HEALTH_OK", flags: [], daemons: [3], unstoppable: "" },
    });
    const flags: string[] = [];
    const said: string[] = [];
    const words = await reboot(
      {},
      {
        onSaid(line) {
          said.push(line);
          if (line.includes("issued")) flags.push(...(node.embedded.surroundings().ceph?.flags ?? []));
        },
      },
    );
    expect(words).toContain("proven");
    expect(said).toEqual(
      expect.arrayContaining([
        "host: high availability stops vm:100, which cannot move",
        "host: high availability puts pve1 into maintenance and moves vm:101",
        "host: Ceph gets the flag noout",
      ]),
    );
    expect(flags).toEqual(["noout"]);
    const { services, maintenance, ceph } = node.embedded.surroundings();
    expect(services).toMatchObject({
      "vm:100": { node: "pve1", requested: "started" },
      "vm:101": { node: "pve1", requested: "started" },
    });
    expect([maintenance, ceph?.flags]).toEqual([[], []]);
    expect([await node.runs("100"), await node.runs("101"), node.drain]).toEqual([true, true, null]);
    await sh(node.embedded, "qm stop 100");
  });

  test("after a failed proof a guest with devices stays off until the next run proves the host", async () => {
    host = await node.due();
    await sh(node.embedded, "qm start 100");
    node.embedded.setFaults({ nextBoot: { ignoredParameters: ["iommu=pt"] } });
    const error = await refusal(reboot());
    expect(error.message).toContain("rebooted, but does not run what is declared");
    expect(error.message).toContain(
      "not undone, as its devices are not proven: VM 100 (workstation) shuts down",
    );
    expect([await node.runs("100"), await node.runs("101")]).toEqual([false, true]);
    expect(node.drain).toContain('"100"');
    // Somebody mends it.
    await node.embedded.reboot();
    expect(await reboot()).toContain("proven: no reboot needed");
    expect([await node.runs("100"), node.drain]).toEqual([true, null]);
  });
});

describe("a host with libvirt", () => {
  const node = new Rebooting();
  beforeAll(() => node.start("debian-libvirt"));
  afterAll(() => node.stop());
  const state = (name: string) => sh(node.embedded, `virsh domstate '${name}'`);

  test("domains shut down; those that start with the host are left to it", async () => {
    const host = await node.due();
    await sh(node.embedded, "virsh start storage");
    node.embedded.setSurroundings({ slowGuests: { storage: 1 } });
    const said: string[] = [];
    expect(await host.reboot({ preparation: quick }, { onSaid: (line) => said.push(line) })).toContain(
      "proven",
    );
    expect(said.filter((line) => line.includes("undone"))).toEqual([
      "host: undone: domain storage shuts down",
    ]);
    expect(await state("storage")).toContain("running");
    expect(await state("mail & web")).toContain("running");
    expect(node.drain).toBeNull();
  });

  test("one that never stops calls the reboot off, or is powered off where that is asked for", async () => {
    const host = await node.due();
    node.embedded.setSurroundings({ slowGuests: { storage: null } });
    const patience = { ...quick, shutdownTimeout: 1 };
    expect((await refusal(host.reboot({ preparation: patience }))).message).toMatch(
      /still has domain storage after \d+ s\. Stop it by hand, or let it be powered off/,
    );
    expect(await state("storage")).toContain("running");
    expect(await host.reboot({ preparation: { ...patience, unresponsive: "power-off" } })).toContain(
      "proven",
    );
    expect(await state("storage")).toContain("running");
    expect(node.drain).toBeNull();
  });
});
