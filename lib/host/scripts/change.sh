# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, NL, TAB, value and node are common.sh's; owed is set by what calls
# The steps of a change. What calls these functions names each step's number first, checks every file before the first
# step, and ends with `finish`. Any step may be the last one that a power cut allows: each leaves the host whole, and
# running the same change again ends in the same place.

STATE=$ROOT/var/lib/cdktf-passthrough
LOG=$STATE/journal.log
LOCK_WAIT=${PASSTHROUGH_LOCK_WAIT:-60}
UNBIND_WAIT=${PASSTHROUGH_UNBIND_WAIT:-30}
current=-1
log_start=0
written=$NL

# Whoever asked may be gone by now; what was begun is finished. Commands write to the log and need their own PIPE, and
# TERM for their time limit.
trap '' HUP INT QUIT
trap : PIPE TERM
export DEBIAN_FRONTEND=noninteractive

say() {
	printf '%s\n' "$*" 2>/dev/null || :
}

note() {
	printf '%s %s\n' "$(date +%Y-%m-%dT%H:%M:%S%z)" "$*" >>"$LOG"
} 2>/dev/null

# Ends the script: reason $1, message $2.
fail() {
	note "step $current: $1: $2"
	say "::failed $current $1 $(printf '%s' "$2" | base64 -w 0)"
	answer_log
	exit 1
}

finish() {
	note "done"
	say "::ok"
	answer_log
	exit 0
}

# This change's part of the log, its end if it is long.
answer_log() {
	say "::log $(tail -c +"$((log_start + 1))" "$LOG" 2>/dev/null | tail -c 16000 | base64 -w 0)"
	say "::end"
}

# Runs what must succeed: in words $1, then the command. Its words end up in the log and in the failure.
must() {
	what=$1
	shift
	words=$("$@" 2>&1) || fail failed "Unable to $what: $words"
}

# Purpose $1, machine-id $2, empty for whichever machine it is.
begin() {
	[ -n "$ROOT" ] || [ "$(id -u)" = 0 ] || fail failed "This needs root. Log in as root, or let the user run sudo without a password."
	if ! words=$(mkdir -p "$STATE" 2>&1 && chmod 700 "$STATE" 2>&1); then
		fail failed "Unable to make the state folder ${STATE#"$ROOT"}: $words"
	fi
	for tool in flock sha256sum base64 awk timeout sync; do
		has "$tool" || fail failed "The program $tool is missing. Install it: it is part of util-linux, coreutils or mawk."
	done
	must "open the lock of this host" touch "$STATE/lock"
	exec 9>>"$STATE/lock"
	if ! flock -w "$LOCK_WAIT" 9; then
		holder=$(cat "$STATE/lock")
		fail locked "Another change holds the lock of this host: ${holder:-it does not say which}. Wait for it to end."
	fi
	printf '%s (process %s, since %s)' "$1" "$$" "$(date '+%Y-%m-%d %H:%M:%S %z')" >"$STATE/lock"
	trim_log
	log_start=$(wc -c <"$LOG")
	note "begin: $1"
	get "$ROOT/etc/machine-id"
	if [ -n "$2" ] && [ "$value" != "$2" ]; then
		fail machine "This is another machine: its machine-id is $value, expected $2. Check the connection's address."
	fi
	preimages=$STATE/preimages/$(date +%Y%m%dT%H%M%S)-$$
}

trim_log() {
	[ -e "$LOG" ] || : >"$LOG"
	if [ "$(wc -c <"$LOG")" -gt 1000000 ]; then
		tail -c 300000 "$LOG" >"$LOG.new" && mv "$LOG.new" "$LOG"
	fi
}

step() {
	current=$1
	say "::step $1"
	shift
	note "step $current: $*"
}

# Files

