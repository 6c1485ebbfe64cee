import { lockedVersion, packageHash, withLock } from "../../lib/placement/lockFile";

const ours = { source: "cdktf-passthrough.local/cdktf/passthrough", version: "0.1.7", hashes: ["h1:new="] };
const block = `provider "cdktf-passthrough.local/cdktf/passthrough" {
  version     = "0.1.7"
  constraints = "0.1.7"
  hashes = [
    "h1:new=",
  ]
}
`;
const older = block.replaceAll("0.1.7", "0.1.3").replace("h1:new=", 'h1:old=",\n    "zh:old=');
const header = `# This file is maintained automatically by "terraform init".
# Manual edits may be lost in future updates.

`;
const nullBlock = `provider "registry.terraform.io/hashicorp/null" {
  version     = "3.2.4"
  constraints = "3.2.4"
  hashes = [
    "h1:null=",
  ]
}
`;
const lookalike = nullBlock.replace(
  "registry.terraform.io/hashicorp/null",
  "cdktf-passthroughXlocal/cdktf/passthrough",
);

const cases: [what: string, before: string, after: string][] = [
  ["no lock file", "", block],
  ["only a header", header, header + block],
  ["ours, already right", header + block, header + block],
  ["ours, older", header + older, header + block],
  ["ours older between others", header + older + "\n" + nullBlock, header + block + "\n" + nullBlock],
  ["ours older after others", header + nullBlock + "\n" + older, header + nullBlock + "\n" + block],
  ["others only", header + nullBlock, header + nullBlock + "\n" + block],
  ["others only, without a last line break", nullBlock.trimEnd(), nullBlock + "\n" + block],
  ["another source that looks like ours", lookalike, lookalike + "\n" + block],
  ["ours without constraints", header + older.replace(/^ {2}constraints.*\n/m, ""), header + block],
];
const newlines = { LF: "\n", CRLF: "\r\n" };
const variants = cases.flatMap(([what, before, after]) =>
  (["LF", "CRLF"] as const).map((name) => ({
    what,
    name,
    before: before.replaceAll("\n", newlines[name]),
    // An empty file has no line ends to follow.
    after: before === "" ? after : after.replaceAll("\n", newlines[name]),
  })),
);

test.each(variants)("$what, $name", ({ before, after }) => {
  expect(withLock(before, ours)).toBe(after);
  expect(withLock(after, ours)).toBe(after);
});

test("without hashes there is no empty list of them", () => {
  expect(withLock("", { ...ours, hashes: [] })).toBe(block.replace(/ {2}hashes[^\]]*\]\n/, ""));
});

test.each([
  [ours.source, "0.1.7"],
  ["registry.terraform.io/hashicorp/null", "3.2.4"],
  ["registry.terraform.io/hashicorp/random", undefined],
])("%s is locked at %s", (source, version) => {
  expect(lockedVersion(header + block + "\n" + nullBlock, source)).toBe(version);
});

test("the hash is over names and contents in the order of the names", () => {
  const files = { b: Buffer.from("2"), a: Buffer.from("1") };

  // printf '%s  a\n%s  b\n' "$(printf 1 | sha256sum | cut -c-64)" "$(printf 2 | sha256sum | cut -c-64)" |
  //   openssl dgst -sha256 -binary | base64
  expect(packageHash(files)).toBe("h1:aMKRn0MF5QgACCq38R6xfZbHgy9ZFU6XsdNzpReaY+o=");
  expect(packageHash({ a: files.a, b: files.b })).toBe(packageHash(files));
  expect(packageHash({ ...files, a: Buffer.from("3") })).not.toBe(packageHash(files));
});
