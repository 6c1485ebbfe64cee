/** Which row of the tables a host is, and which hosts are refused by name. */
import { bootLoaderNames as modelLoaders } from "../../lib/model/bootLoaders";
import { initramfsNames as modelTools } from "../../lib/model/initramfs";
import type { BootEvidence, HostFacts } from "../../lib/model/facts";
import { observe } from "../../lib/model/observation";
import { detectPlatform, loaderOf, type PlatformOverrides } from "../../lib/model/platform";
import { requiredCommands } from "../../lib/model/requirements";
import { paths } from "../../lib/model/paths";
import { bootLoaderNames, initramfsNames } from "../../lib/schema";
import { hostFacts } from "../support/facts";

const evidence = (found: Partial<BootEvidence>): BootEvidence => ({ ...hostFacts().bootEvidence, ...found });
const system = (id: string, idLike: string[] = []) => ({ id, idLike, versionId: "9", prettyName: id });

const rocky = hostFacts({
  distribution: system("rocky", ["rhel", "centos", "fedora"]),
  bootLoaders: { updateGrub: false, proxmoxBootTool: false, proxmoxBootUuids: [], espModes: {} },
  kernel: {
    release: "5.14.0-503.el9.x86_64",
    commandLine: "root=/dev/mapper/rl-root ro",
    next: "5.14.0-503.el9.x86_64",
    installed: ["5.14.0-427.el9.x86_64", "5.14.0-503.el9.x86_64"],
  },
  grubForeign: { linux: "crashkernel=1G", linuxDefault: "" },
  initramfsTools: ["dracut"],
  bootEvidence: evidence({
    programs: ["grub2-mkconfig", "grubby"],
    blsEnabled: true,
    grubMenus: ["/boot/grub2/grub.cfg"],
    images: { "5.14.0-503.el9.x86_64": "/boot/initramfs-5.14.0-503.el9.x86_64.img" },
  }),
  files: {
    "/boot/loader/entries/0a1b-5.14.0-503.el9.x86_64.conf":
      "title Rocky Linux\nversion 5.14.0-503.el9.x86_64\nlinux /vmlinuz-5.14.0-503.el9.x86_64\noptions root=/dev/mapper/rl-root ro\n",
    [paths.grubSettings]: 'GRUB_CMDLINE_LINUX="crashkernel=1G"\n',
  },
});

const arch = hostFacts({
  distribution: system("arch"),
  bootLoaders: rocky.bootLoaders,
  kernel: {
    release: "6.12.1-arch1-1",
    commandLine: "root=UUID=1 rw",
    next: "6.12.1-arch1-1",
    installed: ["6.12.1-arch1-1"],
  },
  grubForeign: null,
  initramfsTools: ["mkinitcpio"],
  bootEvidence: evidence({
    programs: ["bootctl", "kernel-install"],
    loader: "systemd-boot 256.8-1-arch",
    packages: { "6.12.1-arch1-1": "linux" },
  }),
  files: {
    "/boot/loader/entries/arch.conf":
      "title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions root=UUID=1 rw\n",
    "/boot/loader/entries/arch-fallback.conf":
      "title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux-fallback.img\noptions root=UUID=1 rw\n",
  },
});

const suse = hostFacts({
  distribution: system("opensuse-leap", ["suse", "opensuse"]),
  bootLoaders: rocky.bootLoaders,
  initramfsTools: ["dracut"],
  bootEvidence: evidence({ programs: ["grub2-mkconfig"], grubMenus: ["/boot/grub2/grub.cfg"] }),
});

test("the names that an author may set are the rows of the tables", () => {
  expect([...bootLoaderNames].sort()).toEqual([...modelLoaders].sort());
  expect([...initramfsNames].sort()).toEqual([...modelTools].sort());
});

test.each<[string, HostFacts, PlatformOverrides, string, string]>([
  ["Debian with GRUB", hostFacts(), {}, "grub", "initramfs-tools"],
  ["Debian with dracut", hostFacts({ initramfsTools: ["dracut"] }), {}, "grub", "dracut"],
  ["Rocky 9", rocky, {}, "grub-bls", "dracut"],
  ["RHEL 7, which has no entries", { ...rocky, files: {} }, {}, "grub-mkconfig", "dracut"],
  ["openSUSE", suse, {}, "grub-mkconfig", "dracut"],
  ["Arch with systemd-boot", arch, {}, "systemd-boot", "mkinitcpio"],
  [
    "Arch with GRUB and somebody's update-grub",
    {
      ...suse,
      distribution: system("arch"),
      initramfsTools: ["mkinitcpio"],
      bootLoaders: { ...suse.bootLoaders, updateGrub: true },
      bootEvidence: evidence({ programs: ["grub-mkconfig"], grubMenus: ["/boot/grub/grub.cfg"] }),
    },
    {},
    "grub-mkconfig",
    "mkinitcpio",
  ],
  [
    "what is set by hand",
    { ...suse, initramfsTools: ["dracut", "initramfs-tools"] },
    { bootLoader: "grub", initramfs: "initramfs-tools" },
    "grub",
    "initramfs-tools",
  ],
])("%s", (_name, facts, overrides, bootLoader, initramfs) => {
  expect(detectPlatform(observe(facts), overrides)).toMatchObject({ bootLoader, initramfs });
});