# Sets `target` to the file that path $1 stands for, symbolic links followed.
resolve() {
	target=$(readlink -m -- "$ROOT$1")
	case $target in
	"$ROOT"/*) ;;
	*) fail failed "$1 leads to $target, outside of the host's folder $ROOT" ;;
	esac
}

# Sets `digest` to the sha256 of the file at `target`, or to `absent`.
digest_target() {
	digest=absent
	[ -e "$target" ] || return 0
	[ -f "$target" ] || fail failed "$path is not a regular file. Move it away."
	digest=$(sha256sum <"$target") || fail failed "Unable to read $path"
	digest=${digest%% *}
}

# Path $1 must have one of the digests $2: as the plan saw it, or as this change makes it.
expect() {
	path=$1
	case $written in
	*"$NL$path$NL"*) return ;;
	esac
	resolve "$path"
	digest_target
	case " $2 " in
	*" $digest "*) return ;;
	esac
	case "$digest $2" in
	absent*) seen="is gone" ;;
	*' absent '*) seen="has appeared" ;;
	*) seen="has changed" ;;
	esac
	fail changed "$path $seen since the plan was made. It was left as it is. Look at it, then plan again."
}

# Step $1: path $2 gets mode $3 if it is new, and content $6 in base64, whose digest is $5; digests to expect: $4.
write_file() {
	step "$1" "write $2"
	expect "$2" "$4"
	resolve "$2"
	path=$2
	digest_target
	if [ "$digest" != "$5" ]; then
		touch_host
		folder=${target%/*}
		must "make the folder of $path" mkdir -p "$folder"
		check_space "$folder" "$((${#6} / 1024 + 16))" "$path"
		keep_preimage
		fresh=$folder/.cdktf-passthrough.new
		must "write $path" rm -f "$fresh"
		if [ -e "$target" ]; then
			must "write $path" copy_attributes
		else
			must "write $path" install -m "$3" /dev/null "$fresh"
		fi
		words=$( { printf '%s' "$6" | base64 -d >"$fresh"; } 2>&1) || discard "$words"
		[ "$(sha256sum <"$fresh")" = "$5  -" ] || discard "what arrived on the disk is not what was sent"
		words=$({ sync "$fresh" || sync; } 2>&1) || discard "$words"
		words=$(mv -T "$fresh" "$target" 2>&1) || discard "$words"
		sync "$folder" 2>/dev/null || sync
	fi
	case $3 in
	*[1357]??) [ -x "$target" ] || must "make $path executable" chmod a+x "$target" ;;
	esac
	written="$written$path$NL"
}

# Owner, mode, access lists, security label.
copy_attributes() {
	cp -a --attributes-only "$target" "$fresh" 2>/dev/null && return
	cp -p "$target" "$fresh" || return
	if [ -d "$ROOT/sys/fs/selinux" ] && has chcon; then
		chcon --reference="$target" "$fresh"
	fi
}

discard() {
	rm -f "$fresh" 2>/dev/null
	fail failed "Unable to write $path: $1. It is as it was."
}

remove_file() {
	step "$1" "remove $2"
	expect "$2" "$3"
	resolve "$2"
	path=$2
	digest_target
	if [ "$digest" != absent ]; then
		touch_host
		keep_preimage
		must "remove $path" rm -f "$target"
		sync "${target%/*}" 2>/dev/null || sync
		# A folder that is there for our files alone goes with the last of them.
		case $path in
		/etc/cdktf-passthrough/* | */99cdktf-passthrough/* | */98cdktf-passthrough-trial/*) rmdir "${target%/*}" 2>/dev/null ;;
		esac
	fi
	written="$written$path$NL"
}

# What stood at `path` before this change, once; the last 20 changes are kept.
keep_preimage() {
	saved=$preimages$path
	[ ! -e "$saved" ] && [ ! -e "$saved.absent" ] || return 0
	if [ ! -d "$preimages" ]; then
		must "keep what is replaced" mkdir -p "$STATE/preimages"
		find "$STATE/preimages" -mindepth 1 -maxdepth 1 -type d | sort | head -n -19 | while read -r old; do
			rm -rf "$old"
		done
	fi
	must "keep $path as it was" mkdir -p "${saved%/*}"
	if [ "$digest" = absent ]; then
		must "keep $path as it was" touch "$saved.absent"
	else
		must "keep $path as it was" cp -a "$target" "$saved"
		must "keep $path as it was" sync "$saved"
	fi
}

# Folder $1 must have $2 KiB left, for $3.
check_space() {
	free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
	[ -n "$free" ] || return 0
	[ "$free" -ge "$2" ] ||
		fail failed "Only $free KiB are free for $3 in ${1#"$ROOT"}, $2 KiB are needed. Make room: old kernels are what fills it."
}

# Commands

# Room for what command $1 writes, before anything is written.
check_command_space() {
	case $1 in
	update-initramfs | dracut | mkinitcpio | kernel-install)
		largest=$(find "$ROOT"/boot -maxdepth 1 -name 'init*' -printf '%k\n' 2>/dev/null | sort -n | tail -n 1)
		# The new image is made beside the old one.
		for place in "$ROOT/boot" "$ROOT/efi" "$ROOT/boot/efi"; do
			# An ESP holds images only where entries stand beside them.
			if [ "$place" = "$ROOT/boot" ] || [ -d "$place/loader/entries" ]; then
				check_space "$place" "$((${largest:-65536} + 8192))" "a new initramfs"
			fi
		done
		;;
	update-grub | grub-mkconfig | grub2-mkconfig | proxmox-boot-tool)
		[ ! -d "$ROOT/boot" ] || check_space "$ROOT/boot" 1024 "the boot loader's configuration"
		[ ! -d "$ROOT/boot/efi/EFI" ] || check_space "$ROOT/boot/efi" 512 "the boot loader's configuration"
		;;
	esac
}

# From now on the host is not what it was: the commands of this change (`owed`) are due, whatever happens.
touch_host() {
	[ -z "$owing" ] || return 0
	owing=yes
	due=
	[ ! -e "$STATE/pending" ] || due=$(cat "$STATE/pending")
	while read -r command; do
		[ -n "$command" ] || continue
		case $NL$due$NL in
		*"$NL$command$NL"*) ;;
		*) due="$due${due:+$NL}$command" ;;
		esac
	done <<-END
		$owed
	END
	store_pending
}
owing=

store_pending() {
	if [ -z "$due" ]; then
		must "note what is done" rm -f "$STATE/pending"
		return
	fi
	words=$({ printf '%s\n' "$due" >"$STATE/pending.new" && { sync "$STATE/pending.new" || sync; } &&
		mv -T "$STATE/pending.new" "$STATE/pending"; } 2>&1) || fail failed "Unable to note what is still to be run: $words"
	sync "$STATE" 2>/dev/null || sync
}

# Step $1, seconds $2, then the command.
run_command() {
	number=$1
	limit=$2
	shift 2
	step "$number" "run $*"
	touch_host
	execute "$limit" "$@"
	case $1 in
	proxmox-boot-tool) verify_esps ;;
	dracut) verify_images lsinitrd "$3" ;;
	mkinitcpio) verify_images lsinitcpio "$(made_by_mkinitcpio)" ;;
	esac
	due=$(printf '%s\n' "$due" | grep -v -x -F -e "$*")
	store_pending
}

# As run_command, but nothing is owed, and what the command leaves running does not hold the lock.
plain_command() {
	number=$1
	limit=$2
	shift 2
	step "$number" "command $*"
	execute "$limit" "$@" 9>&-
}

# Step $1: the command goes on by itself under the name $2; its words and its exit code stay in files, for the survey.
background_command() {
	number=$1
	place=$STATE/background/$2
	shift 2
	step "$number" "in the background $*"
	must "note what runs in the background" mkdir -p "$STATE/background"
	must "note what runs in the background" rm -f "$place.code" "$place.words"
	(
		exec 9>&-
		"$@" >"$place.words" 2>&1
		echo "$?" >"$place.new"
		mv -T "$place.new" "$place.code"
	) </dev/null >/dev/null 2>&1 &
}

# As plain_command. Content $4 in base64 stands in a file that user $3 alone can read while the command runs; the word
# `{file}` is its path.
feed_command() {
	number=$1
	limit=$2
	owner=$3
	content=$4
	shift 4
	step "$number" "command $*"
	fed=$(mktemp "${TMPDIR:-/tmp}/cdktf-passthrough.XXXXXXXX") || fail failed "Unable to make a file for $1"
	trap 'rm -f "$fed"' EXIT
	words=$( { printf '%s' "$content" | base64 -d >"$fed"; } 2>&1) || fail failed "Unable to write a file for $1: $words"
	[ -n "$ROOT" ] || must "give $owner a file" chown "$owner" "$fed"
	count=$#
	while [ "$count" -gt 0 ]; do
		word=$1
		shift
		[ "$word" != '{file}' ] || word=$fed
		set -- "$@" "$word"
		count=$((count - 1))
	done
	execute "$limit" "$@" 9>&-
	rm -f "$fed"
}

# Step $1: the command must still print what has the digest $2; $3 is what it is about.
still_answers() {
	number=$1
	wanted=$2
	what=$3
	shift 3
	step "$number" "unchanged $*"
	answer=$(timeout -k 30 120 "$@" 2>>"$LOG" </dev/null 9>&-)
	digest=$(printf '%s\n' "$answer" | sha256sum)
	[ "${digest%% *}" = "$wanted" ] ||
		fail changed "$what changed since it was read. It was left as it is. Look at it, then plan again."
}

# Step $1, seconds $2: ask the command until a line of its answer matches $3; $4 is what is waited for.
await_answer() {
	number=$1
	pattern=$3
	what=$4
	deadline=$(($(date +%s) + $2))
	shift 4
	step "$number" "await $what"
	while ! timeout -k 30 120 "$@" 2>>"$LOG" </dev/null 9>&- | grep -qE -e "$pattern"; do
		[ "$(date +%s)" -lt "$deadline" ] || fail failed "$what did not come about in time."
		sleep 1
	done
}

# Seconds $1, then the command, whose words go to the log alone: nobody may be there to read them.
execute() {
	limit=$1
	shift
	output_start=$(wc -c <"$LOG")
	timeout -k 30 "$limit" "$@" >>"$LOG" 2>&1
	code=$?
	[ "$code" -ne 0 ] || return 0
	words=$(tail -c +"$((output_start + 1))" "$LOG" | tail -n 20)
	case $code in
	124 | 137) fail failed "$* took longer than $limit s and was stopped: $words" ;;
	*) fail failed "$* exited with $code: $words" ;;
	esac
}

# `proxmox-boot-tool refresh` succeeds although an ESP is missing: the host may then boot what it was before.
verify_esps() {
	words=$(tail -c +"$((output_start + 1))" "$LOG" | grep -E '^WARN: |does not exist|No space left on device')
	[ -z "$words" ] || fail failed "proxmox-boot-tool exited with 0, but not every ESP was written: $words"
	status=$(timeout 120 proxmox-boot-tool status 2>&1 </dev/null)
	printf '%s\n' "$status" >>"$LOG"
	while read -r uuid _; do
		case $uuid in
		'' | '#'*) continue ;;
		esac
		case $status in
		*"$uuid is configured with: "*) ;;
		*)
			words=$(printf '%s\n' "$status" | grep -F -e "$uuid")
			fail failed "The ESP $uuid holds no configuration: ${words:-proxmox-boot-tool status does not show it}"
			;;
		esac
	done <"$ROOT/etc/kernel/proxmox-boot-uuids"
}

# The images that mkinitcpio's words name.
made_by_mkinitcpio() {
	tail -c +"$((output_start + 1))" "$LOG" |
		sed -n "s/.*initcpio image: *'\\{0,1\\}\\([^']*\\)'\\{0,1\\}.*/\\1/p"
}

