# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, NL, value and node are common.sh's
# The network interfaces that the host and this session live on.

# Follows network interface $1 down to PCI functions: words $2. False if there are none.
net_use() {
	net_queue="$1|1|"
	net_seen=" "
	net_reached=1
	while [ -n "$net_queue" ]; do
		entry=${net_queue%%"$NL"*}
		net_queue=${net_queue#"$entry"}
		net_queue=${net_queue#"$NL"}
		interface=${entry%%|*}
		entry=${entry#*|}
		essential=${entry%%|*}
		chain=${entry#*|}
		case $net_seen in
		*" $interface "*) continue ;;
		esac
		net_seen="$net_seen$interface "
		locate "$ROOT/sys/class/net/$interface" || continue
		over=$node
		chain=${chain:+$chain on }$interface
		case $over in
		*/virtual/*) net_below ;;
		*)
			net_reached=0
			pci_use "$over" network "$essential" "$2 ($chain)"
			;;
		esac
	done
	return $net_reached
}

net_push() {
	net_queue="$net_queue${net_queue:+$NL}$1|$2|$chain"
}

net_below() {
	if get "$ROOT$over/bonding/slaves"; then
		members=$value
		for member in $members; do
			spare=$essential
			[ "$spare" = 0 ] || ! has_twin || spare=0
			net_push "$member" "$spare"
		done
		return
	fi
	for port in "$ROOT$over"/lower_*; do
		[ -e "$port" ] && net_push "${port##*/lower_}" "$essential"
	done
	for port in "$ROOT$over"/brif/*; do
		[ -e "$port" ] && net_push "${port##*/}" "$essential"
	done
	# The ports of an Open vSwitch hang below one device of the system's, whichever bridge they are in.
	[ ! -e "$ROOT$over/upper_ovs-system" ] || net_push ovs-system "$essential"
}

# Whether another of `members` has a link, on another card: a card's ports leave together.
has_twin() {
	card_of "$member"
	own=$card
	for other in $members; do
		[ "$other" != "$member" ] || continue
		get "$ROOT/sys/class/net/$other/carrier" || continue
		card_of "$other"
		[ "$value" != 1 ] || [ "$card" = "$own" ] || return 0
	done
	return 1
}

card_of() {
	card=$1
	if locate "$ROOT/sys/class/net/$1/device"; then
		card=${node##*/}
		card=${card%.*}
	fi
}

# Sets `interfaces` to those that hold address $1.
interfaces_of() {
	interfaces=
	while read -r _ interface family address _; do
		case $family in
		inet | inet6) ;;
		*) continue ;;
		esac
		interface=${interface%%@*}
		[ "${address%%/*}" != "$1" ] || interfaces="$interfaces ${interface%:}"
	done <<-END
		$addresses
	END
}

