/** A trial by systemd-boot: its entry, and where it is refused. */
import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import { ownEntries } from "../../lib/model/bootEntries";
import type { BootEvidence, HostFacts } from "../../lib/model/facts";
import { configurationSteps, decideHost } from "../../lib/model/hostDecision";
import { observe } from "../../lib/model/observation";
import { bootDeclaration } from "../support/declaration";
import { hostFacts } from "../support/facts";

const kernel = "6.1.0-18-amd64";
const folder = "/boot/efi/loader/entries";
const file = `${folder}/cdktf-passthrough-trial.conf`;
const image = "/boot/efi/cdktf-passthrough/trial.img";
const ownEntry = `${folder}/0123-${kernel}.conf`;
/** As kernel-install of Debian 12 writes it. */
const entry = `# Boot Loader Specification type#1 entry
# File created by /usr/lib/kernel/install.d/90-loaderentry.install (systemd 252)
title      Debian GNU/Linux 12 (bookworm)
version    ${kernel}
machine-id 0123456789abcdef0123456789abcdef
sort-key   debian
options    root=/dev/sda1 ro quiet
linux      /0123/${kernel}/linux
initrd     /0123/${kernel}/initrd.img-${kernel}
`;
const plain = hostFacts();

function withLoader(evidence: Partial<BootEvidence> = {}, files: Record<string, string> = {}): HostFacts {
  return {
    ...plain,
    files: { [ownEntry]: entry, "/etc/kernel/cmdline": "root=/dev/sda1 ro quiet\n", ...files },
    grubForeign: null,
    bootEvidence: {
      ...plain.bootEvidence,
      programs: ["bootctl", "kernel-install"],
      loader: "systemd-boot 252.30-1~deb12u2",
      systemdBoot: { obeysOneShot: true, variablesWritable: true, wanted: "" },
      ...evidence,
    },
  };
}
const wanting = (wanted: string) => ({
  systemdBoot: { obeysOneShot: true, variablesWritable: true, wanted },
});
const host = withLoader();
const trial = (declared: Partial<BootDeclaration> = {}) => bootDeclaration({ trialBoot: true, ...declared });
const decide = (declared: BootDeclaration, facts: HostFacts) => decideHost(declared, {}, observe(facts));
const entryOn = (facts: HostFacts, declared: Partial<BootDeclaration> = {}) =>
  decide(trial(declared), facts).files[file];

describe("a trial's entry for systemd-boot", () => {
  test("is the default's, with a title, options and an image of its own, and nothing that puts it first", () => {
    const { trial: planned, files } = decide(trial({ kernelParameters: ["iommu=pt"] }), host);
    expect(planned).toMatchObject({ loader: "systemd-boot", entry: file, image, kernel });
    expect(files[file]).toBe(
      `title cdktf-passthrough: trial boot
version    ${kernel}
machine-id 0123456789abcdef0123456789abcdef
linux      /0123/${kernel}/linux
initrd     /cdktf-passthrough/trial.img
options root=/dev/sda1 ro quiet intel_iommu=on iommu=pt panic=30 ${planned?.tag ?? ""}
`,
    );
    expect(Object.keys(files).filter((path) => /entries\/\*|cmdline/.test(path))).toEqual([]);
  });

  test("keeps the processor's microcode, and hostile words", () => {
    const text = entry
      .replace("initrd     ", "initrd     /intel-ucode.img\ninitrd     ")
      .replace("ro quiet", 'ro name="a; $(id) b"');
    const copy = entryOn(withLoader({}, { [ownEntry]: text }));
    expect(copy).toContain("initrd     /intel-ucode.img\ninitrd     /cdktf-passthrough/trial.img\n");
    expect(copy).toContain('options root=/dev/sda1 ro name="a; $(id) b" intel_iommu=on panic=30');
  });

  test("copies the entry that is named as the default, of several with one kernel", () => {
    const second = entry.replace("ro quiet", "ro splash").replace(/^sort-key.*\n/m, "");
    const files = { [`${folder}/second.conf`]: second };
    expect(entryOn(withLoader(wanting("SEC*"), files))).toContain("ro splash intel_iommu=on");
    expect(entryOn(withLoader(wanting(`0123-${kernel}`), files))).toContain("ro quiet intel_iommu=on");
  });

  test("is not taken for one of the host's own, which our lines go into", () => {
    const observation = observe(withLoader({}, { [file]: entry }));
    expect(ownEntries(observation, folder)).toEqual([ownEntry]);
  });

  test("comes behind its image, and nothing of the default is written", () => {
    const steps = configurationSteps(decide(trial(), host), observe(host), {
      owner: "project/deb1",
      allowCritical: [],
    });
    const kinds = steps.map((step) => ("path" in step ? step.path : step.step));
    expect(kinds.indexOf("trial-image")).toBeGreaterThan(0);
    expect(kinds.indexOf(file)).toBeGreaterThan(kinds.indexOf("trial-image"));
    expect(kinds).not.toContain("run");
    expect(kinds).not.toContain(ownEntry);
  });
});

describe("a trial by systemd-boot is refused", () => {
  const unsorted = { [`${folder}/hand.conf`]: "title By hand\nlinux /vmlinuz\noptions root=/dev/sda1\n" };
  test.each<[string, HostFacts, RegExp]>([
    [
      "where the loader told the firmware nothing",
      withLoader({ loader: "", systemdBoot: null }),
      /do not say that systemd-boot started it/,
    ],
    ["with an old loader", withLoader({ loader: "systemd-boot 247.3-7" }), /247\.3-7 is too old: 250/],
    [
      "with a loader that starts nothing once",
      withLoader({ systemdBoot: { obeysOneShot: false, variablesWritable: true, wanted: "" } }),
      /does not say \(LoaderFeatures\) that it starts an entry once/,
    ],
    [
      "where variables cannot be written",
      withLoader({ systemdBoot: { obeysOneShot: true, variablesWritable: false, wanted: "" } }),
      /efivars is not mounted, or read-only/,
    ],
    ["without bootctl", withLoader({ programs: [] }), /bootctl is not there/],
    [
      "while boots are counted",
      withLoader({}, { [`${folder}/0123-${kernel}+2-1.conf`]: entry }),
      /\+2-1\.conf are still counted/,
    ],
    ["where a pattern names the default", withLoader(wanting("*")), /named by \*, which the trial's entry/],
    ["where the order of names decides", withLoader({}, unsorted), /hand\.conf has no sort-key/],
    [
      "where the default's initramfs cannot be told",
      withLoader({}, { [ownEntry]: `${entry}initrd /second.img\n` }),
      /loads more than one initramfs/,
    ],
    [
      "without an initramfs",
      withLoader({}, { [ownEntry]: entry.replace(/^initrd.*\n/m, "") }),
      /loads no initramfs/,
    ],
    ["with mkinitcpio", { ...host, initramfsTools: ["mkinitcpio"] }, /not made with mkinitcpio yet/],
  ])("%s", (_where, facts, words) => {
    const overrides = { bootLoader: "systemd-boot" };
    const refused = () => decideHost(trial(), overrides, observe(facts));
    expect(refused).toThrow(words);
    expect(refused).toThrow(/^deb1 cannot make a trial boot: .*leave `trialBoot` out\.$/);
  });

  test("but not for names alone, where loader.conf names the default", () => {
    expect(entryOn(withLoader(wanting(`0123-${kernel}.conf`), unsorted))).toContain(
      "ro quiet intel_iommu=on",
    );
  });
});
