import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { NullProvider } from "@cdktf/provider-null/lib/provider";
import { TerraformProvider, Testing, type TerraformStack } from "cdktf";
import { readBundles } from "../../lib/placement/bundles";
import { place } from "../../lib/placement/place";
import { PassthroughProvider } from "../../lib";
import { fakeBundles, fullSynth, newHost, newStack } from "./support";

jest.mock("../../lib/placement/bundles", () => ({
  ...jest.requireActual<object>("../../lib/placement/bundles"),
  bundles: () => fakeBundles(),
}));

class AnyProvider extends TerraformProvider {}

const mirror = "terraform.d/plugins/cdktf-passthrough.local/cdktf/passthrough";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "placed here "))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Every file below the folder: content, mode and inode, which tells whether it was written again. */
function files(): Record<string, { text: string; mode: number; inode: number }> {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  return Object.fromEntries(
    names.flatMap((name) => {
      const path = join(folder, name);
      const { mode, ino: inode } = statSync(path);
      if (statSync(path).isDirectory()) return [];
      return [[name, { text: readFileSync(path, "utf8"), mode: mode & 0o777, inode }]];
    }),
  );
}

test("the same executable provider for every platform, the command, and the lock", () => {
  const bundles = fakeBundles();
  place(bundles, folder);

  const placed = files();
  const platforms = ["darwin_amd64", "darwin_arm64", "linux_amd64", "linux_arm64"];
  expect(Object.keys(placed)).toEqual([
    ".terraform.lock.hcl",
    "passthrough/passthrough.cjs",
    ...platforms.flatMap((platform) => [
      `${mirror}/${bundles.version}/${platform}/provider.cjs`,
      `${mirror}/${bundles.version}/${platform}/terraform-provider-passthrough_v${bundles.version}`,
    ]),
  ]);
  for (const platform of platforms) {
    const at = `${mirror}/${bundles.version}/${platform}`;
    expect(placed[`${at}/provider.cjs`]?.text).toBe("// provider");
    expect(placed[`${at}/terraform-provider-passthrough_v${bundles.version}`]?.mode).toBe(0o755);
  }
  expect(placed["passthrough/passthrough.cjs"]?.text).toBe("// command");
  expect(placed[".terraform.lock.hcl"]?.text).toContain(`version     = "${bundles.version}"`);
});

test("twice is once", () => {
  place(fakeBundles(), folder);
  const first = files();

  place(fakeBundles(), folder);

  expect(files()).toEqual(first);
});

test("another version replaces the old one and its lock", () => {
  const [older, newer] = [fakeBundles("// older"), fakeBundles("// newer")];
  place(older, folder);

  place(newer, folder);

  expect(readdirSync(join(folder, mirror))).toEqual([newer.version]);
  expect(readFileSync(join(folder, ".terraform.lock.hcl"), "utf8")).not.toContain(older.version);
});

test("what others put into the folder stays", () => {
  const foreign = join(folder, "terraform.d/plugins/example.com/a/b/1.0.0/linux_amd64/terraform-provider-b");
  mkdirSync(join(foreign, ".."), { recursive: true });
  writeFileSync(foreign, "b");
  writeFileSync(join(folder, ".terraform.lock.hcl"), 'provider "example.com/a/b" {\n}\n');

  place(fakeBundles(), folder);

  expect(readFileSync(foreign, "utf8")).toBe("b");
  expect(readFileSync(join(folder, ".terraform.lock.hcl"), "utf8")).toMatch(
    /^provider "example.com\/a\/b" \{\n\}\n/,
  );
});

test("a lost executable bit comes back", () => {
  const { version } = fakeBundles();
  const launcher = join(folder, mirror, version, "linux_amd64", `terraform-provider-passthrough_v${version}`);
  place(fakeBundles(), folder);
  chmodSync(launcher, 0o644);

  place(fakeBundles(), folder);

  expect(statSync(launcher).mode & 0o777).toBe(0o755);
});

test("the launcher starts the provider beside it, in a folder with spaces and below an ES module package", () => {
  const bundles = fakeBundles("process.stdout.write(require('node:path').basename(__filename));");
  writeFileSync(join(folder, "package.json"), '{"type":"module"}');
  place(bundles, folder);
  const launcher = join(
    folder,
    mirror,
    bundles.version,
    "linux_amd64",
    `terraform-provider-passthrough_v${bundles.version}`,
  );

  expect(execFileSync(launcher, { encoding: "utf8" })).toBe("provider.cjs");
});

test("without Node in the PATH the launcher says so", () => {
  const bundles = fakeBundles();
  place(bundles, folder);
  const name = `terraform-provider-passthrough_v${bundles.version}`;
  const launcher = join(folder, mirror, bundles.version, "linux_amd64", name);

  expect(() => execFileSync(launcher, { env: { PATH: folder }, stdio: "pipe" })).toThrow(
    /there is no node in the PATH/,
  );
});