# As route_use, for server $1 as configurations write it: `10.0.0.1:6789`, `[v2:[fd00::1]:3300/0`, a name.
server_use() {
	server=${1%%/*}
	case $server in
	v[12]:* | '[v'[12]:*) server=${server#*v[12]:} ;;
	esac
	case $server in
	'['*) server=${server#'['} && server=${server%%']'*} ;;
	*:*:*) server=${server%']'} ;;
	*) server=${server%%[]:]*} ;;
	esac
	case $server in
	'') return 0 ;;
	*:*) ;;
	*[!0-9.]*) address_of "$server" || return 0 ;;
	esac
	route_use "$server" "$2"
}

# Sets `server` to the address of name $1; false if nobody knows one, and then nothing is reached by it either.
address_of() {
	hosts_address "$1"
	if [ -z "$server" ]; then
		server=$(timeout 3 getent hosts "$1")
		server=${server%%[!0-9a-fA-F.:]*}
	fi
	[ -n "$server" ]
}

# Sets `server` to the address that /etc/hosts gives to name $1, if it does.
hosts_address() {
	server=
	[ -r "$ROOT/etc/hosts" ] || return 0
	while read -r address names; do
		case $address in
		'#'*) continue ;;
		esac
		set -f
		for alias in ${names%%#*}; do
			[ "$alias" != "$1" ] || server=$address
		done
		set +f
		[ -z "$server" ] || return 0
	done <"$ROOT/etc/hosts"
}

# The interface of this host in network $1, such as `10.0.0.0/24`: words $2.
subnet_use() {
	while read -r destination way; do
		[ "$destination" = "$1" ] || continue
		case " $way " in
		*" dev "*) ;;
		*) continue ;;
		esac
		way=" $way "
		way=${way#* dev }
		carry "${way%% *}" "$2"
		return
	done <<-END
		$routes
	END
	# Where a way leads there all the same, that one is used; else the host has no part in it.
	way=" $(ip -o route get "${1%%/*}" 2>/dev/null) "
	case $way in
	*" dev lo "* | *" via "*) ;;
	*" dev "*)
		way=${way#* dev }
		carry "${way%% *}" "$2"
		;;
	esac
}

# The interface that packets to address $1 leave by: words $2.
route_use() {
	case $1 in
	*[!0-9.]*)
		case $1 in
		*:*) ;;
		*)
			emit unresolved "$2: the way to $1 is not known by its name alone"
			return 0
			;;
		esac
		;;
	esac
	way=" $(ip -o route get "$1") "
	case $way in
	*" dev lo "*) return 0 ;;
	*" dev "*) ;;
	*)
		emit unresolved "$2: there is no route to $1"
		return 0
		;;
	esac
	way=${way#* dev }
	carry "${way%% *}" "$2"
}

# As net_use, for what must not be lost from sight: below a tunnel, every interface with a route may be what it uses.
carry() {
	net_use "$1" "$2" && return
	carried=1
	for routed in $routed_interfaces; do
		[ "$routed" != "$1" ] && net_use "$routed" "may carry the tunnel $1, which $2" && carried=0
	done
	[ $carried = 0 ] || emit unresolved "$2 ($1): no network device found below it"
	return 0
}

network() {
	routes=$(
		ip -o route show
		ip -o -6 route show
	)
	addresses=$(ip -o addr show)
	routed_interfaces=
	default_interfaces=
	while read -r destination way; do
		way=" $way "
		while :; do
			case $way in
			*" dev "*) ;;
			*) break ;;
			esac
			way=${way#* dev }
			interface=${way%% *}
			case " $routed_interfaces lo " in
			*" $interface "*) ;;
			*) routed_interfaces="$routed_interfaces $interface" ;;
			esac
			[ "$destination" = default ] || continue
			case " $default_interfaces " in
			*" $interface "*) ;;
			*) default_interfaces="$default_interfaces $interface" ;;
			esac
			way=" ${way#* }"
		done
	done <<-END
		$routes
	END
	session_interface
	for default in $default_interfaces; do
		carry "$default" "carries the default route"
	done
	corosync_rings
	cluster_networks
}

session_interface() {
	set -f
	# shellcheck disable=SC2086 # four words
	set -- ${SSH_CONNECTION:-}
	set +f
	local_address=${3:-}
	if [ -z "$local_address" ]; then
		emit unresolved "carries this session: SSH_CONNECTION does not tell its address"
		return
	fi
	local_address=${local_address#::ffff:}
	case $local_address in
	*%*) interfaces=${local_address#*%} ;;
	*) interfaces_of "$local_address" ;;
	esac
	[ -n "$interfaces" ] || emit unresolved "carries this SSH session: no interface has the address $local_address"
	for own in $interfaces; do
		carry "$own" "carries this SSH session"
	done
}

corosync_rings() {
	for configuration in "$ROOT/etc/pve/corosync.conf" "$ROOT/etc/corosync/corosync.conf"; do
		[ -r "$configuration" ] || continue
		while read -r key ring_address _; do
			case $key in
			ring[0-9]*_addr:) ;;
			*) continue ;;
			esac
			case $ring_address in
			*:*) ;;
			*[!0-9.]*) ring_address=$(awk -v name="$ring_address" '
				/^[^#]/ { for (i = 2; i <= NF; i++) if ($i == name) { print $1; exit } }
			' "$ROOT/etc/hosts") ;;
			esac
			[ -n "$ring_address" ] || continue
			interfaces_of "$ring_address"
			for ring in $interfaces; do
				carry "$ring" "carries a cluster ring of this node (corosync, $ring_address)"
			done
		done <"$configuration"
		return
	done
}

# What the nodes of a cluster reach each other by, and the servers of its storage.
cluster_networks() {
	while read -r key setting; do
		case $key in
		migration:) purpose="carries migrations of virtual machines" ;;
		replication:) purpose="carries the replication of virtual machines" ;;
		*) continue ;;
		esac
		case ,$setting, in
		*,network=*) ;;
		*) continue ;;
		esac
		setting=${setting#*network=}
		subnet_use "${setting%%,*}" "$purpose (${setting%%,*} of /etc/pve/datacenter.cfg)"
	done <<-END
		$([ ! -r "$ROOT/etc/pve/datacenter.cfg" ] || cat "$ROOT/etc/pve/datacenter.cfg")
	END
	node_address
	ceph_networks
	storage_servers
	[ ! -e "$ROOT/sys/class/net/ovirtmgmt" ] || carry ovirtmgmt "carries the management network of oVirt"
}

# The other nodes know this one by the address that its name has.
node_address() {
	[ -d "$ROOT/etc/pve" ] || return 0
	get "$ROOT/proc/sys/kernel/hostname"
	hosts_address "$value"
	case $server in
	'' | 127.* | ::1) return 0 ;;
	esac
	interfaces_of "$server"
	for own in $interfaces; do
		carry "$own" "carries the address of this node ($value, $server)"
	done
}

# Keys of ceph.conf are written with blanks, underscores or dashes.
ceph_networks() {
	for configuration in "$ROOT/etc/pve/ceph.conf" "$ROOT/etc/ceph/ceph.conf"; do
		[ -r "$configuration" ] || continue
		ceph=$(awk -F = '
			{ key = $1; gsub(/[ \t]/, " ", key); gsub(/^ +| +$/, "", key); gsub(/[ -]/, "_", key) }
			key ~ /^(public_network|cluster_network|mon_host)$/ {
				list = $2; sub(/[#;].*/, "", list); gsub(/[, \t]+/, " ", list)
				for (n = split(list, item, " "); n > 0; n--) if (item[n] != "") print key " " item[n]
			}
		' "$configuration")
		while read -r key item; do
			case $key in
			mon_host) server_use "$item" "carries the way to a Ceph monitor ($item)" ;;
			*_network) subnet_use "$item" "carries Ceph's ${key%_network} network ($item)" ;;
			esac
		done <<-END
			$ceph
		END
		return
	done
}

# A storage may be there for guests without being mounted: iSCSI, Ceph, a backup server.
storage_servers() {
	[ -r "$ROOT/etc/pve/storage.cfg" ] || return 0
	get "$ROOT/proc/sys/kernel/hostname"
	storages=$(awk -v node="$value" '
		function flush() {
			if (id != "" && !disabled && here) for (s = 1; s <= servers; s++) print id " " server[s]
			id = ""
		}
		/^[a-z]+:/ { flush(); id = $2; servers = 0; disabled = 0; here = 1 }
		$1 == "disable" { disabled = $2 != "0" }
		$1 == "nodes" { here = ("," $2 ",") ~ ("," node ",") }
		$1 == "server" || $1 == "server2" || $1 == "portal" || $1 == "monhost" {
			for (i = 2; i <= NF; i++) { n = split($i, item, /[,;]/); for (k = 1; k <= n; k++) server[++servers] = item[k] }
		}
		END { flush() }
	' "$ROOT/etc/pve/storage.cfg")
	while read -r id server; do
		[ -z "$server" ] || server_use "$server" "carries the storage $id from $server"
	done <<-END
		$storages
	END
}
