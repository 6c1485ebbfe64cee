/** A trial boot by systemd-boot: an entry and an image of its own on the ESP, started once by a firmware variable. */
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const entry = "/boot/efi/loader/entries/cdktf-passthrough-trial.conf";
const image = "/boot/efi/cdktf-passthrough/trial.img";
const oneShot = "/sys/firmware/efi/efivars/LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f";
const tag = "cdktf_passthrough.trial=";

const declare =
  (host: EmbeddedHost, ...kernelParameters: string[]) =>
  (stack: TerraformStack): void => {
    const server = new IommuHost(stack, "server", {
      connection: connect(host),
      trialBoot: true,
      kernelParameters,
    });
    new VfioBinding(stack, "card", { host: server, devices: { card: { address: "0000:01:00" } } });
  };

/** What the host boots by default, and what that is made of. */
const defaults = (host: EmbeddedHost): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filesOf(host)).filter(([path]) => !/passthrough[/-]trial|cdktf-passthrough\//.test(path)),
  );

describe("a trial boot by systemd-boot", () => {
  const rig = new Rig();
  let host: EmbeddedHost;
  const commandLine = () => fileOf(host, "/proc/cmdline") ?? "";
  const leavesNothing = () => {
    for (const path of [entry, image, oneShot, "/etc/cdktf-passthrough/trial/devices"])
      expect(fileOf(host, path)).toBeNull();
  };

  beforeAll(async () => {
    host = await rig.host("debian-systemd-boot");
  });
  afterAll(() => rig.close());

  test("that hangs ends with a power cycle in what booted before, of which no byte changed", async () => {
    const before = defaults(host);
    const running = commandLine();
    host.setFaults({ hangsWith: ["pci=nocrs"] });
    await rig.stack(declare(host, "pci=nocrs"));
    const apply = rig.refusal("apply", "-auto-approve");
    await waitFor(() => host.console().includes("the kernel hangs (pci=nocrs)"));
    expect(commandLine()).toContain("initrd=\\cdktf-passthrough\\trial.img ");
    await host.powerCut();
    expect(await apply).toContain("the trial boot failed: it came up with what booted before");
    expect(commandLine()).toBe(running);
    expect(defaults(host)).toEqual(before);
    expect(fileOf(host, oneShot)).toBeNull();
    expect(fileOf(host, entry)).toContain("pci=nocrs");
  });

  test("is made the default once it is proven, and leaves nothing on the ESP", async () => {
    host.resetCounters();
    await rig.stack(declare(host, "iommu=pt"));
    const { text } = await rig.plan();
    expect(flowing(text)).toContain(`until the trial boot (${entry}) is proven`);
    expect(await rig.apply()).toContain("the trial boot is proven and becomes the default");
    expect(host.counters().reboots).toBe(1);
    expect(commandLine()).toContain(tag);
    expect(fileOf(host, "/etc/kernel/cmdline")).toContain("intel_iommu=on iommu=pt");
    leavesNothing();
    expect(await rig.plan()).toMatchObject({ changes: {} });
    await host.reboot();
    expect(commandLine()).toMatch(/intel_iommu=on iommu=pt/);
    expect(commandLine()).not.toContain(tag);
  });

  test("is not begun where the firmware keeps no choice, and a destroy takes it away", async () => {
    host.setFaults({ programs: [{ program: "bootctl", effect: { kind: "fail", message: "", code: 0 } }] });
    await rig.stack(declare(host, "pci=noaer"));
    expect(flowing(await rig.refusal("apply", "-auto-approve"))).toContain("LoaderEntryOneShot is not there");
    expect(fileOf(host, entry)).not.toBeNull();
    await rig.destroy();
    leavesNothing();
  });
});
