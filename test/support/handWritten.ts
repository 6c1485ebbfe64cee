/** A stack as a user of plain Terraform writes it: no construct has looked at its values. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassthroughProvider, type Connection } from "../../lib";
import type { Rig } from "./rig";
import { finished, type Run } from "./terraform";

/** Terraform's `resource` block: attributes by type and name. */
export type Resources = Readonly<Record<string, Readonly<Record<string, object>>>>;

export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly summary: string;
  readonly detail: string;
  /** Of the resource it is about; empty for none. */
  readonly address: string;
  /** Summary and detail as one line of text. */
  readonly text: string;
}

/** What one run of Terraform said and came to. */
export interface Report {
  readonly run: Run;
  readonly diagnostics: readonly Diagnostic[];
  /** The errors about a resource, as one line of text; empty for none. */
  errors(address: string): string;
  warnings(address: string): string;
}

/** Resources by hand, in a folder where synth has placed the provider and its `hosts`. */
export class HandWritten {
  private constructor(readonly rig: Rig) {}

  static async over(
    rig: Rig,
    hosts: Readonly<Record<string, Connection>>,
    env: Readonly<Record<string, string>> = {},
  ): Promise<HandWritten> {
    await rig.stack((stack) => void new PassthroughProvider(stack, "passthrough", { hosts }), env);
    return new HandWritten(rig);
  }

  /** Replaces what stood there. */
  write(resource: Resources): this {
    const file = join(this.rig.tf.directory, "resources.tf.json");
    writeFileSync(file, JSON.stringify({ resource }, null, 2));
    return this;
  }

  plan(...args: readonly string[]): Promise<Report> {
    return this.report(["plan", ...args]);
  }

  apply(...args: readonly string[]): Promise<Report> {
    return this.report(["apply", "-auto-approve", ...args]);
  }

  private async report(args: readonly string[]): Promise<Report> {
    return reportOf(await finished(this.rig.tf.start([...args, "-json"])));
  }
}

/** Reads what Terraform prints with `-json`. */
export function reportOf(run: Run): Report {
  const diagnostics = run.stdout.split("\n").flatMap((line): Diagnostic[] => {
    if (!line.includes('"type":"diagnostic"')) return [];
    const { diagnostic } = JSON.parse(line) as { diagnostic: Partial<Diagnostic> };
    const { severity = "error", summary = "", detail = "", address = "" } = diagnostic;
    return [{ severity, summary, detail, address, text: `${summary}: ${detail}`.replace(/\s+/g, " ") }];
  });
  const about = (severity: Diagnostic["severity"]) => (address: string) =>
    diagnostics
      .filter((diagnostic) => diagnostic.severity === severity && diagnostic.address === address)
      .map(({ text }) => text)
      .join(" ");
  return { run, diagnostics, errors: about("error"), warnings: about("warning") };
}
