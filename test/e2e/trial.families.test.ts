/**
 * Trial boots with dracut, and with GRUB's entry files: what hangs, what is proven, and nothing left of either. The probe,
 * the decisions, the change script and the reboot command are the real ones; only Terraform is left out.
 */
import { writeFileSync } from "node:fs";
import type { EmbeddedHost } from "../../lib/embedded";
import { profiles } from "../../lib/embedded/profiles";
import type { Profile } from "../../lib/embedded/profiles/types";
import { hosts } from "../embedded/hosts";
import { BareHost } from "../support/bareHost";
import { bootDeclaration } from "../support/declaration";
import { fileOf, filesOf } from "../support/rig";
import { waitFor } from "../support/waitFor";

jest.setTimeout(240_000);

const start = hosts();
const card = "0000:01:00.0";
const tag = "cdktf_passthrough.trial=";
const trialFiles = /passthrough[/-]trial/;
const ownFolder = /^(var\/lib|etc|boot)\/cdktf-passthrough\//;

const profile = (name: string): Profile => {
  const found = profiles[name];
  if (found === undefined) throw new Error(`There is no profile ${name}`);
  return found;
};

/** With /boot on a partition of its own, as Fedora's installer makes it. */
const separateBoot = (of: Profile): Profile => ({
  ...of,
  mounts: `${of.mounts}46 30 8:2 / /boot rw,relatime shared:25 - ext4 /dev/sda2 rw\n`,
});

const fedora = separateBoot(profile("fedora"));
const alma = separateBoot(profile("alma8-kernelopts"));

/** The installer made the newest kernel's entry the default. */
const saved = (of: Profile, machineId: string) => `saved_entry=${machineId}-${of.kernels.at(-1) ?? ""}`;

interface Family {
  readonly name: string;
  readonly profile: Profile;
  readonly loader: string;
  /** Where GRUB keeps the choice for one boot. */
  readonly environment: string;
}

const families: readonly Family[] = [
  {
    name: "GRUB with update-grub, dracut",
    profile: { ...profile("debian-plain"), initramfs: "dracut" },
    loader: "grub",
    environment: "/boot/grub/grubenv",
  },
  {
    name: "GRUB with entry files, dracut",
    profile: fedora,
    loader: "grub-bls",
    environment: "/boot/grub2/grubenv",
  },
  {
    name: "GRUB with entry files that take kernelopts, dracut",
    profile: alma,
    loader: "grub-bls",
    environment: "/boot/grub2/grubenv",
  },
];

describe.each(families)("$name", ({ profile: of, loader, environment }) => {
  let embedded: EmbeddedHost;
  const commandLine = () => fileOf(embedded, "/proc/cmdline") ?? "";
  const chosen = () => /^next_entry=(.+)$/m.exec(fileOf(embedded, environment) ?? "")?.[1] ?? "";
  const defaults = () =>
    Object.fromEntries(
      Object.entries(filesOf(embedded)).filter(
        ([path]) => !trialFiles.test(path) && !ownFolder.test(path) && !/grub(env|\/custom\.cfg)$/.test(path),
      ),
    );
  const declared = (...kernelParameters: string[]) =>
    new BareHost(
      embedded,
      bootDeclaration({
        trialBoot: true,
        kernelParameters,
        modprobeOptions: { kvm: "ignore_msrs=1" },
        modules: ["nvme"],
        devices: { "card/card": { address: card } },
      }),
    );
  const driver = () => fileOf(embedded, `/sys/bus/pci/drivers/vfio-pci/${card}/vendor`);

  beforeAll(async () => {
    embedded = await start({ profile: of });
    if (loader !== "grub-bls") return;
    const machineId = fileOf(embedded, "/etc/machine-id")?.trim() ?? "";
    const block = (fileOf(embedded, environment) ?? "").replace("\n", `\n${saved(of, machineId)}\n`);
    writeFileSync(`${embedded.root}${environment}`, block.slice(0, 1024));
  });

  test("what hangs ends with a power cycle in what booted before", async () => {
    const before = defaults();
    const running = commandLine();
    const host = declared("pci=nocrs");
    expect((await host.look()).decision.platform.bootLoader).toBe(loader);
    await host.configure();
    embedded.setFaults({ hangsWith: ["pci=nocrs"] });
    const rebooted = host.reboot().catch((error: unknown) => String(error));
    await waitFor(() => embedded.console().includes("the kernel hangs (pci=nocrs)"));
    await embedded.powerCut();
    expect(await rebooted).toContain("the trial boot failed");
    expect(commandLine()).toBe(running);
    expect(chosen()).toBe("");
    expect(defaults()).toEqual(before);
  });

  test("what is proven becomes the default, and nothing is left of the trial", async () => {
    const host = declared("iommu=pt");
    await host.configure();
    expect(await host.reboot()).toContain("proven");
    expect(commandLine()).toContain(tag);
    expect(driver()).not.toBeNull();
    expect(fileOf(embedded, "/sys/module/kvm/parameters/ignore_msrs")?.trim()).toBe("Y");
    expect(Object.keys(filesOf(embedded)).filter((path) => trialFiles.test(path))).toEqual([]);
    expect(chosen()).toBe("");
    await embedded.reboot();
    expect(commandLine()).toMatch(/iommu=pt/);
    expect(commandLine()).not.toContain(tag);
    expect(driver()).not.toBeNull();
    expect((await host.look()).decision).toMatchObject({ writes: [], reboot: { required: false } });
  });

  test("a destroy takes away a trial that was never started", async () => {
    const host = declared("iommu=pt", "pci=noaer");
    await host.configure();
    expect(Object.keys(filesOf(embedded)).some((path) => trialFiles.test(path))).toBe(true);
    await host.destroy();
    expect(
      Object.keys(filesOf(embedded)).filter((path) => /cdktf-passthrough/.test(path) && !/^var/.test(path)),
    ).toEqual([]);
  });
});

test("entry files are refused where no entry is named as the default", async () => {
  const embedded = await start({ profile: fedora });
  const host = new BareHost(embedded, bootDeclaration({ trialBoot: true }));
  await expect(host.look()).rejects.toThrow(/names no entry as the default \(saved_entry\)/);
});
