import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Faults } from "./faults";
import type { Surroundings } from "./surroundings";

/** How often a host was called upon, over restarts of its server. */
export interface Counters {
  /** Authenticated SSH connections. */
  readonly connections: number;
  /** Commands executed over SSH. */
  readonly commands: number;
  /** Boots after the first. */
  readonly reboots: number;
}

/** What a network card keeps for one virtual function; `mac` is all zeros until somebody sets it. */
export interface VirtualFunctionSettings {
  mac: string;
  vlan: number;
  trust: boolean;
  spoofCheck: boolean;
}

/** What the host's folder holds beside the files that the host itself shows. */
export interface MachineState {
  readonly profile: string;
  port: number;
  counters: Counters;
  /** Ids written into new_id, by driver; a boot empties it. */
  dynamicIds: Record<string, string[]>;
  /** What network cards keep for their virtual functions, by the physical one; a boot empties it. */
  virtualFunctions?: Record<string, VirtualFunctionSettings[]>;
  faults: Faults;
  /** Absent: it is alone, and nothing is under way. */
  surroundings?: Partial<Surroundings>;
}

const fileName = "machine.json";

export function readState(folder: string): MachineState | null {
  try {
    return JSON.parse(readFileSync(join(folder, fileName), "utf8")) as MachineState;
  } catch {
    return null;
  }
}

export function writeState(folder: string, state: MachineState): void {
  const path = join(folder, fileName);
  writeFileSync(`${path}.new`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${path}.new`, path);
}
