/** What may stop a reboot, in which order hosts go, and what leaves a node meanwhile: through Terraform's own event. */
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, RebootGroup, VfioBinding, type IommuHostProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { sh } from "../support/byHand";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const running = (host: EmbeddedHost) => fileOf(host, "proc/cmdline");
const drained = (host: EmbeddedHost) => fileOf(host, "var/lib/cdktf-passthrough/drain.json");

describe("a host that would not come back by itself", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  const lost = "UUID=4f7d2c10-aaaa-bbbb-cccc-0123456789ab /data ext4 defaults 0 2\n";
  const define =
    (props: Partial<IommuHostProps> = {}) =>
    (stack: TerraformStack): void => {
      new IommuHost(stack, "deb1", { connection: connect(host), kernelParameters: ["iommu=pt"], ...props });
    };
  const fstab = () => join(host.root, "etc/fstab");
  const breakFstab = () => appendFileSync(fstab(), lost);
  const mendFstab = () => writeFileSync(fstab(), readFileSync(fstab(), "utf8").replace(lost, ""));
  const title = "deb1 needs a reboot, and nobody could count on what comes after it";
  const hazard = /\/etc\/fstab wants UUID=4f7d2c10\S* for \/data, without nofail/;

  beforeAll(async () => {
    host = await rig.host("debian-plain");
    await rig.stack(define());
  });
  afterAll(() => rig.close());

  test("the plan refuses its reboot before anything is written; one that is ordered by hand it warns of", async () => {
    const before = filesOf(host);
    await rig.plan();
    breakFstab();
    const refusal = await rig.refusal("plan");
    expect(refusal).toContain(`Error: ${title}`);
    expect(refusal).toMatch(hazard);

    await rig.stack(define({ reboot: "manual" }));
    const words = flowing((await rig.plan()).text);
    expect(words).toContain(`Warning: ${title}`);
    expect(words).toMatch(hazard);
    mendFstab();
    expect(filesOf(host)).toEqual(before);
  });

  test("what came after the plan stops the event itself; mended, the next deploy goes on", async () => {
    await rig.stack(define());
    await rig.plan();
    breakFstab();
    const { code, stdout, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(`${stdout} ${stderr}`)).toMatch(hazard);
    expect(host.counters().reboots).toBe(0);

    mendFstab();
    await rig.apply();
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

describe("hosts of a RebootGroup", () => {
  const rig = new Rig();
  const hosts: Record<string, EmbeddedHost> = {};
  const at = (name: string) => hosts[name] as EmbeddedHost;
  /** Seconds that only the host which stays away gets. */
  const define =
    (patience?: number) =>
    (stack: TerraformStack): void => {
      const rack = new RebootGroup(stack, "rack");
      const pair = new RebootGroup(stack, "pair", { maxUnavailable: 2 });
      const groups = { rack1: rack, rack2: rack, pair1: pair };
      for (const [name, rebootGroup] of Object.entries(groups)) {
        new IommuHost(stack, name, {
          connection: connect(at(name)),
          kernelParameters: ["iommu=pt"],
          rebootGroup,
          rebootTimeout: name === "rack1" && patience !== undefined ? patience / 60 : 20,
        });
      }
    };

  beforeAll(async () => {
    for (const name of ["rack1", "rack2", "pair1"]) hosts[name] = await rig.host("debian-plain", name);
    await rig.stack(define(3));
  });
  afterAll(() => rig.close());

  test("the first that does not come back stops those behind it, and no other group", async () => {
    const untouched = filesOf(at("rack2"));
    at("rack1").setFaults({ nextBoot: { never: true } });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("rack1 did not come back within 3 s");
    expect(filesOf(at("rack2"))).toEqual(untouched);
    expect(at("rack2").counters().reboots).toBe(0);
    expect(running(at("pair1"))).toContain("iommu=pt");
  });

  test("once somebody brought it back, the others go, and it does not reboot again", async () => {
    await at("rack1").powerCut();
    await rig.stack(define());
    const output = await rig.apply();
    expect(output.indexOf("rack2: reboot issued")).toBeGreaterThan(output.indexOf("rack1: proven"));
    expect(output).not.toContain("rack1: reboot issued");
    expect(running(at("rack2"))).toContain("iommu=pt");
    expect(at("pair1").counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

describe("a node whose guests move meanwhile", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  const define =
    (...parameters: string[]) =>
    (stack: TerraformStack): void => {
      const pve1 = new IommuHost(stack, "pve1", {
        connection: connect(host),
        kernelParameters: ["iommu=pt", ...parameters],
        beforeReboot: { migrateTo: "pve2" },
      });
      const cards = new VfioBinding(stack, "cards", {
        host: pve1,
        devices: { gpu: { address: "0000:01:00" } },
      });
      new PassthroughVm(stack, "gaming", {
        on: Proxmox.vm(pve1, 100),
        pci: { hostpci0: { device: cards.device("gpu"), pcie: true } },
      });
    };
  const status = (id: string) => sh(host, `qm status ${id}`);

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    host.setSurroundings({
      nodes: [
        { name: "pve2", online: true },
        { name: "pve3", online: true },
      ],
    });
    await rig.stack(define());
    await rig.apply();
    await sh(host, "qm start 100");
  });
  afterAll(() => rig.close());

  test("one without devices of the host moves and comes back; one with them shuts down and starts", async () => {
    await rig.stack(define("nosmt"));
    const { text } = await rig.plan();
    expect(flowing(text)).toMatch(/With devices of the host, so that they cannot move: VM 100/);
    const { code, stdout } = await rig.applyPlan();
    expect(code).toBe(0);
    const told = [...stdout.matchAll(/pve1: (?:undone: )?(?:VM|reboot issued|proven)[^\n]*/g)].map(
      ([line]) => line,
    );
    const order = [
      /^pve1: VM 10[01] .*(moves to pve2|shuts down)/,
      /^pve1: VM 10[01] .*(moves to pve2|shuts down)/,
      /^pve1: reboot issued/,
    ];
    expect(told.slice(0, 3)).toEqual(order.map((words) => expect.stringMatching(words)));
    expect(told).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^pve1: VM 101 \(router\) moves to pve2/),
        expect.stringMatching(/^pve1: VM 100 .*shuts down/),
        expect.stringMatching(/^pve1: undone: VM 101 \(router\) moves to pve2/),
      ]),
    );
    expect(running(host)).toContain("nosmt");
    expect([await status("100"), await status("101")]).toEqual([
      expect.stringContaining("running"),
      expect.stringContaining("running"),
    ]);
    expect(drained(host)).toBeNull();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a node that is away calls the reboot off: nothing moves, and nothing stays noted", async () => {
    await rig.stack(define("nosmt", "nosoftlockup"));
    await rig.plan();
    host.setSurroundings({
      nodes: [
        { name: "pve2", online: false },
        { name: "pve3", online: true },
      ],
    });
    const reboots = host.counters().reboots;
    const { code, stdout, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(`${stdout} ${stderr}`)).toMatch(/pve2 of the cluster is offline/);
    expect(host.counters().reboots).toBe(reboots);
    expect(await status("101")).toContain("running");
    expect(drained(host)).toBeNull();
  });
});
