/** A command line that keeps the host from coming up is tried once: a power cycle finds what booted before. */
import { readFileSync } from "node:fs";
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import { flowing, Rig } from "../support/rig";
import { waitFor } from "../support/waitFor";
import { machine } from "./bench";
import { driverOf } from "./host";

const twin = "0000:01:00.0";
const tag = "cdktf_passthrough.trial=";

describe("a trial boot of a Debian host with GRUB", () => {
  const host = machine({ name: "trial" });
  const rig = new Rig();
  const declare =
    (...kernelParameters: string[]) =>
    (stack: TerraformStack): void => {
      const server = new IommuHost(stack, "server", {
        connection: host.connection,
        trialBoot: true,
        kernelParameters,
      });
      new VfioBinding(stack, "storage", { host: server, devices: { scratch: { address: twin } } });
    };
  const defaults = () =>
    host.sh("sha256sum /boot/grub/grub.cfg /boot/initrd.img-* /etc/default/grub.d/* || true");

  beforeAll(() => host.start());
  afterAll(async () => {
    await host.kill();
    await rig.close();
  });

  test("that hangs: a power cycle finds the old default, and the deploy says what came of it", async () => {
    // The first process of the system waits for words on the console, for ever.
    await rig.stack(declare("init=/bin/cat"));
    const before = await defaults();
    const apply = rig.refusal("apply", "-auto-approve");
    await waitFor(() => readFileSync(host.serialLog, "utf8").includes(tag), 900_000);
    await host.kill();
    await host.start();
    expect(flowing(await apply)).toContain("the trial boot failed: it came up with what booted before");
    expect(await host.sh("cat /proc/cmdline")).not.toMatch(/init=\/bin\/cat|cdktf_passthrough/);
    expect(await host.sh("grub-editenv list")).not.toMatch(/next_entry=./);
    expect(await defaults()).toBe(before);
    expect(flowing((await rig.plan()).text)).toContain("blocked: the trial boot failed");
  });

  test("that is proven becomes the default, which the next boot starts", async () => {
    await rig.stack(declare("iommu=pt"));
    expect(await rig.apply()).toContain("the trial boot is proven and becomes the default");
    expect(await host.sh("cat /proc/cmdline")).toContain(tag);
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    expect(await rig.plan()).toMatchObject({ changes: {} });
    await host.reboot();
    expect(await host.sh("cat /proc/cmdline")).toMatch(/iommu=pt(?!.*cdktf_passthrough)/);
    expect(await driverOf(host, twin)).toBe("vfio-pci");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });
});
