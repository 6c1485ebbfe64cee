/** How our lines come into files of others, and leave them byte for byte. */
import fc from "fast-check";
import type { HostFacts } from "../../lib/model/facts";
import { formatOf } from "../../lib/model/formats";
import { grubSettingsPlace } from "../../lib/model/formats/grubSettings";
import { observe } from "../../lib/model/observation";
import { fileWrites, observedFiles } from "../../lib/model/ownedFiles";
import { paths } from "../../lib/model/paths";
import { hostFacts } from "../support/facts";

const entries = "/boot/loader/entries/*.conf";

function roundTrip(key: string, declared: string, before: string) {
  const format = formatOf(key);
  const after = format.merge(null, declared, before) ?? "";
  return { after, observed: format.observe(declared, after), given: format.merge(declared, null, after) };
}

describe("/etc/default/grub", () => {
  const ours = "GRUB_CMDLINE_LINUX: intel_iommu=on iommu=pt";

  test.each([
    [
      "in double quotes",
      'A=1\nGRUB_CMDLINE_LINUX="crashkernel=1G rhgb"\nB=2\n',
      '"crashkernel=1G rhgb intel_iommu=on iommu=pt"\nB',
    ],
    ["in single quotes", "GRUB_CMDLINE_LINUX='quiet'\n", "'quiet intel_iommu=on iommu=pt'"],
    ["bare", "GRUB_CMDLINE_LINUX=quiet # why\n", '"quiet intel_iommu=on iommu=pt" # quoted'],
    ["empty", 'GRUB_CMDLINE_LINUX=""\n', '"intel_iommu=on iommu=pt"\n'],
    ["nothing at all", "GRUB_CMDLINE_LINUX=\n", '="intel_iommu=on iommu=pt" # quoted'],
    [
      "the last of several",
      'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b"\n',
      '"a"\nGRUB_CMDLINE_LINUX="b intel_iommu=on',
    ],
    [
      "behind another variable",
      'GRUB_CMDLINE_LINUX_DEFAULT="x"\nGRUB_CMDLINE_LINUX="b"\n',
      'DEFAULT="x"\nGRUB_CMDLINE_LINUX="b intel_iommu=on',
    ],
    [
      "not there",
      "GRUB_TIMEOUT=5\n",
      '# Added by cdktf-passthrough:\nGRUB_CMDLINE_LINUX="intel_iommu=on iommu=pt"\n',
    ],
    [
      "not there, without an end of line",
      "GRUB_TIMEOUT=5",
      'GRUB_TIMEOUT=5\n# Added by cdktf-passthrough:\nGRUB_CMDLINE_LINUX="intel',
    ],
    [
      "with quotes in quotes",
      'GRUB_CMDLINE_LINUX="dyndbg=\\"file a b\\""\n',
      '"dyndbg=\\"file a b\\" intel_iommu=on',
    ],
    [
      "in comments too",
      '#GRUB_CMDLINE_LINUX="no"\nGRUB_CMDLINE_LINUX="b"\n',
      '#GRUB_CMDLINE_LINUX="no"\nGRUB_CMDLINE_LINUX="b intel',
    ],
  ])("%s", (_name, before, part) => {
    const { after, observed, given } = roundTrip(paths.grubSettings, ours, before);
    expect(after).toContain(part);
    expect(observed).toBe(ours);
    expect(given).toBe(before);
  });

  test.each([
    ['GRUB_CMDLINE_LINUX="$OTHER x"\n'],
    ['GRUB_CMDLINE_LINUX="`id`"\n'],
    ['GRUB_CMDLINE_LINUX+=" more"\n'],
    ['GRUB_CMDLINE_LINUX="a"b\n'],
    ['GRUB_CMDLINE_LINUX="open\n'],
    ["GRUB_CMDLINE_LINUX=a; reboot\n"],
  ])("what a shell would make more of is left alone: %j", (before) => {
    expect(() => formatOf(paths.grubSettings).merge(null, ours, before)).toThrow(/cannot be edited safely/);
    expect(formatOf(paths.grubSettings).observe(ours, before)).toBeNull();
  });

  test("a declared quote arrives as data", () => {
    const declared = grubSettingsPlace("GRUB_CMDLINE_LINUX").print(['dyndbg="file x.c +p"']);
    const { after, observed, given } = roundTrip(
      paths.grubSettings,
      declared,
      'GRUB_CMDLINE_LINUX="quiet"\n',
    );
    expect(after).toBe('GRUB_CMDLINE_LINUX="quiet dyndbg=\\"file x.c +p\\""\n');
    expect([observed, given]).toEqual([declared, 'GRUB_CMDLINE_LINUX="quiet"\n']);
  });

  test("a missing file is never made up", () => {
    expect(() => formatOf(paths.grubSettings).merge(null, ours, null)).toThrow(
      /\/etc\/default\/grub is missing/,
    );
  });

  test("whatever stands beside our parameters stays byte for byte", () => {
    const word = fc.stringMatching(/^[a-z][a-z0-9_.]{0,8}(=[a-z0-9:,/]{0,6})?$/);
    const line = fc.constantFrom("GRUB_TIMEOUT=5", "# note", "", 'GRUB_TERMINAL="serial console"');
    fc.assert(
      fc.property(
        fc.array(line),
        fc.array(word),
        fc.array(line),
        fc.boolean(),
        (above, words, below, ends) => {
          const value = words.filter((each) => !/^(intel_)?iommu/.test(each)).join(" ");
          const before =
            [...above, `GRUB_CMDLINE_LINUX="${value}"`, ...below].join("\n") + (ends ? "\n" : "");
          const { observed, given } = roundTrip(paths.grubSettings, ours, before);
          expect([observed, given]).toEqual([ours, before]);
        },
      ),
    );
  });
});

