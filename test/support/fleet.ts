import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Connection } from "../../lib";
import type { EmbeddedHost, Faults } from "../../lib/embedded";
import { HandWritten, type Resources } from "./handWritten";
import { connect, Rig } from "./rig";
import { snapshot } from "./snapshot";
import { waitFor } from "./waitFor";

/** One host of a fleet: what it is, what goes wrong on it. */
export interface Member {
  readonly name: string;
  readonly profile: string;
  /** Absent: nothing goes wrong. */
  readonly faults?: Partial<Faults>;
}

/**
 * Many embedded hosts under one hand-written stack, so that a case costs a host and not a run of Terraform. Each
 * member's faults are armed together and cleared together.
 */
export class Fleet<M extends Member> {
  private readonly hosts = new Map<string, EmbeddedHost>();

  private constructor(
    readonly rig: Rig,
    readonly members: readonly M[],
  ) {}

  static async start<M extends Member>(
    members: readonly M[],
  ): Promise<{ fleet: Fleet<M>; stack: HandWritten }> {
    const fleet = new Fleet(new Rig(), members);
    const connections: Record<string, Connection> = {};
    for (const { name, profile } of members) {
      const host = await fleet.rig.host(profile, name);
      fleet.hosts.set(name, host);
      connections[name] = connect(host);
    }
    return { fleet, stack: await HandWritten.over(fleet.rig, connections) };
  }

  host(name: string): EmbeddedHost {
    const host = this.hosts.get(name);
    if (!host) throw new Error(`There is no host ${name}.`);
    return host;
  }

  /** One resource for each member, by its name. */
  resources(type: string, values: (member: M) => object | null): Resources {
    const made = this.members.flatMap((member) => {
      const own = values(member);
      return own === null ? [] : [[member.name, { host: member.name, ...own }] as const];
    });
    return made.length === 0 ? {} : { [type]: Object.fromEntries(made) };
  }

  /** A file by hand. */
  put(name: string, path: string, text: string): void {
    const file = join(this.host(name).root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }

  /** Hosts that lost their power boot by themselves. */
  allUp(): Promise<void> {
    return waitFor(() => this.members.every(({ name }) => this.host(name).isUp()));
  }

  arm(): void {
    for (const { name, faults } of this.members) if (faults) this.host(name).setFaults(faults);
  }

  clear(): void {
    for (const { name } of this.members) this.host(name).clearFaults();
  }

  /** The files of every member, without what tells one machine from another. */
  snapshots(): Record<string, Record<string, string>> {
    return Object.fromEntries(
      this.members.map(({ name }) => {
        const files = snapshot(this.host(name));
        delete files["etc/machine-id"];
        return [name, files];
      }),
    );
  }

  close(): Promise<void> {
    return this.rig.close();
  }
}
