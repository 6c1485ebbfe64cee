import { markdown } from "../../lib/review/markdown";
import { parsePlan } from "../../lib/review/plan";
import { review } from "../../lib/review/review";
import { recorded, recordedText } from "./recorded";

const secret = "correct-horse";

function host(change: object, more: object = {}): string {
  const type = "passthrough_iommu_host";
  return JSON.stringify({
    format_version: "1.2",
    resource_changes: [{ address: `${type}.h`, type, name: "h", change: { actions: ["update"], ...change } }],
    ...more,
  });
}

function everythingSaid(content: string): string {
  const found = review([parsePlan("plan.json", content, null)]);
  return (
    JSON.stringify(found) +
    markdown(found, { marker: "plan", limit: 65_536, rest: null, violations: null }).markdown
  );
}

test("the recorded plan has it in clear, in a file that Terraform does not know to be secret", () => {
  expect(recordedText("secret")).toContain(`options kvm nx_huge_pages=${secret}\\n`);
  expect(JSON.stringify(review([recorded("secret")]))).not.toContain(secret);
});

test.each([
  [
    "in a marked value",
    { after: { host: "h", softdeps: { kvm: secret } }, after_sensitive: { softdeps: { kvm: true } } },
  ],
  [
    "in a marked map",
    { after: { host: "h", softdeps: { kvm: secret } }, after_sensitive: { softdeps: true } },
  ],
  [
    "in a marked entry of a list",
    { after: { host: "h", modules: ["a", secret] }, after_sensitive: { modules: [false, true] } },
  ],
  ["in a marked resource", { after: { host: secret }, after_sensitive: true }],
  [
    "in what was before",
    {
      before: { host: "h", owner: secret },
      before_sensitive: { owner: true },
      after: { host: "h", owner: secret },
      after_sensitive: {},
    },
  ],
  [
    "elsewhere, as part of another value",
    {
      after: {
        host: "h",
        owner: secret,
        reboot_required: true,
        reboot_reason: `runs with ${secret}`,
        files: { [`/etc/${secret}`]: `x=${secret}\n` },
      },
      after_sensitive: { owner: true },
    },
  ],
  [
    "as one line of a marked text",
    {
      after: { host: "h", owner: `first line\n${secret}`, softdeps: { a: secret } },
      after_sensitive: { owner: true },
    },
  ],
])("%s", (_what, change) => {
  const said = everythingSaid(host({ before: { host: "h" }, ...change }));
  expect(said).not.toContain(secret);
  expect(said).toContain("(sensitive)");
});

test("a sensitive variable's value, wherever a provider has put it", () => {
  const content = host(
    { before: { host: "h" }, after: { host: "h", files: { "/etc/x": secret } } },
    {
      variables: { key: { value: secret } },
      configuration: { root_module: { variables: { key: { sensitive: true } } } },
    },
  );
  expect(everythingSaid(content)).not.toContain(secret);
});

test("a short one hides its own place only: the plan would not be legible", () => {
  const said = everythingSaid(
    host({
      before: { host: "h" },
      after: { host: "h", owner: "on", kernel_parameters: ["mitigations=on"] },
      after_sensitive: { owner: true },
    }),
  );
  expect(said).toContain("mitigations=on");
  expect(said).toContain("+ owner = (sensitive)");
});
