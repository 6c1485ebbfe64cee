import { createHash } from "node:crypto";

/** A provider's entry in `.terraform.lock.hcl`. */
export interface Lock {
  readonly source: string;
  /** The one version that is asked for. */
  readonly version: string;
  /** Where there are none, `terraform init` fills them in. */
  readonly hashes: readonly string[];
  /** The configuration asks for exactly this version. @default true */
  readonly exact?: boolean;
}

/** The hash by which Terraform knows an unpacked provider: over names and contents, not over modes or places. */
export function packageHash(files: Readonly<Record<string, Buffer>>): string {
  const sha256 = (content: Buffer | string) => createHash("sha256").update(content);
  const lines = Object.keys(files)
    .sort()
    .map((name) => `${sha256(files[name] ?? "").digest("hex")}  ${name}\n`);
  return `h1:${sha256(lines.join("")).digest("base64")}`;
}

/** The lock file with this provider's block in it; every other byte stays. */
export function withLock(text: string, lock: Lock): string {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";
  const block = render(lock).join(newline);
  const there = blockOf(lock.source).exec(text);
  if (there !== null) return text.slice(0, there.index) + block + text.slice(there.index + there[0].length);
  if (text === "") return block + newline;
  return text.replace(/(?:\r?\n)*$/, "") + newline + newline + block + newline;
}

/** The version that the lock file holds a provider at. */
export function lockedVersion(text: string, source: string): string | undefined {
  const block = blockOf(source).exec(text)?.[0] ?? "";
  return /^\s*version\s*=\s*"(.*)"/m.exec(block)?.[1];
}

function render({ source, version, hashes, exact = true }: Lock): string[] {
  const listed = hashes.map((hash) => `    "${hash}",`);
  return [
    `provider "${source}" {`,
    `  version     = "${version}"`,
    ...(exact ? [`  constraints = "${version}"`] : []),
    ...(listed.length > 0 ? ["  hashes = [", ...listed, "  ]"] : []),
    "}",
  ];
}

/** From its head to the first closing brace at the start of a line: Terraform writes no other form. */
function blockOf(source: string): RegExp {
  return new RegExp(`^provider "${source.replace(/[.]/g, "\\.")}" \\{\\r?\\n(?:.*\\r?\\n)*?\\}`, "m");
}