# Lister $1, images $2, a line each: a builder that leaves our part out succeeds all the same, and the host would boot
# with the devices' own drivers.
verify_images() {
	has "$1" && [ -e "$ROOT/etc/cdktf-passthrough/devices" ] || return 0
	while read -r image; do
		case $image in
		/*) ;;
		*) continue ;;
		esac
		"$1" "$ROOT${image#"$ROOT"}" 2>/dev/null </dev/null | grep -q 'etc/cdktf-passthrough/devices$' ||
			fail failed "The new image $image holds no table of devices, so the host would not hold them at boot. Look for what leaves it out: omit_dracutmodules, or a preset with a configuration file of its own, which reads no drop-ins."
	done <<-END
		$2
	END
}

# Devices

write_sys() {
	printf '%b' "$2" | tee "$ROOT$1" >/dev/null
}

# Sets `driver` to that of function $1, empty for none.
driver_of() {
	driver=
	locate "$ROOT/sys/bus/pci/devices/$1/driver" && driver=${node##*/}
	cd /
}

# Step $1; allowed addresses or slots $2; then the functions.
guard() {
	number=$1
	allowed=" $2 "
	shift 2
	step "$number" "guard $*"
	# Devices come and go with their cards: nothing here depends on what the plan saw.
	findings=$(critical 2>/dev/null)
	refusals=
	excused=$NL
	while IFS=$TAB read -r record address _ _ use; do
		[ "$record" = critical ] && is_allowed "$address" && excused="$excused$use$NL"
	done <<-END
		$findings
	END
	for function; do
		is_allowed "$function" || refuse_unresolved "$function"
		refuse_uses "$function" "$function"
		for member in "$ROOT/sys/bus/pci/devices/$function/iommu_group/devices"/*; do
			member=${member##*/}
			case " $* " in
			*" $member "*) ;;
			*) refuse_uses "$function" "$member" ;;
			esac
		done
	done
	[ -z "$refusals" ] || fail critical "$refusals"
}

