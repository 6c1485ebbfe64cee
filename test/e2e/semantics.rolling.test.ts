/** Two hosts of one stack: one at a time, or side by side where the author says so. */
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughProvider, type PassthroughProviderProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { placeProvider } from "../support/mirror";
import { connect, fileOf, filesOf, Rig } from "../support/rig";

jest.setTimeout(240_000);

const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
const running = (host: EmbeddedHost) => fileOf(host, "proc/cmdline");

function declare(hosts: readonly EmbeddedHost[], props: PassthroughProviderProps, ...parameters: string[]) {
  return (stack: TerraformStack): void => {
    new PassthroughProvider(stack, "cdktf-passthrough", props);
    hosts.forEach(
      (host, at) =>
        new IommuHost(stack, `pve${at + 1}`, {
          connection: connect(host),
          kernelParameters: ["iommu=pt", ...parameters],
        }),
    );
  };
}

describe("two hosts that both must reboot", () => {
  let rig: Rig;
  let first: EmbeddedHost;
  let second: EmbeddedHost;

  beforeAll(async () => {
    rig = new Rig();
    first = await rig.host("proxmox-amd", "first");
    second = await rig.host("proxmox-amd", "second");
    await rig.stack(declare([first, second], {}));
  });
  afterAll(() => rig.close());

  test("the first one's failed proof stops the second, which nothing was written to", async () => {
    const untouched = filesOf(second);
    first.setFaults({ nextBoot: { ignoredParameters: ["iommu=pt"] } });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("pve1 rebooted, but does not run");
    expect(filesOf(second)).toEqual(untouched);
    expect(second.counters().reboots).toBe(0);
  });

  test("no file of the second changes before the first is proven", async () => {
    // Somebody mends the first one meanwhile.
    await first.reboot();
    const told: string[] = [];
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    apply.stdout?.on("data", (chunk: Buffer) => {
      for (const line of chunk.toString().split("\n"))
        if (/proven|issued/.test(line)) told.push(`${line.trim()} ${fileOf(second, dropIn) === null}`);
    });
    expect(await new Promise((resolve) => apply.on("close", resolve))).toBe(0);
    expect(told).toEqual([
      expect.stringMatching(/pve1: proven.* true$/),
      expect.stringMatching(/pve2: reboot issued.* false$/),
      expect.stringMatching(/pve2: proven.* false$/),
    ]);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("a change of both goes through the hosts in their order", async () => {
    await rig.stack(declare([first, second], {}, "nosmt"));
    const output = await rig.apply();
    const at = (words: string) => output.indexOf(words);
    expect(at("pve1: reboot issued")).toBeGreaterThan(0);
    expect(at("pve1: proven")).toBeGreaterThan(at("pve1: reboot issued"));
    expect(at("pve2: reboot issued")).toBeGreaterThan(at("pve1: proven"));
    expect(running(first)).toContain("nosmt");
    expect(running(second)).toContain("nosmt");
  });
});

describe("rolling: false, with null_resource as the event", () => {
  let rig: Rig;
  let first: EmbeddedHost;
  let second: EmbeddedHost;

  beforeAll(async () => {
    rig = new Rig();
    first = await rig.host("proxmox-amd", "first");
    second = await rig.host("proxmox-amd", "second");
    placeProvider(join(rig.folder, "cdktf.out", "stacks", "stack"), {
      entry: join(__dirname, "..", "support", "nullProvider.ts"),
      source: "registry.terraform.io/hashicorp/null",
      version: "3.2.4",
    });
    await rig.stack(declare([first, second], { rolling: false, events: "null_resource" }));
  });
  afterAll(() => rig.close());

  test("the hosts do not wait for each other, and one's failure does not stop the other", async () => {
    const { changes } = await rig.plan();
    expect(Object.keys(changes).filter((address) => address.startsWith("null_resource."))).toHaveLength(2);

    first.setFaults({ nextBoot: { ignoredParameters: ["iommu=pt"] } });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("pve1 rebooted, but does not run");
    expect(running(second)).toContain("iommu=pt");
    expect(second.counters().reboots).toBe(1);
  });

  test("the null_resource is replaced only when a reboot becomes due", async () => {
    await first.reboot();
    await rig.apply();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });

    // Live by itself: nothing to reboot for, so nothing to replace.
    await rig.stack((stack) => {
      declare([first, second], { rolling: false, events: "null_resource" })(stack);
      (stack.node.findChild("pve1") as IommuHost).addOverride("modules", ["msr"]);
    });
    expect(Object.keys((await rig.plan()).changes)).toEqual(["passthrough_iommu_host.pve1"]);

    await rig.stack(declare([first, second], { rolling: false, events: "null_resource" }, "nosmt"));
    first.resetCounters();
    const { changes } = await rig.plan();
    expect(Object.values(changes).map(({ actions }) => actions.join("+"))).toEqual(
      expect.arrayContaining(["update", "delete+create"]),
    );
    await rig.apply();
    expect(first.counters().reboots).toBe(1);
    expect(running(first)).toContain("nosmt");
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });
});
