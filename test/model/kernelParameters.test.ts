import fc from "fast-check";
import {
  addParameters,
  checkCommandLineLength,
  checkParameter,
  checkParameters,
  commandLineLength,
  mergeOwnedParameters,
  mergeParameters,
  parseCommandLine,
  parseKernelParameters,
  removeParameters,
  satisfies,
  unmetParameters,
} from "../../lib/model/kernelParameters";

describe("parseCommandLine", () => {
  it.each([
    ["quiet", [["quiet", null]]],
    [
      "root=UUID=1-2 ro",
      [
        ["root", "UUID=1-2"],
        ["ro", null],
      ],
    ],
    [
      'dyndbg="file a.c +p" quiet',
      [
        ["dyndbg", "file a.c +p"],
        ["quiet", null],
      ],
    ],
    ['"dyndbg=file a.c +p"', [["dyndbg", "file a.c +p"]]],
    [
      'a="b" c',
      [
        ["a", "b"],
        ["c", null],
      ],
    ],
    ['a=b" c"d', [["a", 'b" c"d']]],
    ["vfio-pci.ids=10de:2204", [["vfio_pci.ids", "10de:2204"]]],
    ["a=", [["a", ""]]],
    ["=a", [["=a", null]]],
    [
      "\t a\n b ",
      [
        ["a", null],
        ["b", null],
      ],
    ],
    ["", []],
  ])("reads %j as the kernel does", (line, expected) => {
    expect(parseKernelParameters(line).map(({ name, value }) => [name, value])).toEqual(expected);
  });

  it("leaves to init what follows --", () => {
    const { parameters, initStart } = parseCommandLine("quiet -- iommu=pt");
    expect(parameters.map(({ raw }) => raw)).toEqual(["quiet"]);
    expect(initStart).toBe(6);
  });

  it("sees an open quote", () => {
    expect(parseCommandLine('a="b c').balanced).toBe(false);
    expect(parseCommandLine('a="b c"').balanced).toBe(true);
  });

  it("keeps every raw text where it stands", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "=", '"', " ", "-", "\n", "b") }), (line) => {
        let rest = line;
        const { parameters, initStart } = parseCommandLine(line);
        for (const { raw, start } of [...parameters].reverse()) {
          expect(line.slice(start, start + raw.length)).toBe(raw);
          rest = rest.slice(0, start) + rest.slice(start + raw.length);
        }
        if (initStart === null) expect(rest.trim()).toBe("");
      }),
    );
  });
});

