/** OpenNebula's commands on the embedded front end, as its published grammar has them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { startEmbeddedHost, type EmbeddedHost } from "../../lib/embedded";
import { parseTemplate } from "../../lib/embedded/opennebula/templateSyntax";
import { printTemplate, templateOf, valueProblem, type Template } from "../../lib/model/openNebulaTemplate";
import { sh } from "../support/byHand";

describe("template syntax", () => {
  test("names, bare and quoted values, sections, comments", () => {
    const text =
      '# a comment\nCPU = 1\nODD="a"b\nname="a \\"b\\", ]\nc"\n\nEMPTY=\nPCI = [\n  vendor = "8086",\n  CLASS = 0403 ]\nX=[]\n';
    expect(parseTemplate(text)).toEqual([
      ["CPU", "1"],
      ["ODD", '"a"b'],
      ["NAME", 'a "b", ]\nc'],
      ["EMPTY", ""],
      ["PCI", { VENDOR: "8086", CLASS: "0403" }],
      ["X", {}],
    ]);
  });

  test.each(['A="x y', "A=[B=1", "A B", 'A="]]>"', "=1", "A=[B=1 C=2]"])("%j is a syntax error", (text) => {
    expect(() => parseTemplate(text)).toThrow(/^syntax error/);
  });

  /** Names in upper case, as OpenNebula keeps them, and each group of equal names together. */
  const name = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/);
  const value = fc
    .oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('"', "\\", "]", "[", ",", "\n", "=", "#", "$", "a", " ", "]]", ">"))
        .map((all) => all.join("")),
    )
    .filter((text) => valueProblem(text) === null && !text.includes("\r"));
  const section = fc.dictionary(name, value, { noNullPrototype: true, minKeys: 1 });
  const template: fc.Arbitrary<Template> = fc.array(fc.record({ name, value: fc.oneof(value, section) }), {
    maxLength: 6,
  });

  test("whatever can be printed is read as it was", () => {
    fc.assert(
      fc.property(template, (attributes) => {
        expect(parseTemplate(printTemplate(attributes))).toEqual(
          attributes.map(({ name: key, value: words }) => [key, words]),
        );
      }),
    );
  });

  test.each(["ends with \\", "a]]>b", "bell \x07", "nul \0"])("%j cannot be printed", (words) => {
    expect(() => printTemplate([{ name: "X", value: words }])).toThrow(/^X is /);
    expect(() => printTemplate([{ name: "X", value: { Y: words } }])).toThrow(/^X\.Y is /);
  });

  test.each(["A B", "", "A=", "A]"])("%j cannot name an attribute", (key) => {
    expect(() => printTemplate([{ name: key, value: "1" }])).toThrow("cannot name an attribute");
  });
});

