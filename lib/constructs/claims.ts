import { criteriaIn, type DeviceSelector } from "../schema";
import { normaliseAddress } from "./validation";

/** Who takes which device of a host. */
export interface Claim {
  /** For the message: the construct and its slot or device key. */
  readonly by: string;
  readonly device: ClaimedDevice;
  /** Other claims may take the same device, as mediated devices do. */
  readonly shared?: boolean;
}

export interface ClaimedDevice {
  /** Exactly what stands there; several functions may be joined by `;`. */
  readonly address?: string | null;
  /** What else selects it on the host: two of the same words are one device. */
  readonly selector?: string;
  /** A USB device: its port, or vendor and product. */
  readonly usb?: string;
  /** The binding that the device is taken from, and its key there. */
  readonly bound?: string;
}

/** What a selector claims as far as the code tells. */
export function claimedBy(selector: DeviceSelector): ClaimedDevice {
  const given = criteriaIn(selector);
  // Other criteria pick among the functions of an address, and only the host knows which.
  if (given.every((key) => key === "address" || key === "whole")) return { address: selector.address };
  return { selector: given.map((key) => `${key} ${String(selector[key]).toLowerCase()}`).join(", ") };
}

/** Throws where a claim takes what another one has, also in part: a slot has all of its functions. */
export function claimOnce(
  there: readonly Claim[],
  claims: readonly Claim[],
  error: (device: string, one: string, other: string) => Error,
): void {
  const all = [...there];
  for (const claim of claims) {
    for (const other of all) {
      const device = claim.shared && other.shared ? undefined : common(claim.device, other.device);
      if (device !== undefined) throw error(device, other.by, claim.by);
    }
    all.push(claim);
  }
}

/** What two claims have in common as far as the code tells; an address and an id, for one, meet only on the host. */
function common(one: ClaimedDevice, other: ClaimedDevice): string | undefined {
  if (one.bound !== undefined && one.bound === other.bound) return one.bound;
  if (one.usb !== undefined || other.usb !== undefined) {
    return one.usb?.toLowerCase() === other.usb?.toLowerCase() ? one.usb : undefined;
  }
  const address = addresses(one).find((mine) => addresses(other).some((theirs) => overlap(mine, theirs)));
  if (address !== undefined) return address;
  return one.selector === other.selector ? one.selector : undefined;
}

function addresses({ address }: ClaimedDevice): string[] {
  if (!address) return [];
  return address.split(";").flatMap((part) => normaliseAddress(part) ?? []);
}

function overlap(one: string, other: string): boolean {
  return one === other || one.startsWith(`${other}.`) || other.startsWith(`${one}.`);
}
