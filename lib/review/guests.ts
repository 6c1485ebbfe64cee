import type { Change } from "./plan";
import { actionWord, goes, placeOf, type HostParts } from "./resources";
import type { GuestEffect, GuestReview, RebootReview } from "./types";
import { at, same, text } from "./views";

/** The VMs of a host that the plan names, and what happens to each. */
export function guestsOf({ plan, name, vms }: HostParts, reboot: RebootReview): GuestReview[] {
  return vms.map((change) => {
    const view = goes(change) ? change.before : change.after;
    const from = placeOf(plan, change, "before");
    const movesFrom = !goes(change) && from !== null && from !== name ? from : null;
    return {
      id: text(at(view, "vm_id")),
      address: change.address,
      name: change.name,
      hypervisor: text(at(view, "hypervisor")),
      action: actionWord(change),
      effect: movesFrom !== null ? "moves" : effectOf(change, reboot),
      movesFrom,
    };
  });
}

function effectOf(change: Change, reboot: RebootReview): GuestEffect {
  if (reboot.required === true) return "stops";
  const changed = changesGuest(change);
  if (changed && !goes(change) && at(change.after, "restart") === true) return "restarts";
  if (reboot.wave !== null) return "may-stop";
  return changed ? "next-start" : "none";
}

/** Something of the guest itself changes, and not only what is noted of it. */
function changesGuest({ action, before, after }: Change): boolean {
  if (action === "delete") return true;
  if (action === "none" || action === "forget") return false;
  return ["settings", "pci", "usb"].some((attribute) => !same(at(before, attribute), at(after, attribute)));
}