describe("satisfies", () => {
  it.each([
    // options that add up
    ["intel_iommu=on", "intel_iommu=on"],
    ["intel_iommu=on,sm_on", "intel_iommu=on"],
    ["intel_iommu=sm_on,on", "intel_iommu=on,sm_on"],
    ["intel_iommu=on intel_iommu=igfx_off", "intel_iommu=on"],
    ["intel_iommu=off intel_iommu=on", "intel_iommu=on"],
    ["intel-iommu=on", "intel_iommu=on"],
    ["pci=noaer pci=realloc", "pci=noaer,realloc"],
    ["pcie_acs_override=downstream,multifunction", "pcie_acs_override=multifunction"],
    // the last wins
    ["iommu=nopt iommu=pt", "iommu=pt"],
    ["iommu=pt,force", "iommu=pt"],
    ["iommu.passthrough=0 iommu.passthrough=1", "iommu.passthrough=1"],
    ["kvm.ignore_msrs=1", "kvm.ignore-msrs=1"],
    ["kvm.ignore_msrs=Y", "kvm.ignore_msrs=1"],
    ["kvm.ignore_msrs", "kvm.ignore_msrs=1"],
    // flags, quotes, hex
    ["ro quiet splash", "quiet"],
    ['"iommu=pt"', "iommu=pt"],
    ['iommu="pt"', "iommu=pt"],
    ["memmap=0X1F", "memmap=0x1f"],
    ["vfio-pci.ids=10DE:2204,10de:1AEF", "vfio_pci.ids=10de:1aef,10de:2204"],
    ["vfio-pci.ids=10de:2204,10de:1aef", "vfio-pci.ids=10de:1aef"],
    // each by itself
    ["console=tty0 console=ttyS0,115200", "console=tty0"],
    ["modprobe.blacklist=nouveau modprobe.blacklist=radeon,amdgpu", "modprobe.blacklist=nouveau,radeon"],
    ["rd.driver.pre=a rd.driver.pre=vfio-pci", "rd.driver.pre=a"],
    ["rd.luks.uuid=1 rd.luks.uuid=2", "rd.luks.uuid=1"],
    ["module_blacklist=nouveau,radeon", "module_blacklist=radeon"],
    // huge pages
    ["hugepagesz=2M hugepages=512 hugepagesz=1G hugepages=16", "hugepagesz=1G hugepages=16"],
    ["hugepagesz=1024M hugepages=16", "hugepagesz=1G hugepages=16"],
    ["hugepages=512", "hugepages=512"],
    ["hugepagesz=1G hugepages=16 hugepages=8", "hugepagesz=1G hugepages=16"],
    ["default_hugepagesz=1G hugepages=16", "hugepagesz=1G hugepages=16"],
  ])("%s says %s", (line, parameter) => {
    expect(satisfies(line, parameter)).toBe(true);
  });

  it.each([
    ["", "quiet"],
    ["intel_iommu=on intel_iommu=off", "intel_iommu=on"],
    ["intel_iommu=on intel_iommu=on,off", "intel_iommu=on"],
    ["intel_iommu=sm_on", "intel_iommu=on"],
    ["intel_iommu=only", "intel_iommu=on"],
    ["xintel_iommu=on", "intel_iommu=on"],
    ["amd_iommu=off amd_iommu=on", "amd_iommu=on"],
    ["iommu=pt iommu=nopt", "iommu=pt"],
    ["iommu=pt iommu=off", "iommu=pt"],
    ["iommu.passthrough=1 iommu.passthrough=0", "iommu.passthrough=1"],
    ["quiet=1", "quiet"],
    ["notquiet", "quiet"],
    ["root=LABEL=Abba", "root=LABEL=ABBA"],
    ["-- iommu=pt", "iommu=pt"],
    ['foo="bar iommu=pt"', "iommu=pt"],
    ["console=ttyS0,115200", "console=ttyS0"],
    ["module_blacklist=nouveau module_blacklist=radeon", "module_blacklist=nouveau"],
    ["vfio-pci.ids=10de:2204 vfio-pci.ids=1002:73bf", "vfio-pci.ids=10de:2204"],
    ["hugepagesz=2M hugepages=16", "hugepagesz=1G hugepages=16"],
    ["hugepagesz=1G hugepages=8 hugepagesz=2M hugepages=16", "hugepagesz=1G hugepages=16"],
    ["hugepagesz=1G hugepages=16", "hugepages=16"],
  ])("%s does not say %s", (line, parameter) => {
    expect(satisfies(line, parameter)).toBe(false);
  });

  it("counts what the kernel was given and not what stands after it for init", () => {
    expect(satisfies("BOOT_IMAGE=/vmlinuz root=/dev/sda1 ro iommu=pt -- iommu=nopt", "iommu=pt")).toBe(true);
  });
});

describe("unmetParameters", () => {
  it("names what is missing as it was declared", () => {
    expect(
      unmetParameters("quiet iommu=pt", ["intel_iommu=on", "iommu=pt", "vfio-pci.ids=10DE:2204"]),
    ).toEqual(["intel_iommu=on", "vfio-pci.ids=10DE:2204"]);
  });

  it("takes a huge page size with the count that follows it", () => {
    const declared = ["hugepagesz=1G", "hugepages=16", "hugepagesz=2M", "hugepages=512"];
    expect(unmetParameters("hugepagesz=2M hugepages=512", declared)).toEqual([
      "hugepagesz=1G",
      "hugepages=16",
    ]);
    expect(unmetParameters(declared.join(" "), declared)).toEqual([]);
  });
});

