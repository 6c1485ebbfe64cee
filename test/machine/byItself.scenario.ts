/** Debian's kernel turns Intel's IOMMU on unless it is told not to: then nothing has to boot. */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import { Rig } from "../support/rig";
import { machine } from "./bench";
import { driverOf } from "./host";
import { probed } from "./mainJob";
import { expectRecorded } from "./recording";

const twin = "0000:01:00.0";
const otherTwin = "0000:02:00.0";

describe("a Debian host whose kernel turned the IOMMU on by itself", () => {
  const host = machine({ name: "by-itself", directly: "" });
  const rig = new Rig();

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

  test("to the probe it looks as it was recorded for the tests without it", async () => {
    await expectRecorded("debian", host, await probed(host));
  });

  test("a deploy binds without a reboot, and writes down what the next kernel may need", async () => {
    const boot = await host.bootId();
    const output = await rig.apply();
    expect(output).toContain("no reboot needed");
    expect(await host.bootId()).toBe(boot);
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    expect(await driverOf(host, otherTwin)).toBe("nvme");
    expect(await host.sh("cat /etc/default/grub.d/zz-cdktf-passthrough.cfg")).toContain("intel_iommu=on");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });
});
