import fc from "fast-check";
import {
  blacklistLine,
  blacklisted,
  optionsLine,
  parseModprobe,
  satisfiedByForeign,
  softdepLine,
} from "../../lib/model/modprobe";

describe("parseModprobe", () => {
  it("reads every command of modprobe.d", () => {
    const text = [
      "# This file was written by hand",
      "",
      "options vfio-pci ids=10de:2204,10de:1aef \\",
      "  disable_vga=1",
      'options snd_hda_intel model="a b" power_save=0',
      "\tblacklist nouveau # no comments here",
      "softdep nouveau pre: vfio-pci post: drm i2c-core",
      "alias pci:v000010DEd*sv*sd*bc*sc*i* nouveau",
      "install radeon /bin/false",
      "remove mei echo gone; true",
      "frobnicate",
    ].join("\n");
    expect(parseModprobe(text)).toMatchObject([
      { kind: "other" },
      { kind: "other" },
      { kind: "options", module: "vfio-pci", options: ["ids=10de:2204,10de:1aef", "disable_vga=1"] },
      { kind: "options", module: "snd_hda_intel", options: ['model="a b"', "power_save=0"] },
      { kind: "blacklist", module: "nouveau" },
      { kind: "softdep", module: "nouveau", pre: ["vfio-pci"], post: ["drm", "i2c-core"] },
      { kind: "alias", alias: "pci:v000010DEd*sv*sd*bc*sc*i*", module: "nouveau" },
      { kind: "install", module: "radeon", command: "/bin/false" },
      { kind: "remove", module: "mei", command: "echo gone; true" },
      { kind: "other" },
    ]);
  });

  it("continues a comment, too", () => {
    expect(parseModprobe("# off: \\\nblacklist nouveau\n").map(({ kind }) => kind)).toEqual(["other"]);
  });

  it("loses no byte of a file", () => {
    const unit = fc.constantFrom("a", "\\", "\n", "\r\n", " ", "#", "options ", "blacklist ", '"', "=");
    fc.assert(
      fc.property(fc.string({ unit }), (text) => {
        expect(
          parseModprobe(text)
            .map(({ raw }) => raw)
            .join(""),
        ).toBe(text);
      }),
    );
  });
});

describe("lines of ours", () => {
  it("are written as modprobe.d has them", () => {
    expect(optionsLine("vfio-pci", "ids=10de:2204,10de:1aef")).toBe(
      "options vfio-pci ids=10de:2204,10de:1aef",
    );
    expect(optionsLine("snd_hda_intel", ' model="a b" index=0 ')).toBe(
      'options snd_hda_intel model="a b" index=0',
    );
    expect(blacklistLine("nouveau")).toBe("blacklist nouveau");
    expect(softdepLine("nouveau", " pre:  vfio-pci ")).toBe("softdep nouveau pre: vfio-pci");
  });

  it.each([
    [() => optionsLine("vfio-pci", ""), /cannot be the options of vfio-pci: they are empty/],
    [() => optionsLine("vfio-pci", "ids=1\ninstall x y"), /a line break/],
    [() => optionsLine("vfio-pci", "ids=1 \\"), /a meaning of their own/],
    [() => optionsLine("vfio-pci", "ids=1 # mine"), /a meaning of their own/],
    [() => optionsLine("vfio-pci", 'a="b'), /a double quote is left open/],
    [() => optionsLine("vfio-pci", "=1"), /does not start with a name/],
    [() => optionsLine("vfio pci", "a=1"), /"vfio pci" is not the name of a kernel module/],
    [() => blacklistLine("nouveau\ninstall x y"), /is not the name of a kernel module/],
    [() => blacklistLine(""), /is not the name of a kernel module/],
    [() => blacklistLine("--all"), /is not the name of a kernel module/],
    [() => softdepLine("nouveau", "vfio-pci"), /Expected "pre:" or "post:"/],
    [() => softdepLine("nouveau", "vfio-pci pre: drm"), /Expected "pre:" or "post:"/],
    [() => softdepLine("nouveau", "pre:"), /Expected "pre:" or "post:"/],
    [() => softdepLine("nouveau", "pre: vfio/pci"), /"vfio\/pci" is not the name/],
  ])("are refused when malformed (%#)", (build, message) => {
    expect(build).toThrow(message);
  });
});