describe("checkParameter", () => {
  it.each([
    "iommu=pt",
    "quiet",
    "vfio-pci.ids=10de:2204,10de:1aef",
    'dyndbg="file a.c +p; line 3"',
    "a=",
    "a:b@c%d",
  ])("lets %j pass", (text) => {
    expect(() => checkParameter(text)).not.toThrow();
  });

  it.each([
    ["", /it is empty/],
    [" ", /it is empty/],
    ["iommu=pt\nquiet", /a line break/],
    ["iommu=\u0007", /a control character/],
    ["iommu\u00a0=pt", /outside of ASCII/],
    ["a=$HOME", /GRUB.*would expand/],
    ["a=`id`", /GRUB.*would expand/],
    ["a=b\\c", /GRUB.*would expand/],
    ["a='b'", /a quote, which the kernel does not/],
    ['a="b', /a double quote is left open/],
    ["iommu=pt quiet", /declare each parameter by itself/],
    [" iommu=pt", /declare each parameter by itself/],
    ["--", /for init/],
    ["-quiet", /starts with a dash/],
    ["=on", /starts with =/],
    ["#quiet", /starts with #/],
    ["a=b;reboot", /outside of double quotes/],
  ])("refuses %j", (text, message) => {
    expect(() => checkParameter(text)).toThrow(message);
    expect(() => checkParameter(text)).toThrow(/cannot be a kernel parameter/);
  });

  it("refuses declarations that undo each other", () => {
    expect(() => checkParameters(["intel_iommu=on", "iommu=pt"])).not.toThrow();
    expect(() => checkParameters(["console=tty0", "console=ttyS0"])).not.toThrow();
    expect(() => checkParameters(["iommu=pt", "iommu=nopt"])).toThrow(/"iommu=pt" is undone by another one/);
  });
});

describe("addParameters", () => {
  it.each([
    ["", "a b=1"],
    ["\n", "a b=1\n"],
    ["root=/dev/sda1 ro\n", "root=/dev/sda1 ro a b=1\n"],
    ["ro  \n", "ro a b=1  \n"],
    ["ro -- single\n", "ro a b=1 -- single\n"],
    ["-- single", "a b=1 -- single"],
    ["a", "a a b=1"],
  ])("puts them into %j", (line, after) => {
    expect(addParameters(line, ["a", "b=1"])).toBe(after);
    expect(removeParameters(after, ["a", "b=1"])).toBe(line);
  });

  it("refuses a file of several lines, and a quote that would swallow ours", () => {
    expect(() => addParameters("ro\nquiet\n", ["a"])).toThrow(/several lines/);
    expect(() => addParameters('a="b', ["a"])).toThrow(/open double quote/);
    expect(() => addParameters("ro", ["a b"])).toThrow(/cannot be a kernel parameter/);
  });
});

describe("removeParameters", () => {
  it.each([
    ["a ro", ["a"], "ro"],
    ["ro a quiet", ["a"], "ro quiet"],
    ["ro iommu=PT", ["iommu=pt"], "ro iommu=PT"],
    ['ro "iommu=pt"', ["iommu=pt"], "ro"],
    ["iommu=nopt", ["iommu=pt"], "iommu=nopt"],
    ["a -- a", ["a"], "-- a"],
    ["a ro a", ["a"], "a ro"],
    ["ro vfio_pci.ids=10de:1aef,10DE:2204", ["vfio-pci.ids=10de:2204,10de:1aef"], "ro"],
    ["", ["a"], ""],
  ])("takes out of %j %j", (line, parameters, after) => {
    expect(removeParameters(line, parameters)).toBe(after);
  });
});

describe("mergeParameters", () => {
  it("adds what nobody says yet, and owns only that", () => {
    expect(
      mergeOwnedParameters({
        base: [],
        declared: ["intel_iommu=on", "iommu=pt"],
        now: "ro intel_iommu=on,sm_on\n",
      }),
    ).toEqual({ line: "ro intel_iommu=on,sm_on iommu=pt\n", owned: ["iommu=pt"] });
  });

  it("takes out what is no longer declared, and nothing else", () => {
    expect(mergeParameters({ base: ["iommu=pt", "a"], declared: ["a"], now: "ro iommu=pt a quiet" })).toBe(
      "ro a quiet",
    );
  });

  it("does not take out what somebody changed after us", () => {
    expect(mergeParameters({ base: ["iommu=pt"], declared: [], now: "ro iommu=nopt" })).toBe("ro iommu=nopt");
  });

  it("replaces a changed declaration", () => {
    expect(mergeParameters({ base: ["a=1"], declared: ["a=2"], now: "a=1 ro" })).toBe("ro a=2");
  });

  it("moves ours behind what undoes it, instead of repeating it", () => {
    expect(
      mergeParameters({ base: ["iommu=pt"], declared: ["iommu=pt"], now: "ro iommu=pt iommu=nopt" }),
    ).toBe("ro iommu=nopt iommu=pt");
  });

  it("puts back what somebody took out", () => {
    expect(mergeParameters({ base: ["iommu=pt"], declared: ["iommu=pt"], now: "ro" })).toBe("ro iommu=pt");
  });

  it("keeps a huge page size and its count together", () => {
    const declared = ["hugepagesz=1G", "hugepages=16"];
    expect(mergeOwnedParameters({ base: [], declared, now: "hugepagesz=2M hugepages=16" })).toEqual({
      line: "hugepagesz=2M hugepages=16 hugepagesz=1G hugepages=16",
      owned: declared,
    });
  });

  it("leaves in place what stays unmet wherever it stands", () => {
    // A count without a size belongs to the size before it, which somebody else has given its count.
    const declared = ["hugepages=16", "quiet"];
    const once = mergeOwnedParameters({ base: [], declared, now: "hugepagesz=2M hugepages=512" });
    expect(once.line).toBe("hugepagesz=2M hugepages=512 hugepages=16 quiet");
    expect(mergeOwnedParameters({ base: once.owned, declared, now: once.line })).toEqual(once);
    expect(unmetParameters(once.line, declared)).toEqual(["hugepages=16"]);
  });

  const names = [
    "a",
    "b",
    "intel_iommu",
    "iommu",
    "console",
    "modprobe.blacklist",
    "vfio-pci.ids",
    "rd.luks.uuid",
  ];
  const values = ["", "=on", "=off", "=pt", "=nopt", "=x,y", '="p q"', "=0x1F", "=10de:2204"];
  const parameter = fc
    .tuple(fc.constantFrom(...names), fc.constantFrom(...values))
    .map(([name, value]) => name + value);
  const declared = fc.uniqueArray(parameter, { maxLength: 5 });
  const gap = fc.constantFrom(" ", "  ", "\t");
  const line = fc
    .tuple(
      fc.constantFrom("", " "),
      fc.array(fc.tuple(parameter, gap), { maxLength: 6 }),
      fc.constantFrom("", "-- single iommu=off", "-- "),
      fc.constantFrom("", "\n"),
    )
    .map(([start, parts, init, end]) => start + parts.flat().join("") + init + end);

  it("gives the first line back when what was added is removed", () => {
    fc.assert(
      fc.property(line, declared, (now, ours) => {
        expect(removeParameters(addParameters(now, ours), ours)).toBe(now);
      }),
      { numRuns: 500 },
    );
  });

  it("merged twice is merged once", () => {
    fc.assert(
      fc.property(line, declared, declared, (now, base, wanted) => {
        fc.pre(unmetParameters(wanted.join(" "), wanted).length === 0);
        const once = mergeOwnedParameters({ base, declared: wanted, now });
        const twice = mergeOwnedParameters({ base: once.owned, declared: wanted, now: once.line });
        expect(twice).toEqual(once);
      }),
      { numRuns: 1000 },
    );
  });

  it("keeps what is foreign, byte for byte and in order, and gives it back in the end", () => {
    fc.assert(
      fc.property(line, declared, (now, wanted) => {
        const { line: merged, owned } = mergeOwnedParameters({ base: [], declared: wanted, now });
        expect(mergeParameters({ base: owned, declared: [], now: merged })).toBe(now);
      }),
      { numRuns: 500 },
    );
  });

  it("satisfies every declaration that does not contradict itself", () => {
    fc.assert(
      fc.property(line, declared, declared, (now, base, wanted) => {
        fc.pre(unmetParameters(wanted.join(" "), wanted).length === 0);
        const merged = mergeParameters({ base, declared: wanted, now });
        expect(unmetParameters(merged, wanted)).toEqual([]);
      }),
      { numRuns: 1000 },
    );
  });
});

describe("checkCommandLineLength", () => {
  it("counts bytes, and refuses what the kernel would cut", () => {
    expect(commandLineLength("quiet\n")).toBe(5);
    expect(() => checkCommandLineLength("a".repeat(1888))).not.toThrow();
    expect(() => checkCommandLineLength("a".repeat(1889))).toThrow(/would have 1889 bytes/);
  });
});
