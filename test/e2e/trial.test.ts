/** What a reboot is due for is tried once; only what is proven becomes the default. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TerraformStack } from "cdktf";
import { IommuHost, VfioBinding, type IommuHostProps } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, fileOf, filesOf, flowing, Rig } from "../support/rig";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const plain = "passthrough_iommu_host.plain";
const dropIn = "/etc/default/grub.d/zz-cdktf-passthrough.cfg";
const custom = "/boot/grub/custom.cfg";
const tag = "cdktf_passthrough.trial=";

function declare(
  host: EmbeddedHost,
  props: Partial<IommuHostProps>,
  address = "0000:01:00",
  allowCritical?: string[],
) {
  return (stack: TerraformStack): void => {
    const plain = new IommuHost(stack, "plain", {
      connection: connect(host),
      trialBoot: true,
      ...props,
    });
    new VfioBinding(stack, "card", { host: plain, devices: { card: { address } }, allowCritical });
  };
}

const commandLine = (host: EmbeddedHost): string => fileOf(host, "/proc/cmdline") ?? "";
const chosen = (host: EmbeddedHost): string =>
  /^next_entry=(.*)$/m.exec(fileOf(host, "/boot/grub/grubenv") ?? "")?.[1] ?? "";

/** What the host boots by default, and what that is made of. */
const defaults = (host: EmbeddedHost): Record<string, string> =>
  Object.fromEntries(
    Object.entries(filesOf(host)).filter(
      ([path]) =>
        !/^boot\/(grub\/(custom\.cfg|grubenv)|cdktf-passthrough\/)|^etc\/cdktf-passthrough\/trial\//.test(
          path,
        ),
    ),
  );

describe("a trial boot", () => {
  let rig: Rig;
  let host: EmbeddedHost;
  const good = {
    kernelParameters: ["iommu=pt"],
    blacklist: ["nouveau"],
    modprobeOptions: { kvm: "ignore_msrs=1" },
  };

  beforeAll(async () => {
    rig = new Rig();
    host = await rig.host("debian-plain");
    await rig.stack(declare(host, good));
  });
  beforeEach(() => host.resetCounters());
  afterAll(() => rig.close());

  test("is planned as an entry of its own, and leaves the default alone", async () => {
    const { text, changes } = await rig.plan();
    const files = changes[plain]?.after?.["files"] as Record<string, string>;
    expect(Object.keys(files)).not.toContain(dropIn);
    expect(files[custom]).toMatch(
      /linux\t\/boot\/vmlinuz-\S+ root=\S+ ro quiet intel_iommu=on iommu=pt panic=30 /,
    );
    expect(files[custom]).toContain(tag);
    expect(flowing(text)).toContain("A boot that hangs needs a power cycle");
  });

  test("is made the default once it is proven, by one reboot", async () => {
    const output = await rig.apply();
    expect(output).toContain("the trial boot is proven and becomes the default");
    expect(host.counters().reboots).toBe(1);
    expect(commandLine(host)).toContain(tag);
    expect(fileOf(host, dropIn)).toContain("iommu=pt");
    for (const path of [custom, "/boot/cdktf-passthrough/trial.img", "/etc/cdktf-passthrough/trial/devices"])
      expect(fileOf(host, path)).toBeNull();
    expect(chosen(host)).toBe("");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("which is what the next boot starts", async () => {
    await host.reboot();
    expect(commandLine(host)).toContain("iommu=pt");
    expect(commandLine(host)).not.toContain(tag);
    expect(fileOf(host, "/sys/module/kvm/parameters/ignore_msrs")?.trim()).toBe("Y");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("that hangs ends with a power cycle in what booted before", async () => {
    const before = defaults(host);
    host.setFaults({ hangsWith: ["pci=nocrs"] });
    await rig.stack(declare(host, { ...good, kernelParameters: ["iommu=pt", "pci=nocrs"] }));
    const apply = rig.refusal("apply", "-auto-approve");
    await waitFor(() => host.console().includes("the kernel hangs (pci=nocrs)"));
    await host.powerCut();
    const words = await apply;
    expect(words).toContain(
      "the trial boot failed: it came up with what booted before, which is still the default",
    );
    expect(commandLine(host)).not.toContain("pci=nocrs");
    expect(commandLine(host)).toContain("iommu=pt");
    expect(defaults(host)).toEqual(before);
    expect(chosen(host)).toBe("");
  });

  test("is not repeated for the same declaration, and the plan says so", async () => {
    const { text, changes } = await rig.plan();
    expect(flowing(text)).toContain(
      "blocked: the trial boot failed, and what booted before is still the default: the running kernel lacks pci=nocrs",
    );
    expect(Object.keys(changes)).toEqual([expect.stringContaining("terraform_data.")]);
    expect(await rig.refusal("apply", "-auto-approve")).toContain("plain is not rebooted: blocked");
    expect(host.counters().reboots).toBe(0);
  });

  test("ends where the declaration goes back: nothing has to boot", async () => {
    await rig.stack(declare(host, good));
    await rig.apply();
    expect(host.counters().reboots).toBe(0);
    expect(fileOf(host, custom)).toBeNull();
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("that the event did not see to its end is made the default by the next deploy", async () => {
    host.clearFaults();
    await rig.stack(declare(host, { ...good, kernelParameters: ["iommu=pt", "pci=noaer"] }));
    host.setFaults({ programs: [{ program: "update-grub", effect: { kind: "fail", message: "no" } }] });
    expect(await rig.refusal("apply", "-auto-approve")).toContain("Deploy again: that finishes it");
    await rig.apply();
    expect(host.counters().reboots).toBe(1);
    expect(fileOf(host, dropIn)).toContain("pci=noaer");
    expect(await rig.plan()).toMatchObject({ changes: {} });
  });

  test("is taken away by a destroy", async () => {
    await rig.stack(declare(host, { ...good, kernelParameters: ["pci=nommconf"], reboot: "manual" }));
    await rig.apply();
    expect(fileOf(host, custom)).toContain("pci=nommconf");
    await rig.destroy();
    for (const path of [custom, dropIn, "/boot/cdktf-passthrough/trial.img", "/etc/cdktf-passthrough"])
      expect(fileOf(host, path)).toBeNull();
  });
});

describe("an initramfs that takes the root disk's controller", () => {
  const rig = new Rig();
  afterAll(() => rig.close());

  test("starts the machine anew by itself, into what booted before", async () => {
    const host = await rig.host("debian-plain");
    // What stands in fstab without nofail could not be allowed at all.
    writeFileSync(join(host.root, "etc/fstab"), "");
    const before = defaults(host);
    const root = "0000:00:17.0";
    await rig.stack(declare(host, { kernelParameters: ["iommu=pt"] }, root, [root]));
    const words = await rig.refusal("apply", "-auto-approve");
    expect(words).toContain("the trial boot failed");
    expect(host.console()).toContain("Rebooting automatically due to panic=");
    expect(defaults(host)).toEqual(before);
  });
});