describe("GRUB's environment block", () => {
  const block = (text: string) => text.padEnd(1024, "#");
  const before = block(
    "# GRUB Environment Block\nsaved_entry=0a1b-4.18.0\nkernelopts=root=/dev/mapper/rl-root ro rhgb quiet \nboot_success=1\n",
  );

  test("keeps its 1024 bytes and everything else", () => {
    const { after, observed, given } = roundTrip(paths.grubEnvironment, "intel_iommu=on iommu=pt", before);
    expect(Buffer.byteLength(after)).toBe(1024);
    expect(after).toContain(
      "kernelopts=root=/dev/mapper/rl-root ro rhgb quiet intel_iommu=on iommu=pt \nboot_success=1\n###",
    );
    expect([observed, given]).toEqual(["intel_iommu=on iommu=pt", before]);
  });

  test("no room is an error, not a cut block", () => {
    const full = block(`# GRUB Environment Block\nkernelopts=root=/dev/sda1\nx=${"y".repeat(960)}\n`);
    expect(() => formatOf(paths.grubEnvironment).merge(null, "intel_iommu=on iommu=pt", full)).toThrow(
      /no room for these kernel parameters: \d+ bytes too many/,
    );
  });

  test("a block without kernelopts is not given one", () => {
    expect(() =>
      formatOf(paths.grubEnvironment).merge(null, "iommu=pt", block("# GRUB Environment Block\n")),
    ).toThrow(/holds no kernelopts/);
  });
});

describe("boot entries", () => {
  const installed = ["5.14.0-427.el9.x86_64", "5.14.0-503.el9.x86_64"];
  const entry = (release: string, options: string) =>
    `title Rocky Linux (${release})\nversion ${release}\nlinux /vmlinuz-${release}\ninitrd /initramfs-${release}.img $tuned_initrd\noptions ${options}\nid rocky\n`;
  const path = (release: string) => `/boot/loader/entries/0a1b-${release}.conf`;
  const [old = "", recent = ""] = installed;
  const facts = (files: Record<string, string>): HostFacts =>
    hostFacts({
      kernel: { release: recent, commandLine: "root=/dev/mapper/rl-root ro", next: recent, installed },
      files,
    });
  const rescue = entry("0-rescue-0a1b", "root=/dev/mapper/rl-root ro");
  const write = (files: Record<string, string>, base: string | null, declared: string | null) => {
    const writes = fileWrites(
      observe(facts(files)),
      base === null ? {} : { [entries]: base },
      declared === null ? {} : { [entries]: declared },
    );
    return { ...files, ...Object.fromEntries(writes.map((each) => [each.path, each.content ?? ""])) };
  };
  const ours = "intel_iommu=on iommu=pt";
  const before = {
    [path(old)]: entry(old, "root=/dev/mapper/rl-root ro  rhgb $tuned_params"),
    [path(recent)]: entry(recent, "root=/dev/mapper/rl-root ro iommu=pt"),
    "/boot/loader/entries/0a1b-0-rescue.conf": rescue,
    "/boot/loader/entries/other.conf": entry("6.99.1-other", "root=/dev/mapper/rl-root"),
    "/boot/loader/entries/windows.conf": "title Windows\nefi /EFI/Microsoft/Boot/bootmgfw.efi\n",
  };

  test("every kernel of this host gets them; rescue entries and other systems stay as they are", () => {
    const after = write(before, null, ours);
    expect(after[path(old)]).toContain(
      "options root=/dev/mapper/rl-root ro  rhgb $tuned_params intel_iommu=on iommu=pt\nid",
    );
    for (const left of ["0a1b-0-rescue", "other", "windows"])
      expect(after[`/boot/loader/entries/${left}.conf`]).toBe(
        before[`/boot/loader/entries/${left}.conf` as keyof typeof before],
      );
    expect(observedFiles(observe(facts(after)), { [entries]: ours })).toEqual({ [entries]: ours });
  });

  test("leave again byte for byte, also beside one that somebody else wrote", () => {
    expect(write(write(before, null, ours), ours, null)).toEqual(before);
  });

  test("writing twice changes nothing", () => {
    const after = write(before, null, ours);
    expect(write(after, ours, ours)).toEqual(after);
  });

  test("one entry that lacks them is drift, and is mended", () => {
    const after = write(before, null, ours);
    const drifted = { ...after, [path(old)]: before[path(old)] ?? "" };
    expect(observedFiles(observe(facts(drifted)), { [entries]: ours })).toEqual({});
    expect(write(drifted, ours, ours)).toEqual(after);
  });

  test("a new kernel's entry, made of the others, is no drift, and loses them with the others", () => {
    const after = write(before, null, ours);
    const grown = { ...after, [path("6.1.0")]: entry("6.1.0", `root=/dev/mapper/rl-root ro ${ours}`) };
    const withKernel = {
      ...facts(grown),
      kernel: { ...facts(grown).kernel, installed: [...installed, "6.1.0"] },
    };
    expect(observedFiles(observe(withKernel), { [entries]: ours })).toEqual({ [entries]: ours });
    const writes = fileWrites(observe(withKernel), { [entries]: ours }, {});
    expect(writes.find((each) => each.path === path("6.1.0"))?.content).toBe(
      entry("6.1.0", "root=/dev/mapper/rl-root ro"),
    );
  });
});
