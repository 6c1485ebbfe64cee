import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { grubDropIn, parseGrubDropIn } from "../../lib/model/grub";

const parameters = ["intel_iommu=on", "iommu=pt"];
const dropIn = 'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT intel_iommu=on iommu=pt"\n';

describe("grubDropIn", () => {
  it("appends to what is there", () => {
    expect(grubDropIn(parameters)).toBe(dropIn);
  });

  it("gives a shell exactly the declared parameters, behind others'", () => {
    const declared = [...parameters, 'dyndbg="file a.c +p; #1 & <x>"', "a={1}!~*?"].slice(0, 3);
    const script = `set -e; GRUB_CMDLINE_LINUX_DEFAULT="quiet splash"\n${grubDropIn(declared)}printf %s "$GRUB_CMDLINE_LINUX_DEFAULT"`;
    const evaluated = execFileSync("sh", ["-c", script], { encoding: "utf8" });
    expect(evaluated).toBe(["quiet", "splash", ...declared].join(" "));
  });

  it.each(["a=$HOME", "a=`id`", 'a"', "a\nb"])("refuses %j", (text) => {
    expect(() => grubDropIn([text])).toThrow(/cannot be a kernel parameter/);
  });

  it("is read back as it was written", () => {
    const value = fc.string({ unit: fc.constantFrom("a", "1", ",", ":", ".", "=", "-", "@") });
    const parameter = fc.oneof(
      value.map((text) => `name=${text}`),
      value.map((text) => `name="${text} ;# ${text}"`),
      fc.constant("quiet"),
    );
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 5 }), (declared) => {
        expect(parseGrubDropIn(grubDropIn(declared))).toEqual(declared);
      }),
    );
  });
});

describe("parseGrubDropIn", () => {
  it.each([
    ["# Written by us\n\n" + dropIn, parameters],
    [dropIn.trim(), parameters],
    ['  GRUB_CMDLINE_LINUX_DEFAULT="${GRUB_CMDLINE_LINUX_DEFAULT} iommu=pt" # mine', ["iommu=pt"]],
    ['GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT"', []],
  ])("reads %j", (text, expected) => {
    expect(parseGrubDropIn(text)).toEqual(expected);
  });

  it.each([
    "",
    "# nothing but a comment",
    'GRUB_CMDLINE_LINUX_DEFAULT="iommu=pt"',
    'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX iommu=pt"',
    dropIn + "GRUB_TIMEOUT=0\n",
    dropIn + dropIn,
    'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT $(cat /x)"',
    'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT iommu=pt',
    'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT_OLD iommu=pt"',
    'GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT -- iommu=pt"',
  ])("gives %j up", (text) => {
    expect(parseGrubDropIn(text)).toBeNull();
  });
});
