/**
 * The main loop on every family of hosts: configure, reboot with proof, nothing left, drift, destroy byte for byte. The
 * probe, the decisions, the change script and the reboot command are the real ones; only Terraform is left out, which
 * knows nothing of boot loaders.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { EmbeddedHost } from "../../lib/embedded";
import { observedFiles } from "../../lib/model/ownedFiles";
import { paths } from "../../lib/model/paths";
import { hosts } from "../embedded/hosts";
import { BareHost } from "../support/bareHost";
import { sh } from "../support/byHand";
import { bootDeclaration } from "../support/declaration";
import { fileOf, filesOf } from "../support/rig";

jest.setTimeout(240_000);

const start = hosts();
const gpu = "0000:01:00.0";
const entries = "/boot/loader/entries/*.conf";
const dracut = [paths.dracutConfiguration, paths.dracutModule, paths.dracutHook, paths.earlyProgram];
const debian = [paths.initramfsHook, paths.initTopScript];
const arch = [
  paths.mkinitcpioConfiguration,
  paths.mkinitcpioInstall,
  paths.mkinitcpioHook,
  paths.earlyProgram,
];

interface Family {
  readonly profile: string;
  readonly platform: readonly [string, string];
  /** Where kernel parameters stand, and what the initramfs is made with. */
  readonly places: readonly string[];
  readonly builder: readonly string[];
  /** Takes iommu=pt out by hand, as an administrator there would. */
  readonly drift: string;
  /** What runs when the parameters alone are mended. */
  readonly commands: readonly string[];
  /** The initramfs of the kernel that does not boot next. */
  readonly otherImage: string;
}

const families: readonly Family[] = [
  {
    profile: "proxmox-9-two-esps",
    platform: ["proxmox-boot-tool", "initramfs-tools"],
    places: [paths.kernelCommandLine, paths.grubDropIn],
    builder: debian,
    drift: `sed -i s/.iommu=pt// ${paths.grubDropIn}; proxmox-boot-tool refresh`,
    commands: ["proxmox-boot-tool refresh"],
    otherImage: "/boot/initrd.img-6.14.8-2-pve",
  },
  {
    profile: "debian-dracut",
    platform: ["grub", "dracut"],
    places: [paths.grubDropIn],
    builder: dracut,
    drift: `sed -i s/.iommu=pt// ${paths.grubDropIn}; update-grub`,
    commands: ["update-grub"],
    otherImage: "/boot/initrd.img-6.12.9+deb13-amd64",
  },
  {
    profile: "debian-systemd-boot",
    platform: ["systemd-boot", "initramfs-tools"],
    places: ["/boot/efi/loader/entries/*.conf", paths.kernelCommandLine],
    builder: debian,
    drift: `sed -i s/.iommu=pt// ${paths.kernelCommandLine}; kernel-install add 6.12.12+deb13-amd64 /boot/vmlinuz-6.12.12+deb13-amd64`,
    commands: [],
    otherImage: "/boot/initrd.img-6.12.9+deb13-amd64",
  },
  {
    profile: "rocky9-bls",
    platform: ["grub-bls", "dracut"],
    places: [entries, paths.kernelCommandLine, paths.grubSettings],
    builder: dracut,
    drift: "grubby --update-kernel=ALL --remove-args=iommu=pt",
    commands: [],
    otherImage: "/boot/initramfs-5.14.0-427.42.1.el9_4.x86_64.img",
  },
  {
    profile: "alma8-kernelopts",
    platform: ["grub-bls", "dracut"],
    places: [paths.grubEnvironment, paths.grubSettings],
    builder: dracut,
    drift: `sed -i s/.iommu=pt// ${paths.grubSettings}`,
    commands: [],
    otherImage: "/boot/initramfs-4.18.0-553.27.1.el8_10.x86_64.img",
  },
  {
    profile: "centos7-grub2",
    platform: ["grub-mkconfig", "dracut"],
    places: [paths.grubSettings],
    builder: dracut,
    drift: `sed -i s/.iommu=pt// ${paths.grubSettings}; grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg`,
    commands: ["grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg"],
    otherImage: "/boot/initramfs-3.10.0-1160.108.1.el7.x86_64.img",
  },
  {
    profile: "fedora",
    platform: ["grub-bls", "dracut"],
    places: [entries, paths.grubSettings],
    builder: dracut,
    drift: "grubby --update-kernel=ALL --remove-args=iommu",
    commands: [],
    otherImage: "/boot/initramfs-6.11.4-301.fc41.x86_64.img",
  },
  {
    profile: "opensuse",
    platform: ["grub-mkconfig", "dracut"],
    places: [paths.grubSettings],
    builder: dracut,
    drift: `sed -i s/.iommu=pt// ${paths.grubSettings}; grub2-mkconfig -o /boot/grub2/grub.cfg`,
    commands: ["grub2-mkconfig -o /boot/grub2/grub.cfg"],
    otherImage: "/boot/initrd-6.4.0-150600.23.22-default",
  },
  {
    profile: "arch-systemd-boot",
    platform: ["systemd-boot", "mkinitcpio"],
    places: [entries],
    builder: arch,
    drift: "sed -i s/.iommu=pt// /boot/loader/entries/arch.conf",
    commands: [],
    otherImage: "/boot/initramfs-linux-lts.img",
  },
  {
    profile: "arch-grub",
    platform: ["grub-mkconfig", "mkinitcpio"],
    places: [paths.grubSettings],
    builder: arch,
    drift: `sed -i s/.iommu=pt// ${paths.grubSettings}`,
    commands: ["grub-mkconfig -o /boot/grub/grub.cfg"],
    otherImage: "/boot/initramfs-linux-lts.img",
  },
  {
    profile: "power",
    platform: ["grub-bls", "dracut"],
    places: [entries, paths.kernelCommandLine, paths.grubSettings],
    builder: dracut,
    drift: "grubby --update-kernel=ALL --remove-args=iommu=pt",
    commands: [],
    otherImage: "/boot/initramfs-5.14.0-427.42.1.el9_4.ppc64le.img",
  },
];