test.each<[string, HostFacts, readonly string[]]>([
  [
    "BLS entries, and what the next ones are made of",
    rocky,
    ["/boot/loader/entries/*.conf", paths.grubSettings],
  ],
  [
    "kept in step where it is there",
    { ...rocky, files: { ...rocky.files, [paths.kernelCommandLine]: "root=/dev/mapper/rl-root ro\n" } },
    ["/boot/loader/entries/*.conf", paths.kernelCommandLine, paths.grubSettings],
  ],
  [
    "RHEL 8's kernelopts",
    {
      ...rocky,
      files: {
        ...rocky.files,
        "/boot/loader/entries/0a1b-5.14.0-503.el9.x86_64.conf":
          "version 5.14.0-503.el9.x86_64\nlinux /vmlinuz-5.14.0-503.el9.x86_64\noptions $kernelopts $tuned_params\n",
      },
    },
    [paths.grubEnvironment, paths.grubSettings],
  ],
  ["systemd-boot's own entries", arch, ["/boot/loader/entries/*.conf"]],
])("the places of kernel parameters: %s", (_name, facts, expected) => {
  const observation = observe(facts);
  const places = loaderOf(detectPlatform(observation)).places(observation);
  expect(places.map(({ key }) => key)).toEqual(expected);
});

describe("the commands that a change needs", () => {
  const commands = (facts: HostFacts, written: readonly string[], onlyNext = false) => {
    const observation = observe(facts);
    return requiredCommands(written, detectPlatform(observation), observation, onlyNext);
  };
  const image = [paths.bootTable];

  test.each<[string, HostFacts, readonly string[], boolean, readonly string[]]>([
    ["BLS entries need none", rocky, ["/boot/loader/entries/*.conf", paths.grubSettings], false, []],
    [
      "dracut, the kernel that boots next",
      rocky,
      image,
      true,
      ["dracut --force /boot/initramfs-5.14.0-503.el9.x86_64.img 5.14.0-503.el9.x86_64"],
    ],
    [
      "dracut, all kernels",
      rocky,
      image,
      false,
      [
        "dracut --force --kver 5.14.0-427.el9.x86_64",
        "dracut --force /boot/initramfs-5.14.0-503.el9.x86_64.img 5.14.0-503.el9.x86_64",
      ],
    ],
    [
      "grub2-mkconfig for every menu that was made",
      {
        ...suse,
        bootEvidence: {
          ...suse.bootEvidence,
          grubMenus: ["/boot/grub2/grub.cfg", "/boot/efi/EFI/centos/grub.cfg"],
        },
      },
      [paths.grubSettings],
      false,
      ["grub2-mkconfig -o /boot/grub2/grub.cfg", "grub2-mkconfig -o /boot/efi/EFI/centos/grub.cfg"],
    ],
    ["mkinitcpio, the preset of the kernel", arch, image, true, ["mkinitcpio -p linux"]],
    ["mkinitcpio, all presets", arch, image, false, ["mkinitcpio -P"]],
  ])("%s", (_name, facts, written, onlyNext, expected) => {
    expect(commands(facts, written, onlyNext)).toEqual(expected);
  });
});

describe("hosts that are left alone", () => {
  test.each<[string, Partial<HostFacts>, RegExp]>([
    [
      "oVirt Node",
      { bootEvidence: evidence({ variant: "ovirt-node" }) },
      /is an oVirt Node: .*Set the kernel parameters in the engine/,
    ],
    [
      "ostree",
      { bootEvidence: evidence({ ostree: true, rootReadOnly: true }) },
      /is an ostree system: .*rpm-ostree kargs/,
    ],
    [
      "ostree by its command line",
      { kernel: { ...rocky.kernel, commandLine: "root=1 ostree=/ostree/boot.1/x" } },
      /is an ostree system/,
    ],
    [
      "MicroOS",
      { bootEvidence: evidence({ programs: ["transactional-update"], rootReadOnly: true }) },
      /is a transactional system: .*transactional-update initrd/,
    ],
    [
      "a unified kernel image",
      { bootEvidence: evidence({ stub: "systemd-stub 255" }) },
      /unified kernel image: .*systemd-stub 255.*Secure Boot/,
    ],
    ["NixOS", { distribution: system("nixos") }, /NixOS system: .*boot\.kernelParams/],
    ["IBM Z", { architecture: "s390x" }, /IBM Z/],
    ["a read-only root", { bootEvidence: evidence({ rootReadOnly: true }) }, /read-only root file system/],
  ])("%s", (_name, found, words) => {
    const observation = observe(hostFacts(found));
    expect(() => detectPlatform(observation)).toThrow(words);
    expect(() => detectPlatform(observation, { bootLoader: "grub", initramfs: "dracut" })).toThrow(
      /left alone/,
    );
  });

  test("transactional-update on a system that is mounted writable is none", () => {
    const facts = {
      ...suse,
      bootEvidence: { ...suse.bootEvidence, programs: ["grub2-mkconfig", "transactional-update"] },
    };
    expect(detectPlatform(observe(facts)).bootLoader).toBe("grub-mkconfig");
  });

  test("a builder set by hand that is not there", () => {
    expect(() => detectPlatform(observe(suse), { initramfs: "mkinitcpio" })).toThrow(
      /initramfs builder: mkinitcpio is not on deb1 .*found there: dracut/,
    );
  });

  test("an unknown family is named, with every row that can be set by hand", () => {
    const facts = { ...suse, bootEvidence: evidence({}) };
    expect(() => detectPlatform(observe(facts))).toThrow(
      /boot loader: none that is known was found on deb1 \(opensuse-leap, .*`grub-mkconfig`.*set `bootLoader`/,
    );
  });
});
