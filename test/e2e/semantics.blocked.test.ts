/** A reboot that did not help is not repeated; one whose terminal was lost is proven, not repeated. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { TerraformStack } from "cdktf";
import { IommuHost } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, flowing, Rig } from "../support/rig";
import { finished } from "../support/terraform";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const pve1 = "passthrough_iommu_host.pve1";

function declare(host: EmbeddedHost, ...parameters: string[]) {
  return (stack: TerraformStack): void => {
    new IommuHost(stack, "pve1", {
      connection: connect(host),
      kernelParameters: ["iommu=pt", ...parameters],
    });
  };
}

describe("a kernel that ignores a parameter", () => {
  let rig: Rig;
  let host: EmbeddedHost;

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await rig.stack(declare(host));
  });
  beforeEach(() => host.resetCounters());
  afterAll(() => rig.close());

  test("fails the proof after one reboot, with the diagnosis", async () => {
    host.setFaults({ nextBoot: { ignoredParameters: ["iommu=pt"] } });
    const words = await rig.refusal("apply", "-auto-approve");
    expect(host.counters().reboots).toBe(1);
    expect(words).toMatch(
      /pve1 rebooted, but does not run what is declared: - the running kernel lacks iommu=pt/,
    );
    expect(words).toContain("Running command line:");
    expect(words).toContain("It will not be rebooted again for this declaration.");
  });

  test("the next plan says that it is blocked, and the next apply does not reboot again", async () => {
    const { text, changes } = await rig.plan();
    expect(flowing(text)).toMatch(/pve1 is not as declared .*blocked: still so after the reboot for it/);
    expect(Object.keys(changes)).toEqual([expect.stringContaining("terraform_data.")]);

    const words = await rig.refusal("apply", "-auto-approve");
    expect(words).toContain("pve1 is not rebooted: blocked: still so after the reboot for it");
    expect((await rig.tf.resources())[pve1]?.values).toMatchObject({
      reboot_required: false,
      reboot_reason: expect.stringContaining("blocked: "),
    });
    expect(host.counters().reboots).toBe(0);
  });

  test("the boots of somebody else do not lift the block while the parameter is missing", async () => {
    await host.reboot({ ignoredParameters: ["iommu=pt"] });
    host.resetCounters();
    expect(await rig.refusal("apply", "-auto-approve")).toContain("blocked");
    expect(host.counters().reboots).toBe(0);
  });

  test("a destroy of a host that is not as declared is planned, with what stays until the next boot", async () => {
    const { text, changes } = await rig.plan("-destroy");
    expect(changes[pve1]?.actions).toEqual(["delete"]);
    expect(flowing(text)).toContain("pve1 keeps its running kernel");
    expect(flowing(text)).toContain("Destroy never reboots.");
  });

  test("another declaration may reboot, and lifts the block", async () => {
    await rig.stack(declare(host, "nosmt"));
    expect((await rig.plan()).changes[pve1]?.after).toMatchObject({ reboot_required: true });
    await rig.apply();
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

describe("a reboot whose terminal was lost", () => {
  let rig: Rig;
  let host: EmbeddedHost;

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("proxmox-amd");
    await rig.stack(declare(host));
  });
  afterAll(() => rig.close());

  test("is proven by the next apply, which does not reboot again", async () => {
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    let output = "";
    apply.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const ended = finished(apply);
    await waitFor(() => output.includes("reboot issued"));
    for (const id of rebootCommands(rig.folder)) process.kill(id, "SIGKILL");
    expect((await ended).code).toBe(1);
    expect(host.counters().reboots).toBeLessThanOrEqual(1);
    await waitFor(() => host.counters().reboots === 1 && host.isUp());

    const { changes } = await rig.plan();
    expect(changes[pve1]).toBeUndefined();
    expect(await rig.apply()).toContain("proven: no reboot needed");
    expect(host.counters().reboots).toBe(1);
    expect(fileOf(host, "var/lib/cdktf-passthrough/record.json")).toContain('"attempt": null');
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("is asked for once, also where the answer to the reboot is lost", async () => {
    await rig.stack(declare(host, "nosmt"));
    host.resetCounters();
    host.setFaults({
      programs: [{ program: "systemctl", arguments: "reboot", effect: { kind: "disconnect" } }],
    });
    const { code, stdout, stderr } = await rig.tf.run(["apply", "-auto-approve", "-no-color"]);
    await waitFor(() => host.counters().reboots === 1 && host.isUp());
    if (code !== 0) {
      expect(flowing(stdout + stderr)).toMatch(/reboot/);
      await rig.apply();
    }
    expect(host.counters().reboots).toBe(1);
    expect(fileOf(host, "proc/cmdline")).toContain("nosmt");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});

/** The processes that run `passthrough reboot` of a rig's stack. */
function rebootCommands(folder: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((id) => {
      try {
        const words = readFileSync(`/proc/${id}/cmdline`, "utf8").split("\0");
        const inRig = readlinkSync(`/proc/${id}/cwd`).startsWith(folder);
        return words[0]?.endsWith("node") === true && words.includes("reboot") && inRig;
      } catch {
        return false;
      }
    });
}