is_allowed() {
	case $allowed in
	*" $1 "* | *" ${1%.*} "*) return 0 ;;
	esac
	return 1
}

# Function $1 is to go, and $2 would go with it. What the next boot would stop without, nobody can allow.
refuse_uses() {
	[ -e "$ROOT/sys/bus/pci/devices/$2" ] || return 0
	least=1
	! is_allowed "$2" || least=2
	while IFS=$TAB read -r record address _ essential use; do
		[ "$record $address" = "critical $2" ] || continue
		[ "$essential" -ge "$least" ] || continue
		# A bridge only passes on what hangs below it, which the author may have named.
		case $essential$excused in
		1*"$NL$use$NL"*) [ ! -e "$ROOT/sys/bus/pci/devices/$2/secondary_bus_number" ] || continue ;;
		esac
		case $2 in
		"$1") refuse "$1 $use" ;;
		*) refuse "$1 shares its IOMMU group with $2, which $use" ;;
		esac
	done <<-END
		$findings
	END
}

refuse_unresolved() {
	get "$ROOT/sys/bus/pci/devices/$1/class"
	case $value in
	0x01* | 0x02*) ;;
	*) return 0 ;;
	esac
	while IFS=$TAB read -r record use; do
		[ "$record" != unresolved ] || refuse "$1 may carry what could not be traced to a device: $use"
	done <<-END
		$findings
	END
}

