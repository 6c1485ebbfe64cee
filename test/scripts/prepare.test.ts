/** The commands of a fresh clone on a machine that lacks something. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "..", "..");

let bin: string;
beforeEach(() => {
  bin = mkdtempSync(join(tmpdir(), "path-"));
  symlinkSync(process.execPath, join(bin, "node"));
});
afterEach(() => rmSync(bin, { recursive: true }));

const run = (script: string) =>
  spawnSync(process.execPath, [join(root, "scripts", script)], { env: { PATH: bin }, encoding: "utf8" });

test.each(["demo.mjs", "test.mjs"])(
  "%s without Terraform says what to install, and nothing else",
  (script) => {
    const { status, stdout, stderr } = run(script);

    expect(stderr).toMatch(
      /^Neither terraform nor tofu is on the PATH\. Install Terraform .* or OpenTofu .*\n$/,
    );
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
  },
);

test("a terraform that does not start is none", () => {
  writeFileSync(join(bin, "terraform"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });

  expect(run("test.mjs").stderr).toContain("Neither terraform nor tofu is on the PATH.");
});
