import { readFileSync } from "node:fs";
import { join } from "node:path";
import { reachManager } from "../../lib/cli/managers/managers";
import { reboot, type RebootOptions } from "../../lib/cli/reboot";
import type { EmbeddedHost } from "../../lib/embedded";
import { createHost } from "../../lib/host/host";
import type { Host } from "../../lib/host/types";
import type { BootDeclaration } from "../../lib/model/bootConfiguration";
import type { Step } from "../../lib/model/change";
import {
  configurationSteps,
  decideHost,
  removalSteps,
  type HostDecision,
} from "../../lib/model/hostDecision";
import { observe, type Observation } from "../../lib/model/observation";
import { defaultPreparation } from "../../lib/model/rebootPreparation";
import { script } from "../embedded/client";

const ownership = { owner: "test", allowCritical: [] };

/** Looks on while a host reboots. */
export interface RebootWatch {
  readonly onSaid?: (line: string) => void;
  readonly signal?: AbortSignal;
}

/** What a deploy does to one host, without Terraform: the same probe, decisions, change script and reboot command. */
export class BareHost {
  constructor(
    readonly embedded: EmbeddedHost,
    private readonly declaration: BootDeclaration,
  ) {}

  /** What stands there now, and what follows from it. */
  async look(): Promise<{ observation: Observation; decision: HostDecision }> {
    const observation = observe(await this.dial().probe());
    return { observation, decision: decideHost(this.declaration, {}, observation) };
  }

  async configure(): Promise<void> {
    const { observation, decision } = await this.look();
    await this.change(observation, configurationSteps(decision, observation, ownership));
  }

  async destroy(): Promise<void> {
    const { observation, decision } = await this.look();
    const { record, platform } = decision;
    await this.change(observation, removalSteps(record, platform, observation));
  }

  /** The commands that the last change ran. */
  lastCommands(): string[] {
    const journal = readFileSync(join(this.embedded.root, "var/lib/cdktf-passthrough/journal.log"), "utf8");
    const last = journal.slice(journal.lastIndexOf(" begin: "));
    return [...last.matchAll(/ step \d+: run (.*)/g)].map(([, command = ""]) => command);
  }

  /** The reboot command; what it said came of it. */
  async reboot(options: Partial<RebootOptions> = {}, watch: RebootWatch = {}): Promise<string> {
    const results: string[] = [];
    const say = (line: string) => watch.onSaid?.(line);
    await reboot(
      {
        name: "host",
        digest: null,
        order: null,
        preparation: defaultPreparation,
        manager: null,
        resume: false,
        force: false,
        timeout: 120,
        settle: 5,
        ...options,
      },
      {
        dial: () => this.dial(),
        isNotUpYet: () => true,
        reach: reachManager,
        progress: { say, doing: say, end: () => undefined },
        result: ({ words }) => results.push(words),
        signal: watch.signal ?? new AbortController().signal,
      },
    );
    return results.join("\n");
  }

  private dial(): Host {
    return createHost("host", {
      name: "host",
      run: async (text) => {
        const { stdout, stderr, code } = await script(this.embedded, text);
        return { stdout, stderr, code: code ?? 137 };
      },
      isOpen: true,
      close: () => Promise.resolve(),
    });
  }

  private async change({ machineId }: Observation, steps: readonly Step[]): Promise<void> {
    const outcome = await this.dial().change({ purpose: "test", machineId, steps });
    if (!outcome.ok) throw new Error(`${outcome.message}\n${outcome.log}`);
  }
}
