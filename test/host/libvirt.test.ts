import { gzipSync } from "node:zlib";
import { parseLibvirt } from "../../lib/host/libvirt";

const word = "5f1c0f3e-0000-4000-8000-00000000abcd";
const one = "00000000-0000-4000-8000-000000000001";
const two = "00000000-0000-4000-8000-000000000002";
const definition = (name: string, more = "") => `<domain>\n  <name>${name}</name>\n${more}</domain>\n`;

const parse = (...parts: string[]) =>
  parseLibvirt({
    complaint: "",
    word,
    domains: gzipSync(parts.map((part) => `${word} ${part}`).join("")).toString("base64"),
  });

describe("what the probe says of libvirt", () => {
  it("is each domain with its definitions and marks, without line feeds at the end", () => {
    const { complaint, domains } = parse(
      `persistent ${one}\n`,
      `persistent ${two}\n`,
      `autostart ${two}\n`,
      `configured ${one}${definition("web")}\n`,
      `configured ${two}\n${definition("db")}`,
      `live ${two}${definition("db", "<a/>\n")}`,
    );
    expect(complaint).toBeNull();
    expect(domains).toEqual({
      web: {
        uuid: one,
        configured: definition("web").trimEnd(),
        live: null,
        persistent: true,
        autostart: false,
      },
      db: {
        uuid: two,
        configured: definition("db").trimEnd(),
        live: definition("db", "<a/>\n").trimEnd(),
        persistent: true,
        autostart: true,
      },
    });
  });

  it.each([
    ["it&apos;s &quot;ours&quot; &amp; &lt;more&gt;", `it's "ours" & <more>`],
    ["; reboot $(reboot)", "; reboot $(reboot)"],
    ["__proto__", "__proto__"],
    ["caf&#xe9; &#233; &nbsp;", "café é &nbsp;"],
  ])("is a name as it is meant: %s", (written, name) => {
    expect(Object.keys(parse(`configured ${one}\n${definition(written)}`).domains)).toEqual([name]);
  });

  it("is not what a definition pretends to be", () => {
    const hostile = definition(
      "web",
      `configured ${two}\n<domain><name>db</name></domain>\npersistent ${one}\n`,
    );
    const { domains } = parse(`configured ${one}\n${hostile}`);
    expect(domains).toEqual({ web: expect.objectContaining({ uuid: one, persistent: false }) });
  });

  it("leaves out a domain that went meanwhile", () => {
    expect(parse(`persistent ${one}\n`, `configured ${one}\n`, `live ${one}\n`).domains).toEqual({});
  });

  it("is libvirt's own words where it did not answer", () => {
    const complaint = Buffer.from("error: Failed to connect socket\n").toString("base64");
    expect(parseLibvirt({ complaint, word: "", domains: "" })).toEqual({
      complaint: "error: Failed to connect socket",
      domains: {},
    });
  });
});
