/** What goes wrong on purpose. All of it is stored with the host and outlives a restart of its server. */
export interface Faults {
  /** Tried in order when a program starts; the first that matches acts. */
  readonly programs: readonly ProgramFault[];
  /** The SSH connection is cut once a command's output matches. */
  readonly outputs: readonly OutputFault[];
  /** What becomes of the next boot; used up by it. */
  readonly nextBoot: BootFault | null;
  /** VT-d or AMD-Vi is switched off in the firmware's setup: whatever is booted, there is no IOMMU. */
  readonly iommuOffInFirmware: boolean;
  /** Words of the kernel command line with which every boot hangs until the power is cut. @default none */
  readonly hangsWith?: readonly string[];
}

export interface ProgramFault {
  /** Name of a program on the host's PATH: `mv`, `tee`, `update-initramfs`. */
  readonly program: string;
  /** Regular expression that the arguments, joined by spaces, must match. @default any */
  readonly arguments?: string;
  /** Matching starts that still go well before the fault acts. @default 0 */
  readonly after?: number;
  /** How many starts it acts on. @default 1 */
  readonly times?: number;
  readonly effect: ProgramFaultEffect;
}

export type ProgramFaultEffect =
  /** The program does nothing, says this and exits so. */
  | { readonly kind: "fail"; readonly message: string; readonly code?: number }
  /** All SSH connections drop; the program and its script go on until they write to the lost connection. */
  | { readonly kind: "disconnect" }
  /** The connection drops and everything that ran over SSH is killed. */
  | { readonly kind: "kill" }
  /** The machine loses its power, without a shutdown, and boots again. */
  | { readonly kind: "powerCut" };

export interface OutputFault {
  /** Regular expression over what a command has written to stdout and stderr so far. */
  readonly pattern: string;
  readonly effect: { readonly kind: "disconnect" | "kill" | "powerCut" };
}

export interface BootFault {
  /** The host stays away. */
  readonly never?: boolean;
  /** Seconds that it takes longer. */
  readonly delay?: number;
  /** Words of the kernel command line that do not arrive. */
  readonly ignoredParameters?: readonly string[];
  /** Release of the kernel that boots in place of the default. */
  readonly kernel?: string;
  /** Another machine answers at this address: its machine-id. */
  readonly machineId?: string;
}

export const noFaults: Faults = {
  programs: [],
  outputs: [],
  nextBoot: null,
  iommuOffInFirmware: false,
  hangsWith: [],
};
