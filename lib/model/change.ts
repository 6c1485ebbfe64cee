/**
 * One change of a host: an ordered list of steps that a single shell script runs under the host's lock.
 * Every step may run again after a cut and ends in the same place.
 */
export type Step =
  /** Replace a file atomically. `expect`: sha256 of what the plan saw, null for "absent"; anything else stops the change. */
  | {
      readonly step: "write";
      readonly path: string;
      readonly content: string;
      /** What the content is given in; none for text. */
      readonly encoding?: "base64";
      readonly mode: string;
      readonly expect: string | null;
    }
  | { readonly step: "remove"; readonly path: string; readonly expect: string | null }
  /** Run a command that the written files need (update-grub, ...). Owed (see HostFacts.pending) until it succeeded. */
  | { readonly step: "run"; readonly command: readonly string[]; readonly timeoutSeconds: number }
  /**
   * A command that reads a file: `content` is there for `owner` alone while it runs, and its path stands for the word
   * `{file}`.
   */
  | {
      readonly step: "feed";
      readonly command: readonly string[];
      readonly content: string;
      readonly owner: string;
      readonly timeoutSeconds: number;
    }
  /** Refuse unless a command still prints what was read; `what` it is about, in words. */
  | {
      readonly step: "unchanged";
      readonly command: readonly string[];
      /** sha256 of what it printed. */
      readonly expect: string;
      readonly what: string;
    }
  /** Ask again until a line that a command prints matches `pattern` (an extended regular expression). */
  | {
      readonly step: "await";
      readonly command: readonly string[];
      readonly pattern: string;
      /** What is waited for, in words. */
      readonly what: string;
      readonly timeoutSeconds: number;
    }
  /** Refuse if one of these functions carries something essential now; `allow` are those the author named. */
  | { readonly step: "guard"; readonly addresses: readonly string[]; readonly allow: readonly string[] }
  /** Bind functions of one slot together to vfio-pci; each must still be the device that was planned. */
  | {
      readonly step: "bind";
      readonly functions: readonly { readonly address: string; readonly id: string }[];
    }
  /** Give functions back: clear the override, load and bind the recorded driver (empty: the one noted on the host when it was bound, if any). */
  | {
      readonly step: "release";
      readonly functions: readonly { readonly address: string; readonly driver: string }[];
    }
  /**
   * Bring the virtual functions of `physical` about that a table of ours names. `count`: how many, where they are made
   * anew; refused then while the host lives on one of them or a guest holds one. null where they are there: of those,
   * set the numbers in `set`.
   */
  | {
      readonly step: "make-functions";
      readonly table: string;
      readonly physical: { readonly address: string; readonly id: string };
      readonly count: number | null;
      readonly set: readonly number[];
      readonly allow: readonly string[];
    }
  /** Back to so many virtual functions; refused as above. */
  | {
      readonly step: "reset-functions";
      readonly physical: { readonly address: string; readonly id: string };
      readonly count: number;
      readonly autoprobe: boolean;
      readonly allow: readonly string[];
    }
  /** Write a value into a file of /sys. */
  | { readonly step: "sysfs"; readonly path: string; readonly value: string }
  /** A command whose failure stops the change but which nothing owes afterwards (qm set, qm reboot, ...). */
  | { readonly step: "command"; readonly command: readonly string[]; readonly timeoutSeconds: number }
  /** A command that goes on by itself; a survey tells how the one of this name ended. */
  | { readonly step: "background"; readonly name: string; readonly command: readonly string[] }
  /**
   * Give devices to a libvirt domain, or take them; if one fails, those before it are undone. `expect`: sha256 of the
   * configuration that the plan saw; anything else stops the change.
   */
  | {
      readonly step: "domain";
      readonly uuid: string;
      readonly expect: string;
      readonly devices: readonly DomainDevice[];
    }
  /** Shut a libvirt domain down, wait for it, and start it with what is configured. */
  | { readonly step: "restart-domain"; readonly uuid: string; readonly timeoutSeconds: number }
  /** Build the image of a trial boot for a kernel, beside the images that are there. */
  | {
      readonly step: "trial-image";
      /** What makes it, as platforms name it. */
      readonly builder: string;
      readonly kernel: string;
      readonly image: string;
      readonly timeoutSeconds: number;
    }
  /** Have the boot loader start the trial, and it alone, once: the file `entry` must hold the one with this tag. */
  | {
      readonly step: "trial-next";
      readonly loader: string;
      readonly entry: string;
      readonly image: string;
      readonly tag: string;
    }
  /** Take a trial's image away, and the boot loader's choice if it still stands. */
  | {
      readonly step: "trial-end";
      readonly loader: string;
      readonly entry: string;
      readonly image: string;
    }
  /** Reboot the host, as the last step, detached, so that the answer still arrives. */
  | { readonly step: "reboot"; readonly expectBootId: string };

export interface DomainDevice {
  readonly verb: "attach" | "detach";
  /** Of the domain's configuration, or of the domain that runs. */
  readonly layer: "config" | "live";
  /** The device, as libvirt writes it; undone by the other verb with the same one. */
  readonly xml: string;
}

export interface Change {
  /** In words, for the host's journal and for messages: "configure pve1". */
  readonly purpose: string;
  /** machine-id the host must have; null for a first contact. */
  readonly machineId: string | null;
  readonly steps: readonly Step[];
}

/** How far a change came. Everything before the failed step is done and stays done. */
export type ChangeOutcome =
  | { readonly ok: true; readonly log: string }
  | {
      readonly ok: false;
      /** Index into the steps; -1 for a failure before the first (lock, machine-id). */
      readonly failedStep: number;
      /**
       * changed: a file is not what the plan saw; critical: the guard refused; locked: another change runs;
       * moved: another device stands at an address; machine: another machine; failed: the command said no;
       * lost: it was cut off, or nobody heard how it went on.
       */
      readonly reason: "changed" | "critical" | "locked" | "moved" | "machine" | "failed" | "lost";
      /** The remote side's own words. */
      readonly message: string;
      readonly log: string;
    };

/** The change stopped before anything of the host was touched. */
export function wroteNothing(outcome: ChangeOutcome): boolean {
  return !outcome.ok && outcome.reason !== "failed" && outcome.reason !== "lost";
}
