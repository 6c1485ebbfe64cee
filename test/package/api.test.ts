import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(__dirname, "..", "..");
const kept = join(root, "docs", "api");

test("docs/api says what the docstrings of the constructs say; `npm run reference` writes it", () => {
  const made = mkdtempSync(join(tmpdir(), "api-"));
  try {
    execFileSync(process.execPath, [join(root, "scripts", "api.mjs"), made], { stdio: "pipe" });
    expect(readdirSync(made, { recursive: true })).toEqual(readdirSync(kept, { recursive: true }));
    expect(readFileSync(join(made, "README.md"), "utf8")).toBe(readFileSync(join(kept, "README.md"), "utf8"));
  } finally {
    rmSync(made, { recursive: true });
  }
}, 120_000);

test("it has the constructs and nothing of the machine it was made on", () => {
  const text = readFileSync(join(kept, "README.md"), "utf8");
  for (const name of ["IommuHost", "VfioBinding", "PassthroughVm", "IommuHostProps"])
    expect(text).toContain(`### ${name}\n`);
  expect(text).not.toContain(root);
  expect(text).not.toContain("_addBinding");
  expect(text).not.toMatch(/github\.com|Defined in|file:\/\//);
});
