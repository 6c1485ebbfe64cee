/** One call of an engine; a change is an ordered list of them, and each may run again and ends in the same place. */
export type EngineStep =
  | { readonly step: "attach"; readonly vm: string; readonly device: string }
  | { readonly step: "detach"; readonly vm: string; readonly device: string }
  /** Where the VM may run. The engine drops every host device of the VM when its hosts change. */
  | {
      readonly step: "place";
      readonly vm: string;
      readonly affinity: string;
      readonly hosts: readonly string[];
    }
  | {
      readonly step: "addNic";
      readonly vm: string;
      readonly name: string;
      readonly profile: string;
      readonly interface: string;
    }
  | { readonly step: "removeNic"; readonly vm: string; readonly nic: string }
  /** Waits until it is down. */
  | { readonly step: "shutDown"; readonly vm: string; readonly timeoutSeconds: number }
  /** Also after a step in between failed: what ran before us runs again. */
  | { readonly step: "start"; readonly vm: string }
  | { readonly step: "kernelCommandLine"; readonly host: string; readonly value: string };

export type EngineOutcome =
  | { readonly ok: true }
  | {
      readonly ok: false;
      /** Index into the steps. */
      readonly failedStep: number;
      /** In words, with the engine's own. */
      readonly title: string;
      readonly detail: string;
    };