describe("versions", () => {
  test("follow the provider's content and nothing else", () => {
    expect(fakeBundles("a").version).toBe(fakeBundles("a").version);
    expect(fakeBundles("a").version).not.toBe(fakeBundles("b").version);
    expect(fakeBundles("a").version).toMatch(/^0\.1\.(0|[1-9]\d*)$/);
  });

  test("a package that is not built says what to run", () => {
    expect(() => readBundles(folder)).toThrow(/provider\.cjs is missing\. Run `npm run build`/);
  });
});

describe("at synth", () => {
  test("each stack with a provider gets its own, others get none", () => {
    const app = Testing.app();
    const [one, two, none] = [newStack("one", app), newStack("two", app), newStack("none", app)];
    newHost(one);
    new PassthroughProvider(two, "provider");

    app.synth();

    const stacks = join(app.outdir, "stacks");
    expect(readdirSync(join(stacks, one.node.id))).toContain("terraform.d");
    expect(readdirSync(join(stacks, two.node.id))).toContain("terraform.d");
    expect(readdirSync(join(stacks, none.node.id))).toEqual(["cdk.tf.json"]);
  });

  test("Testing.fullSynth places it, in the version that the stack asks for", () => {
    const stack = newStack();
    newHost(stack);

    const placed = fullSynth(stack);

    const { version } = fakeBundles();
    expect(placed.read("cdk.tf.json")).toContain(`"version": "${version}"`);
    expect(readdirSync(join(placed.folder, mirror))).toEqual([version]);
  });

  describe("the stack's other providers", () => {
    const nullBlock = `provider "registry.terraform.io/hashicorp/null" {
  version     = "3.2.4"
  constraints = "3.2.4"
}
`;
    const lockOf = (prepare: (stack: TerraformStack, lock: string) => void): string => {
      const app = Testing.app();
      const stack = newStack("stack", app);
      newHost(stack);
      const path = join(app.outdir, "stacks", "stack", ".terraform.lock.hcl");
      mkdirSync(join(path, ".."), { recursive: true });
      prepare(stack, path);
      app.synth();
      return readFileSync(path, "utf8");
    };

    test("are locked at the version that the stack asks for, for init to complete", () => {
      expect(lockOf((stack) => new NullProvider(stack, "null"))).toContain(nullBlock);
    });

    test("keep a lock that is right, and lose one that is not", () => {
      const hashes = `  hashes = [\n    "h1:null=",\n  ]\n}\n`;
      const complete = nullBlock.replace(/\}\n$/, hashes);
      const kept = lockOf((stack, lock) => {
        new NullProvider(stack, "null");
        writeFileSync(lock, complete);
      });
      expect(kept).toContain(complete);

      const renewed = lockOf((stack, lock) => {
        new NullProvider(stack, "null");
        writeFileSync(lock, complete.replaceAll("3.2.4", "3.2.3"));
      });
      expect(renewed).toContain(nullBlock);
      expect(renewed).not.toContain("h1:null=");
    });

    test("are left to Terraform where there is a range to choose from", () => {
      const lock = lockOf(
        (stack) =>
          new AnyProvider(stack, "random", {
            terraformResourceType: "random",
            terraformProviderSource: "hashicorp/random",
            terraformGeneratorMetadata: { providerName: "random", providerVersion: "~> 3.6" },
          }),
      );
      expect(lock).not.toContain("random");
    });

    test.each(["random", "hashicorp/random", "registry.terraform.io/hashicorp/random"])(
      "stand in the lock file by their full name: %s",
      (source) => {
        const lock = lockOf(
          (stack) =>
            new AnyProvider(stack, "random", {
              terraformResourceType: "random",
              terraformProviderSource: source,
              terraformGeneratorMetadata: { providerName: "random", providerVersion: "3.6.0" },
            }),
        );
        expect(lock).toContain('provider "registry.terraform.io/hashicorp/random" {');
      },
    );
  });

  test("a stack that cannot be synthesized gets nothing", () => {
    const app = Testing.app();
    const stack = newStack("stack", app);
    newHost(stack);
    stack.node.addValidation({ validate: () => ["no"] });

    expect(() => app.synth()).toThrow("no");
    expect(readdirSync(join(app.outdir, "stacks"))).toEqual([]);
  });

  test("a version that is not needed any more is removed at the next synth", () => {
    const app = Testing.app();
    newHost(newStack("stack", app));
    const stale = join(app.outdir, "stacks", "stack", mirror, "0.1.1");
    mkdirSync(stale, { recursive: true });

    app.synth();

    expect(readdirSync(join(stale, ".."))).toEqual([fakeBundles().version]);
  });
});
