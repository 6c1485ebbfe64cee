/** What a host has around it and under way, beside its own hardware: as a test says, and kept with the host. */
export interface Surroundings {
  /** Other nodes of its Proxmox VE cluster; none: it is in no cluster. */
  readonly nodes: readonly ClusterNode[];
  /** A vote of its own for a quorum device. */
  readonly quorumDevice: boolean;
  /** What high availability looks after, by `vm:100` or `ct:200`; empty: there is none. */
  readonly services: Readonly<Record<string, HaService>>;
  /** Nodes whose agent of high availability is dead. */
  readonly deadAgents: readonly string[];
  /** Nodes in maintenance. */
  readonly maintenance: readonly string[];
  /** VMs that moved to another node and run there. */
  readonly runningElsewhere: readonly string[];
  /** Tasks that run, and how many looks at them they last; then they are over. */
  readonly tasks: readonly { readonly type: string; readonly id: string; readonly looks?: number }[];
  /** null: no Ceph. */
  readonly ceph: CephCluster | null;
  /** Who puts a shutdown off, as logind lists them. */
  readonly inhibitors: readonly { readonly who: string; readonly why: string }[];
  /** Seconds that a guest takes to shut down, by VM id, container id or name of a domain; null: it never does. */
  readonly slowGuests: Readonly<Record<string, number | null>>;
}

export interface ClusterNode {
  readonly name: string;
  readonly online: boolean;
}

export interface HaService {
  readonly node: string;
  /** Asked of it. */
  readonly requested: "started" | "stopped" | "ignored";
  /** Where it ran before a maintenance. */
  readonly home?: string;
}

export interface CephCluster {
  readonly health: string;
  readonly flags: readonly string[];
  /** Numbers of the daemons of this host. */
  readonly daemons: readonly number[];
  /** Why they cannot stop; empty: they can. */
  readonly unstoppable: string;
}

export const alone: Surroundings = {
  nodes: [],
  quorumDevice: false,
  services: {},
  deadAgents: [],
  maintenance: [],
  runningElsewhere: [],
  tasks: [],
  ceph: null,
  inhibitors: [],
  slowGuests: {},
};
