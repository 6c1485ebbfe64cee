/** `reboot: "manual"`: the deploy says that a reboot is due, and never reboots. */
import type { TerraformStack } from "cdktf";
import { IommuHost, PassthroughVm, Proxmox, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { parsePlan } from "../../lib/review/plan";
import { review } from "../../lib/review/review";
import { sh } from "../support/byHand";
import { connect, fileOf, flowing, Rig } from "../support/rig";

jest.setTimeout(240_000);

const pve1 = "passthrough_iommu_host.pve1";

describe("a host whose reboots are manual", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  const record = () =>
    JSON.parse(fileOf(host, "var/lib/cdktf-passthrough/record.json") ?? "{}") as {
      proven: { digest: string } | null;
      digest: string;
      otherImagesPending: boolean;
    };

  function define(stack: TerraformStack): void {
    const pve1 = new IommuHost(stack, "pve1", {
      connection: connect(host),
      kernelParameters: ["iommu=pt"],
      reboot: "manual",
      beforeReboot: { shutdownTimeout: 60, despite: ["nodes"] },
    });
    const gpu = new VfioBinding(stack, "gpu", { host: pve1, devices: { card: { address: "0000:01:00" } } });
    new PassthroughVm(stack, "vm", {
      on: Proxmox.vm(pve1, 100),
      pci: { hostpci0: { device: gpu.device("card"), pcie: true } },
    });
  }

  beforeAll(async () => {
    host = await rig.host("proxmox-amd");
    await rig.stack(define);
  });
  afterAll(() => rig.close());

  test("the plan warns with the command that orders it; the review counts no reboot", async () => {
    const { text } = await rig.plan();
    const words = flowing(text);
    expect(words).toContain("A reboot of pve1 is due, and waits for you");
    expect(words).toContain(`npx passthrough reboot root@127.0.0.1 --port ${host.port} --identity`);
    expect(words).toMatch(/--host-key '[^']*' --shutdown-timeout 60 --despite nodes`, then deploy again/);
    const json = await rig.tf.succeed("show", "-json", `${rig.folder}/plan`);
    const { hosts, summary, verdict } = review([parsePlan("plan", json, null)]);
    expect(summary).toMatchObject({ reboots: 0, possibleReboots: 0, guestsStopping: 0 });
    expect(hosts[0]?.reboot).toMatchObject({ required: false, waits: true, wave: null });
    expect(verdict).toContain("1 host waits for a reboot by hand");
  });

  test("the apply writes, proves nothing, and what needs the boot says that it waits", async () => {
    const { code, stdout, stderr } = await rig.applyPlan();
    expect(code).toBe(1);
    expect(flowing(stdout)).toContain("pve1: a reboot is due: the running kernel lacks iommu=pt");
    expect(flowing(stdout)).toContain("It is not proven, and was not rebooted");
    expect(flowing(stdout)).toContain("--shutdown-timeout 60 --despite nodes`");
    expect(flowing(stderr)).toContain("it waits for the host to boot with its declared parameters");
    expect(host.counters().reboots).toBe(0);
    expect(record()).toMatchObject({ proven: null, otherImagesPending: true });
    expect(await sh(host, "qm config 100")).not.toContain("hostpci0");
  });

  test("after somebody's own reboot the next deploy proves the host and goes on", async () => {
    await host.reboot();
    const { changes } = await rig.plan();
    expect(Object.keys(changes)).toEqual(
      expect.arrayContaining([expect.stringContaining("terraform_data."), "passthrough_vfio_binding.gpu"]),
    );
    const { code, stdout, stderr } = await rig.applyPlan();
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout).toContain("pve1: proven: no reboot needed");
    expect(record()).toMatchObject({ proven: { digest: record().digest }, otherImagesPending: false });
    expect(await sh(host, "qm config 100")).toMatch(/^hostpci0: .*01:00/m);
    expect(host.counters().reboots).toBe(1);
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
  });

  test("the switch to automatic and back touches nothing", async () => {
    await rig.stack((stack) => {
      define(stack);
      (stack.node.findChild("pve1") as IommuHost).addOverride("reboot", "automatic");
    });
    expect(Object.keys((await rig.plan()).changes)).toEqual([pve1]);
    await rig.apply();
    expect(await rig.tf.plan()).toMatchObject({ changes: false });
    expect(host.counters().reboots).toBe(1);
  });
});