describe("satisfiedByForeign", () => {
  const says = (text: string, line: string) => satisfiedByForeign({ "/etc/modprobe.d/a.conf": text }, line);

  it.each([
    ["options vfio_pci  ids=10DE:2204,10de:1aef", "options vfio-pci ids=10de:1aef,10de:2204"],
    ["options vfio-pci ids=10de:2204,1002:73bf", "options vfio-pci ids=10de:2204"],
    ["options kvm ignore_msrs=1 report_ignored_msrs=0", "options kvm ignore_msrs=1"],
    [
      "options kvm ignore_msrs=1\noptions kvm report_ignored_msrs=0",
      "options kvm report_ignored_msrs=0 ignore_msrs=1",
    ],
    ["options kvm ignore_msrs=0\noptions kvm ignore_msrs=1", "options kvm ignore_msrs=1"],
    ["options kvm ignore_msrs=Y", "options kvm ignore_msrs=1"],
    ["options kvm ignore_msrs", "options kvm ignore_msrs=1"],
    ["options kvm \\\n ignore_msrs=1", "options kvm ignore_msrs=1"],
    ["blacklist snd-hda-intel", "blacklist snd_hda_intel"],
    ["install nouveau /bin/false", "blacklist nouveau"],
    ["install nouveau /usr/bin/true", "blacklist nouveau"],
    ["softdep nouveau pre: drm vfio_pci", "softdep nouveau pre: vfio-pci"],
    ["alias a b", "alias a b"],
    ["", "# a comment"],
  ])("%j says %j", (text, line) => {
    expect(says(text, line)).toBe(true);
  });

  it.each([
    ["", "options kvm ignore_msrs=1"],
    ["# options kvm ignore_msrs=1", "options kvm ignore_msrs=1"],
    ["options kvm ignore_msrs=1\noptions kvm ignore_msrs=0", "options kvm ignore_msrs=1"],
    ["options kvm_intel ignore_msrs=1", "options kvm ignore_msrs=1"],
    ["options kvm ignore_msrs=1", "options kvm ignore_msrs=1 nested=1"],
    ["options vfio-pci ids=10de:2204\noptions vfio-pci ids=1002:73bf", "options vfio-pci ids=10de:2204"],
    ["blacklist nouveau_extra", "blacklist nouveau"],
    ["install nouveau /sbin/modprobe --ignore-install nouveau", "blacklist nouveau"],
    ["softdep nouveau post: vfio-pci", "softdep nouveau pre: vfio-pci"],
    ["softdep nouveau pre: drm\nsoftdep nouveau pre: vfio-pci", "softdep nouveau pre: vfio-pci"],
    ["alias a b", "alias a c"],
  ])("%j does not say %j", (text, line) => {
    expect(says(text, line)).toBe(false);
  });

  it("reads files in kmod's order, and only those that kmod reads", () => {
    const line = "options kvm ignore_msrs=1";
    const on = "options kvm ignore_msrs=1\n";
    const off = "options kvm ignore_msrs=0\n";
    expect(satisfiedByForeign({ "/etc/modprobe.d/b.conf": on, "/etc/modprobe.d/a.conf": off }, line)).toBe(
      true,
    );
    expect(satisfiedByForeign({ "/etc/modprobe.d/b.conf": off, "/etc/modprobe.d/a.conf": on }, line)).toBe(
      false,
    );
    expect(satisfiedByForeign({ "/etc/modprobe.d/a.conf.dpkg-old": on }, line)).toBe(false);
  });
});

describe("blacklisted", () => {
  const files = { "/etc/modprobe.d/pve-blacklist.conf": "blacklist nvidiafb\ninstall nouveau /bin/true\n" };

  it.each([
    ["nvidiafb", true],
    ["nouveau", true],
    ["nvidia", false],
  ])("%s: %s", (module, expected) => {
    expect(blacklisted(files, module)).toBe(expected);
  });
});