describe("the commands", () => {
  let folder: string;
  let host: EmbeddedHost;
  const file = (text: string): string => {
    writeFileSync(join(host.root, "tmp", "given"), text);
    return "/tmp/given";
  };
  const json = async (command: string) =>
    JSON.parse(await sh(host, command)) as Record<"VM" | "VMTEMPLATE", { TEMPLATE: object }>;
  const shown = async (id: number) =>
    templateOf((await json(`onevm show -j ${id}`)).VM.TEMPLATE).filter(({ name }) => name === "PCI");
  const listed = async (id: number): Promise<string[]> => {
    const { HOST } = (await json(`onehost show -j ${id}`)) as unknown as {
      HOST: {
        HOST_SHARE: {
          PCI_DEVICES: {
            PCI?: { SHORT_ADDRESS: string; VMID: string }[] | { SHORT_ADDRESS: string; VMID: string };
          };
        };
      };
    };
    return [HOST.HOST_SHARE.PCI_DEVICES.PCI ?? []]
      .flat()
      .map(({ SHORT_ADDRESS, VMID }) => (VMID === "-1" ? SHORT_ADDRESS : `${SHORT_ADDRESS} ${VMID}`));
  };

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "passthrough-one-"));
    host = await startEmbeddedHost({ profile: "opennebula-frontend", dir: join(folder, "host") });
    const conf = "/var/lib/one/remotes/etc/im/kvm-probes.d/pci.conf";
    await sh(host, `sed -i "s/'0:0'/'10de:*'/" ${conf}`);
  });
  afterAll(async () => {
    await host.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test("a changed filter reaches the hosts with a forced sync and their next monitoring", async () => {
    expect(await listed(0)).toEqual([]);
    await sh(host, "onehost sync");
    await sh(host, "onehost forceupdate");
    expect(await listed(0)).toEqual([]);
    await sh(host, "onehost sync --force");
    expect(await listed(0)).toEqual([]);
    await sh(host, "onehost forceupdate");
    expect(await listed(0)).toEqual(["01:00.0", "01:00.1", "01:00.2", "01:00.3"]);
    // A device that a VM has stays listed.
    expect(await listed(1)).toEqual(["00:1b.0 43", "04:00.0"]);
  });

  test("a host's own filter stands before the common one", async () => {
    await sh(
      host,
      `onehost update 1 ${file('PCI_FILTER="8086:10d3"')} --append && onehost forceupdate node2`,
    );
    expect(await listed(1)).toEqual(["00:1b.0 43", "03:00.0"]);
  });

  test("a device is attached to a VM that is off, and shown at the host", async () => {
    await sh(host, `onevm pci-attach 42 --file ${file('PCI=[VENDOR="10de",CLASS="0300",MINE="x"]')}`);
    expect(await shown(42)).toEqual([
      {
        name: "PCI",
        value: expect.objectContaining({
          VENDOR: "10de",
          SHORT_ADDRESS: "01:00.0",
          PCI_ID: "0",
          MINE: "x",
        }) as object,
      },
    ]);
    expect(await listed(0)).toContain("01:00.0 42");
    await sh(host, "onevm pci-detach 42 0");
    expect(await shown(42)).toEqual([]);
    expect(await listed(0)).toContain("01:00.0");
  });

  test.each([
    ["a VM that runs", "onevm pci-attach 43", 'PCI=[CLASS="0300"]', "wrong state RUNNING"],
    [
      "a VM that is not there",
      "onevm pci-attach 99",
      'PCI=[CLASS="0300"]',
      "Error getting virtual machine [99]",
    ],
    [
      "address and id at once",
      "onevm pci-attach 42",
      'PCI=[VENDOR="10de",SHORT_ADDRESS="01:00.0"]',
      "SHORT_ADDRESS cannot be used with VENDOR",
    ],
    ["nothing named", "onevm pci-attach 42", 'PCI=[X="1"]', "names no device"],
    ["nothing free", "onevm pci-attach 42", 'PCI=[VENDOR="1af4"]', "no such device free"],
    ["two sections", "onevm pci-attach 42", 'PCI=[CLASS="0300"]\nPCI=[CLASS="0403"]', "more than one"],
    [
      "an unknown network",
      "onevm nic-attach 42",
      'PCI=[TYPE="NIC",NETWORK="nowhere",CLASS="0200"]',
      "does not own a network with name: nowhere",
    ],
    ["a syntax error", "onetemplate update 7", 'CPU="1 2', "Cannot parse template: syntax error"],
    ["a network without a driver", "onevnet create", 'NAME="x"\nBRIDGE="br"', "No VN_MAD in template"],
  ])("%s is refused", async (_what, command, text, words) => {
    const path = file(text);
    const line = command.startsWith("onevm") ? `${command} --file ${path}` : `${command} ${path}`;
    await expect(sh(host, line)).rejects.toThrow(words);
  });

  test("a template is replaced as a whole", async () => {
    const before = (await json("onetemplate show -j 7")).VMTEMPLATE.TEMPLATE;
    const text = printTemplate(templateOf(before));
    await sh(host, `onetemplate update 7 ${file(text)}`);
    expect((await json("onetemplate show -j 7")).VMTEMPLATE.TEMPLATE).toEqual(before);
  });
});
