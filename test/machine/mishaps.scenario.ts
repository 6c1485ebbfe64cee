/** What goes wrong on real hardware: the power fails in the middle of a change, a new card renumbers the buses. */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import { flowing, Rig } from "../support/rig";
import { finished } from "../support/terraform";
import { waitFor } from "../support/waitFor";
import { machine } from "./bench";
import { driverOf } from "./host";
import { nvme, rootPort } from "./topology";

const twin = "0000:01:00.0";
const otherTwin = "0000:02:00.0";

describe("a Debian host in bad days", () => {
  const host = machine({ name: "mishaps" });
  const rig = new Rig();
  const journal = () => host.sh("cat /var/lib/cdktf-passthrough/journal.log 2>/dev/null || true");

  beforeAll(async () => {
    await host.start();
    await rig.stack((stack: TerraformStack) => {
      const server = new IommuHost(stack, "server", { connection: host.connection });
      new VfioBinding(stack, "storage", { host: server, devices: { scratch: { address: twin } } });
    });
  });
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("the power fails while the initramfs is made: the host still boots, as it was", async () => {
    const apply = rig.refusal("apply", "-auto-approve");
    await waitFor(async () => (await journal()).includes("run update-initramfs"), 600_000);
    await host.kill();
    expect(await apply).toContain("Error");
    await host.start();
    expect(await host.sh("cat /proc/cmdline")).not.toContain("intel_iommu=on");
    expect(await driverOf(host, twin)).toBe("nvme");
    expect(await host.sh("cat /var/lib/cdktf-passthrough/pending")).toContain("update-initramfs");
  });

  test("it fails again once the reboot is ordered, and whoever deploys gives up: the next plan tells what is there", async () => {
    const apply = rig.tf.start(["apply", "-auto-approve", "-no-color"]);
    const ended = finished(apply);
    let said = "";
    apply.stdout?.on("data", (words) => (said += String(words)));
    await waitFor(() => said.includes("reboot issued") || apply.exitCode !== null, 600_000);
    await host.kill();
    process.kill(-(apply.pid ?? 0), "SIGINT");
    const { code, stdout, stderr } = await ended;
    expect(code).toBe(1);
    expect(flowing(stdout + stderr)).toContain("The next deploy proves it");
    await host.start();
    // Everything had reached the disk before the order was given.
    expect(await host.sh("cat /proc/cmdline")).toContain("intel_iommu=on");
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    const { changes } = await rig.plan();
    expect(changes).not.toHaveProperty("passthrough_iommu_host.server");
    expect(changes["passthrough_vfio_binding.storage"]?.actions).toEqual(["create"]);
  });

  test("the next deploy finishes what was begun, and proves it without another reboot", async () => {
    const boot = await host.bootId();
    expect(await rig.apply()).toContain("proven: no reboot needed");
    expect(await host.bootId()).toBe(boot);
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    expect(await driverOf(host, otherTwin)).toBe("nvme");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("a new card renumbers the buses: the card that was meant is held, not what stands at its address", async () => {
    await host.powerOff();
    // Of the same kind, on a root port before the others: every bus number behind it moves.
    const newcomer = host.disk("newcomer");
    await host.start([...rootPort(9, 0xf), ...nvme("newcomer", newcomer, "bus=port9")]);
    expect(await host.sh(`cat /sys/bus/pci/devices/${twin}/nvme/nvme*/serial`)).toBe("newcomer");
    expect(await host.sh(`cat /sys/bus/pci/devices/0000:03:00.0/nvme/nvme*/serial`)).toBe("twin-b");
    expect(await driverOf(host, otherTwin)).toBe("vfio-pci");
    expect(await host.sh("dmesg")).toContain(`cdktf-passthrough: ${otherTwin} is held by vfio-pci`);
    const { changes, text } = await rig.plan();
    expect(flowing(text)).toContain(`its card stands at ${otherTwin} now`);
    expect(Object.keys(changes)).toContain("passthrough_vfio_binding.storage");
  });
});