/** What an ESP's boot loader will read. */
function bootText({ dir }: EmbeddedHost, uuid: string): string {
  const names = readdirSync(join(dir, "esp", uuid), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => /entries\/.*\.conf$|grub\.cfg$/.test(name))
    .map((name) => readFileSync(join(dir, "esp", uuid, name), "utf8"))
    .join("");
}

const driver = (host: EmbeddedHost) => sh(host, `readlink /sys/bus/pci/devices/${gpu}/driver || echo none`);
const dracutFiles = (host: EmbeddedHost) => sh(host, "find /usr/lib/dracut | sort || :");

describe.each(families)("$profile", ({ profile, platform, places, builder, drift, commands, otherImage }) => {
  test("configures, reboots once with proof, stays, mends drift, and leaves byte for byte", async () => {
    const embedded = await start({ profile });
    const host = new BareHost(
      embedded,
      bootDeclaration({ kernelParameters: ["iommu=pt"], devices: { "gpu/card": { address: "0000:01:00" } } }),
    );
    const before = { files: filesOf(embedded), dracut: await dracutFiles(embedded) };

    const { decision: first } = await host.look();
    expect([first.platform.bootLoader, first.platform.initramfs]).toEqual(platform);
    expect(Object.keys(first.files).sort()).toEqual(
      [...places, ...builder, paths.bootTable, paths.modulesLoad].sort(),
    );
    expect(first.reboot).toMatchObject({ required: true, reason: expect.stringContaining("iommu=pt") });

    await host.configure();
    // What does not boot next stays as it was, to fall back on.
    expect(fileOf(embedded, otherImage)).toBe(before.files[otherImage.slice(1)]);
    for (const uuid of embedded.profile.bootLoader.esps)
      expect(bootText(embedded, uuid)).toContain("iommu=pt");
    expect(await host.reboot()).toContain("proven");
    expect(embedded.counters().reboots).toBe(1);
    expect(fileOf(embedded, "/proc/cmdline")).toMatch(/(^| )iommu=pt( |$)/m);
    expect(await driver(embedded)).toContain("vfio-pci");
    expect(embedded.console()).toContain(`${gpu} is held by vfio-pci`);
    expect(fileOf(embedded, otherImage)).toContain("etc/cdktf-passthrough/devices");

    const settled = await host.look();
    expect(settled.decision).toMatchObject({ writes: [], reboot: { required: false }, files: first.files });
    expect(observedFiles(settled.observation, first.files)).toEqual(first.files);

    await sh(embedded, drift);
    const drifted = await host.look();
    expect(observedFiles(drifted.observation, first.files)).not.toEqual(first.files);
    expect(drifted.decision.reboot.required).toBe(false);
    await host.configure();
    expect(host.lastCommands()).toEqual(commands);
    const mended = await host.look();
    expect(observedFiles(mended.observation, first.files)).toEqual(first.files);

    await host.destroy();
    expect(filesOf(embedded)).toEqual(before.files);
    expect(await dracutFiles(embedded)).toBe(before.dracut);
    await embedded.reboot();
    expect(fileOf(embedded, "/proc/cmdline")).not.toContain("iommu=pt");
    expect(await driver(embedded)).toContain("nouveau");
  });
});

test("an image-based host is refused by name, with nothing touched", async () => {
  const embedded = await start({ profile: "ovirt-node" });
  const before = filesOf(embedded);
  const host = new BareHost(embedded, bootDeclaration({ kernelParameters: ["iommu=pt"] }));
  await expect(host.look()).rejects.toThrow(
    /ovirt-node \(oVirt Node 4\.5\.5\) is an oVirt Node: .*in the engine/,
  );
  expect(filesOf(embedded)).toEqual(before);
});

test("a dracut that leaves our module out is noticed before anything boots", async () => {
  const embedded = await start({ profile: "fedora" });
  await sh(embedded, "echo 'omit_dracutmodules+=\" cdktf-passthrough \"' > /etc/dracut.conf.d/own.conf");
  const host = new BareHost(
    embedded,
    bootDeclaration({ devices: { "gpu/card": { address: "0000:01:00" } } }),
  );
  await expect(host.configure()).rejects.toThrow(/holds no table of devices.*omit_dracutmodules/);
});

test("a preset with a configuration file of its own is noticed too", async () => {
  const embedded = await start({ profile: "arch-grub" });
  await sh(embedded, "sed -i s/^#ALL_config/ALL_config/ /etc/mkinitcpio.d/linux.preset");
  const host = new BareHost(
    embedded,
    bootDeclaration({ devices: { "gpu/card": { address: "0000:01:00" } } }),
  );
  await expect(host.configure()).rejects.toThrow(/initramfs-linux\.img holds no table of devices.*preset/);
});
