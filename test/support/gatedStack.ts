/** A stack whose deploy lasts for as long as the test wants, with its state where the test says. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { App, DataResource, TerraformStack } from "cdktf";
import { IommuHost } from "../../lib";
import type { EmbeddedHost } from "../../lib/embedded";
import { connect, type Rig } from "./rig";
import { Terraform } from "./terraform";
import { waitFor } from "./waitFor";

export class GatedStack {
  readonly terraform: Terraform;
  private readonly started: string;
  private readonly go: string;

  /** `env` is what Terraform needs to reach the state. */
  constructor(
    rig: Rig,
    host: EmbeddedHost,
    env: Readonly<Record<string, string>>,
    backend: (stack: TerraformStack) => void,
  ) {
    [this.started, this.go] = [join(rig.folder, "started"), join(rig.folder, "go")];
    const app = new App({ outdir: join(rig.folder, "cdktf.out") });
    const stack = new TerraformStack(app, "stack");
    backend(stack);
    const pve1 = new IommuHost(stack, "pve1", {
      connection: connect(host),
      modules: ["msr"],
      iommu: false,
    });
    const gate = `touch '${this.started}'; until [ -e '${this.go}' ] || [ ! -e '${this.started}' ]; do sleep 0.1; done`;
    new DataResource(stack, "gate", {
      dependsOn: [pve1],
      provisioners: [{ type: "local-exec", command: gate }],
    });
    app.synth();
    this.terraform = Object.assign(new Terraform({ ...env, PASSTHROUGH_REBOOT_SETTLE: "2" }), {
      directory: join(rig.folder, "cdktf.out", "stacks", "stack"),
    });
  }

  /** Waits until a deploy stands at the gate. */
  reached(): Promise<void> {
    return waitFor(() => existsSync(this.started), 120_000);
  }

  open(): void {
    writeFileSync(this.go, "");
  }
}