refuse() {
	case $NL$refusals$NL in
	*"$NL$1$NL"*) ;;
	*) refusals="$refusals${refusals:+$NL}$1" ;;
	esac
}

# Step $1, then the functions as <address>=<vendor>:<device>.
bind() {
	number=$1
	shift
	step "$number" "bind $*"
	for planned; do
		function=${planned%%=*}
		still_there "$function" "${planned#*=}"
		[ -e "$ROOT/sys/bus/pci/devices/$function/iommu_group" ] ||
			fail failed "$function has no IOMMU group, so vfio-pci cannot take it: the IOMMU is off in this boot, in the firmware or by the kernel command line."
	done
	if [ ! -e "$ROOT/sys/bus/pci/drivers/vfio-pci" ]; then
		must "load vfio-pci" modprobe vfio-pci
	fi
	before=
	for planned; do
		function=${planned%%=*}
		driver_of "$function"
		get "$ROOT/sys/bus/pci/devices/$function/driver_override"
		before="$before$function ${driver:--} ${value:-(null)}$NL"
		remember_driver "$function"
	done
	for planned; do
		bind_function "${planned%%=*}"
	done
	for planned; do
		driver_of "${planned%%=*}"
		[ "$driver" = vfio-pci ] || bind_failed "${planned%%=*}" "its driver is ${driver:-none} after all"
	done
}

# Notes the driver of function $1 while it is still known: whoever gives it back may know it no more.
remember_driver() {
	# Held by vfio-pci already, or taken from its driver by a change that was cut off: what was noted then counts.
	if [ "$driver" = vfio-pci ] || { [ -z "$driver" ] && [ "$value" = vfio-pci ]; }; then
		return 0
	fi
	note_driver "$1" "$driver"
}

# Function $1 goes back to driver $2; empty: to none.
note_driver() {
	[ -n "$2" ] || [ -e "$STATE/drivers" ] || return 0
	words=$({
		{
			[ ! -e "$STATE/drivers" ] || grep -v -e "^$1 " "$STATE/drivers"
			[ -z "$2" ] || printf '%s %s\n' "$1" "$2"
		} >"$STATE/drivers.new"
		sync "$STATE/drivers.new" || sync
		mv -T "$STATE/drivers.new" "$STATE/drivers"
	} 2>&1) || fail failed "Unable to note the driver of $1: $words"
}

