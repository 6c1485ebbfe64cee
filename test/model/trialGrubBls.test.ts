/** A trial by GRUB's entry files: the entry, and where it is refused. */
import { ownEntries } from "../../lib/model/bootEntries";
import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import type { GrubMenu, HostFacts } from "../../lib/model/facts";
import { decideHost } from "../../lib/model/hostDecision";
import { observe } from "../../lib/model/observation";
import { bootDeclaration } from "../support/declaration";
import { hostFacts } from "../support/facts";

const kernel = "6.11.10-300.fc41.x86_64";
const folder = "/boot/loader/entries";
const plain = hostFacts();
const file = `${folder}/${plain.machineId}-0-cdktf-passthrough-trial.conf`;
const own = `${folder}/${plain.machineId}-${kernel}.conf`;
/** As Fedora's kernel-install writes it. */
const entry = `title Fedora Linux (${kernel}) 41 (Server Edition)
version ${kernel}
linux /vmlinuz-${kernel}
initrd /initramfs-${kernel}.img $tuned_initrd
options root=/dev/mapper/fedora-root ro rhgb quiet $tuned_params
grub_users $grub_users
grub_arg --unrestricted
grub_class fedora
`;
const menu: GrubMenu = {
  fileSystem: "ext4",
  device: "/sys/devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda2",
  obeysNextEntry: true,
  startsSaved: true,
  readsCustom: false,
  foreignCustom: false,
  entries: {},
};
const environment = (...lines: string[]) =>
  ["# GRUB Environment Block", ...lines, ""].join("\n").padEnd(1024, "#");
const saved = `saved_entry=${plain.machineId}-${kernel}`;

function withMenu(changed: Partial<GrubMenu> = {}, files: Record<string, string> = {}): HostFacts {
  return {
    ...plain,
    kernel: { ...plain.kernel, next: kernel, installed: [kernel] },
    files: {
      [own]: entry,
      "/boot/grub2/grubenv": environment(saved),
      "/etc/default/grub": 'GRUB_CMDLINE_LINUX="rhgb quiet"\n',
      ...files,
    },
    initramfsTools: ["dracut"],
    bootEvidence: {
      ...plain.bootEvidence,
      programs: ["grub2-mkconfig", "grubby"],
      blsEnabled: true,
      grubMenu: { ...menu, ...changed },
    },
  };
}
const trial = (declared: Partial<BootDeclaration> = {}) => bootDeclaration({ trialBoot: true, ...declared });
const decide = (facts: HostFacts, declared: Partial<BootDeclaration> = {}) =>
  decideHost(trial(declared), {}, observe(facts));

describe("a trial's entry for GRUB with entry files", () => {
  test("is the default's, with a name that is older than any kernel's", () => {
    const { trial: planned, files } = decide(withMenu(), { kernelParameters: ["iommu=pt"] });
    expect(planned).toMatchObject({
      loader: "grub-bls",
      builder: "dracut",
      entry: file,
      image: "/boot/cdktf-passthrough/trial.img",
    });
    expect(files[file]).toBe(
      `title cdktf-passthrough: trial boot
version ${kernel}
linux /vmlinuz-${kernel}
initrd /cdktf-passthrough/trial.img $tuned_initrd
grub_users $grub_users
grub_arg --unrestricted
grub_class fedora
options root=/dev/mapper/fedora-root ro rhgb quiet $tuned_params intel_iommu=on iommu=pt panic=30 ${planned?.tag ?? ""}
`,
    );
  });

  test("names its image as GRUB sees it, where /boot is a folder", () => {
    const text = entry.replaceAll(" /vmlinuz", " /boot/vmlinuz").replace(" /initramfs", " /boot/initramfs");
    expect(decide(withMenu({}, { [own]: text })).files[file]).toContain(
      "initrd /boot/cdktf-passthrough/trial.img $tuned_initrd\n",
    );
  });

  test("says in full what others take from GRUB's environment, which stays as it is", () => {
    const text = entry.replace(/^options.*$/m, "options $kernelopts $tuned_params");
    const { files } = decide(
      withMenu(
        {},
        { [own]: text, "/boot/grub2/grubenv": environment(saved, "kernelopts=root=/dev/sda3 ro quiet ") },
      ),
    );
    expect(files[file]).toMatch(/^options root=\/dev\/sda3 ro quiet \$tuned_params intel_iommu=on panic=30/m);
    expect(Object.keys(files)).not.toContain("/boot/grub2/grubenv");
  });

  test("is not taken for one of the host's own", () => {
    expect(ownEntries(observe(withMenu({}, { [file]: entry })), folder)).toEqual([own]);
  });
});

test.each<[string, HostFacts, RegExp]>([
  ["on XFS", withMenu({ fileSystem: "xfs" }), /\/boot\/grub2 is on xfs: GRUB cannot write/],
  ["on LVM", withMenu({ device: "/sys/devices/virtual/block/dm-0" }), /\/boot\/grub2 is on LVM, RAID/],
  ["where the menu forgets nothing", withMenu({ obeysNextEntry: false }), /does not obey next_entry/],
  [
    "where the menu starts the first entry",
    withMenu({ startsSaved: false }),
    /names no entry as the default/,
  ],
  [
    "where nothing is saved",
    withMenu({}, { "/boot/grub2/grubenv": environment() }),
    /names no entry as the default \(saved_entry\)/,
  ],
  [
    "where the saved entry is gone",
    withMenu({}, { "/boot/grub2/grubenv": environment("saved_entry=gone") }),
    /names no entry as the default/,
  ],
])("a trial by GRUB's entry files is refused %s", (_where, facts, words) => {
  expect(() => decide(facts)).toThrow(words);
  expect(() => decide(facts)).toThrow(/^deb1 cannot make a trial boot: .*leave `trialBoot` out\.$/);
});
