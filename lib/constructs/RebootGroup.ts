import { Construct } from "constructs";
import * as valid from "./validation";

export interface RebootGroupProps {
  /**
   * The most of its hosts that may be away at the same time.
   * @default 1
   */
  readonly maxUnavailable?: number;
}

/**
 * Hosts that reboot apart from the others of their stack: in the order of their constructs, so many at a time. The next
 * ones begin once every one before them is back and proven; the first that is not stops those behind it. Hosts of
 * different groups do not wait for each other.
 */
export class RebootGroup extends Construct {
  readonly maxUnavailable: number;

  /** @throws an Error naming the value, what was expected and the mend, where the props cannot be meant. */
  constructor(scope: Construct, id: string, { maxUnavailable = 1 }: RebootGroupProps = {}) {
    super(scope, id);
    valid.check(valid.isHostCount, `${this.node.path}: maxUnavailable`, maxUnavailable);
    this.maxUnavailable = maxUnavailable;
  }
}