still_there() {
	get "$ROOT/sys/bus/pci/devices/$1/vendor" ||
		fail moved "There is no device at $1 any more; the plan saw $2 there. Plan again."
	id=${value#0x}
	get "$ROOT/sys/bus/pci/devices/$1/device"
	id=$id:${value#0x}
	[ "$id" = "$2" ] || fail moved "Another device stands at $1: $id, the plan saw $2. Plan again."
}

bind_function() {
	driver_of "$1"
	words=$(write_sys "/sys/bus/pci/devices/$1/driver_override" vfio-pci 2>&1) ||
		bind_failed "$1" "it takes no driver_override: $words"
	[ "$driver" != vfio-pci ] || return 0
	if [ -n "$driver" ]; then
		unbind "$1" || bind_failed "$1" "$words"
	fi
	words=$(write_sys /sys/bus/pci/drivers_probe "$1" 2>&1) || bind_failed "$1" "$words"
}

# Takes function $1 from its driver `driver`. A driver may never come back from that, and is not waited for.
unbind() {
	answer=$STATE/unbind.$1
	rm -f "$answer"
	(
		exec 9>&-
		write_sys "/sys/bus/pci/drivers/$driver/unbind" "$1" >"$answer.words" 2>&1
		echo "$?" >"$answer"
	) </dev/null >/dev/null 2>&1 &
	waited=0
	while [ ! -s "$answer" ]; do
		if [ "$waited" -ge "$((UNBIND_WAIT * 20))" ]; then
			words="$driver does not let go of it within $UNBIND_WAIT s; it may be in use or the driver hangs, and then a reboot hangs too"
			return 1
		fi
		sleep 0.05
		waited=$((waited + 1))
	done
	get "$answer"
	words="$driver does not let go of it: $(cat "$answer.words")"
	rm -f "$answer" "$answer.words"
	[ "$value" = 0 ]
}

# Gives every function of the step back as it was, as far as that goes.
bind_failed() {
	complaint="Unable to bind $1 to vfio-pci: $2"
	note "$complaint"
	restored=
	while read -r function old override; do
		[ -n "$function" ] || continue
		case $override in
		'(null)') override='\n' ;;
		esac
		write_sys "/sys/bus/pci/devices/$function/driver_override" "$override" 2>>"$LOG"
		driver_of "$function"
		if [ "$driver" = vfio-pci ] && [ "$old" != vfio-pci ]; then
			unbind "$function"
			driver_of "$function"
		fi
		if [ -z "$driver" ] && [ "$old" != - ]; then
			write_sys "/sys/bus/pci/drivers/$old/bind" "$function" 2>>"$LOG"
			driver_of "$function"
		fi
		restored="$restored${restored:+, }$function is on ${driver:-no driver}"
	done <<-END
		$before
	END
	fail failed "$complaint. Put back: $restored."
}

# Step $1, then the functions as <address>=<driver>, the driver empty for none.
release() {
	number=$1
	shift
	step "$number" "release $*"
	failures=
	for planned; do
		function=${planned%%=*}
		back=${planned#*=}
		[ -n "$back" ] || [ ! -e "$STATE/drivers" ] || back=$(sed -n "s/^$function //p" "$STATE/drivers")
		if release_function "$function" "$back"; then
			note_driver "$function" ""
		else
			failures="$failures${failures:+$NL}$function does not go back to $back now: $words. It returns at the next boot."
		fi
	done
	[ -z "$failures" ] || fail failed "$failures"
}

release_function() {
	device=/sys/bus/pci/devices/$1
	words=
	# Gone altogether: nothing is held.
	get "$ROOT$device/vendor" || return 0
	id=${value#0x}
	get "$ROOT$device/device"
	id="$id ${value#0x}"
	get "$ROOT$device/driver_override"
	if [ "$value" = vfio-pci ]; then
		words=$(write_sys "$device/driver_override" '\n' 2>&1) || return 1
	fi
	# Left over from a VM; most often there is none, which the kernel calls an error.
	write_sys /sys/bus/pci/drivers/vfio-pci/remove_id "$id" 2>/dev/null
	[ "$2" != vfio-pci ] || return 0
	driver_of "$1"
	if [ "$driver" = vfio-pci ]; then
		unbind "$1" || return 1
		driver_of "$1"
	fi
	[ -n "$2" ] && [ -z "$driver" ] || return 0
	if [ ! -e "$ROOT/sys/bus/pci/drivers/$2" ]; then
		get "$ROOT$device/modalias"
		# A driver's module may have another name.
		words=$(modprobe -- "$2" 2>&1) || [ -z "$value" ] || words=$(modprobe -- "$value" 2>&1)
	fi
	driver_of "$1"
	if [ -z "$driver" ]; then
		words=$(write_sys "/sys/bus/pci/drivers/$2/bind" "$1" 2>&1) || return 1
		driver_of "$1"
	fi
	words="its driver is ${driver:-none}"
	[ "$driver" = "$2" ]
}

# Step $1: value $3 into file $2 of /sys.
sysfs() {
	step "$1" "write $3 to $2"
	words=$(printf '%s' "$3" | tee "$ROOT$2" 2>&1 >/dev/null) || fail failed "Unable to write $3 to $2: $words"
}

# libvirt

virsh_system() {
	timeout -k 30 120 virsh -q -c qemu:///system "$@" 9>&-
}

# The configuration of domain $1 must have the digest $2, or the change fails for the reason $3.
expect_domain() {
	configuration=$(virsh_system dumpxml --inactive "$1" 2>&1) ||
		fail failed "Unable to read domain $1: $configuration"
	digest=$(printf '%s' "$configuration" | sha256sum)
	[ "${digest%% *}" = "$2" ] ||
		fail "$3" "Somebody changed the configuration of domain $1 since it was read. Its devices were not touched."
}

# Step $1: domain $2, whose configuration has the digest $3. Then verb, layer and device (in base64) of each change.
domain_devices() {
	uuid=$2
	step "$1" "devices of domain $uuid"
	# It was as expected when the change began: what came before this step is done.
	expect_domain "$uuid" "$3" failed
	shift 3
	undo=
	while [ $# -ge 3 ]; do
		if ! domain_device "$@"; then
			complaint="Unable to $1 a device of domain $uuid ($2): $words"
			undo_devices
			fail failed "$complaint"
		fi
		case $1 in
		attach) undo="detach $2 $3$NL$undo" ;;
		*) undo="attach $2 $3$NL$undo" ;;
		esac
		shift 3
	done
}

# Sets `words` to what virsh says.
domain_device() {
	printf '%s' "$3" | base64 -d >"$STATE/device.xml" || fail failed "Unable to write a device into $STATE"
	note "$1 ($2): $(cat "$STATE/device.xml")"
	words=$(virsh_system "$1-device" "$uuid" "$STATE/device.xml" "--$2" 2>&1)
	code=$?
	rm -f "$STATE/device.xml"
	return "$code"
}

undo_devices() {
	while read -r verb layer device; do
		[ -n "$verb" ] || continue
		domain_device "$verb" "$layer" "$device" ||
			complaint="$complaint${NL}Unable to undo what was done before ($verb, $layer): $words"
	done <<-END
		$undo
	END
}

# Step $1: domain $2 gets $3 seconds to shut down.
restart_domain() {
	step "$1" "restart domain $2"
	words=$(virsh_system shutdown "$2" 2>&1) || fail failed "Unable to shut domain $2 down: $words"
	waited=0
	until [ "$(virsh_system domstate "$2" 2>&1)" = "shut off" ]; do
		[ "$waited" -lt "$3" ] ||
			fail failed "The guest of domain $2 did not shut down within $3 s and runs on as it was. Shut it down from inside; what is configured takes effect when it starts again."
		sleep 1
		waited=$((waited + 1))
	done
	words=$(virsh_system start "$2" 2>&1) || fail failed "Domain $2 was shut down and does not start: $words"
}

# Step $1: this boot must still be $2. The answer gets a moment to arrive; the lock is held until the host goes down.
reboot_host() {
	step "$1" "reboot"
	get "$ROOT/proc/sys/kernel/random/boot_id"
	[ "$value" = "$2" ] ||
		fail changed "The host has booted since this reboot was decided (boot id $value, not $2). It was not rebooted again."
	sync
	if has systemctl; then
		set -- systemctl reboot
	else
		set -- reboot
	fi
	(
		sleep 1
		"$@" >>"$LOG" 2>&1
	) </dev/null >/dev/null 2>&1 &
}
