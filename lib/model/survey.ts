/** What stands between a host and its reboot, as the host itself says right before it. Facts only. */
export interface RebootSurvey {
  readonly bootId: string;
  /** /run/nologin is there: the host is still booting, or going down already. */
  readonly noLogin: boolean;
  /** A kernel is loaded for kexec: a reboot would start it past the boot loader. */
  readonly kexecLoaded: boolean;
  /** Lock files that a package manager holds. */
  readonly packageLocks: readonly string[];
  /** Who asked logind to put shutdowns off, in their own words. */
  readonly inhibitors: readonly string[];
  /** Guests that run here, as `kind/id`. */
  readonly running: ReadonlySet<string>;
  /** null: no Proxmox VE. */
  readonly proxmox: ProxmoxSurvey | null;
  /** null: no object storage daemon of Ceph runs here. */
  readonly ceph: CephSurvey | null;
  /** What background commands of ours came to, by name. */
  readonly ended: Readonly<Record<string, { readonly code: number; readonly words: string }>>;
  /** Background commands of ours that still run, by name. */
  readonly underWay: readonly string[];
  /** Commands that gave no answer, with their words. */
  readonly complaints: readonly string[];
}

export interface ProxmoxSurvey {
  /** Tasks that run on this node, without consoles, which are tasks too. */
  readonly tasks: readonly { readonly type: string; readonly id: string }[];
  /** null: the node is in no cluster. */
  readonly cluster: ClusterSurvey | null;
  /** null: no high availability manager looks after anything here. */
  readonly ha: HaSurvey | null;
}

export interface ClusterSurvey {
  readonly quorate: boolean;
  readonly nodes: readonly { readonly name: string; readonly online: boolean; readonly local: boolean }[];
  /** As votequorum counts; null where it does not say. */
  readonly votes: { readonly total: number; readonly quorum: number; readonly own: number } | null;
}

export interface HaSurvey {
  /** Nodes whose agent does not answer, and the manager's if that does not, in words. */
  readonly dead: readonly string[];
  readonly services: readonly HaService[];
}

export interface HaService {
  /** `vm:100` or `ct:200`. */
  readonly sid: string;
  readonly node: string;
  /** As the manager sees it. */
  readonly state: string;
  /** What was asked of it: `started`, `stopped`, `disabled`, `ignored`. */
  readonly requested: string;
}

export interface CephSurvey {
  /** `HEALTH_OK`, `HEALTH_WARN ...`, `HEALTH_ERR ...` */
  readonly health: string;
  readonly noout: boolean;
  /** Why the daemons of this host cannot stop now; empty: they can. */
  readonly unstoppable: string;
}
