# shellcheck shell=sh
# shellcheck disable=SC2154 # ROOT, NL, TAB, value, node and text are common.sh's; parameters is criticalBoot.sh's
# What a person or a management controller reaches the host by: displays, consoles, the chipset, USB.

displays() {
	for attribute in "$ROOT"/sys/bus/pci/devices/*/boot_vga; do
		get "$attribute" || continue
		[ "$value" = 1 ] || continue
		function=${attribute%/boot_vga}
		# Given away already: the host shows nothing there.
		locate "$function/driver" && [ "${node##*/}" = vfio-pci ] && continue
		locate "$function" && pci_use "$node" display 1 "is the display that the firmware chose (boot VGA)"
	done
	for framebuffer in "$ROOT"/sys/class/graphics/fb[0-9]*; do
		locate "$framebuffer/device" || locate "$framebuffer" || continue
		screen=$node
		get "$framebuffer/name"
		pci_use "$screen" display 1 "shows the console (framebuffer ${framebuffer##*/}${value:+, $value})"
	done
}

consoles() {
	kernel_parameters
	ttys=" "
	for parameter in $parameters; do
		case $parameter in
		console=*) ttys="$ttys${parameter#console=} " ;;
		esac
	done
	get "$ROOT/sys/class/tty/console/active" && ttys="$ttys$value "
	for login in "$ROOT"/etc/systemd/system/getty.target.wants/serial-getty@*.service; do
		[ -L "$login" ] || [ -e "$login" ] || continue
		login=${login##*/serial-getty@}
		ttys="$ttys${login%.service} "
	done
	seen=" "
	for tty in $ttys; do
		tty=${tty%%,*}
		case $seen in
		*" $tty "*) continue ;;
		esac
		seen="$seen$tty "
		locate "$ROOT/sys/class/tty/$tty/device" || locate "$ROOT/sys/class/tty/$tty" || continue
		pci_use "$node" console 1 "is the serial console $tty"
	done
	for interface in "$ROOT"/sys/class/ipmi/ipmi[0-9]*; do
		locate "$interface/device" || continue
		pci_use "$node" console 1 "is the way to the management controller (${interface##*/}, IPMI)"
	done
}

# What the board itself needs, whoever drives it: often one IOMMU group with sound, SATA and a network port. A function
# that is given away already is not missed.
chipset() {
	for function in "$ROOT"/sys/bus/pci/devices/*; do
		get "$function/class" || continue
		address=${function##*/}
		case $value:${address#*:} in
		0x0c07*) words="is the interface to the management controller (IPMI)" ;;
		0x0601*:00:*) words="is the chipset's LPC or ISA bridge" ;;
		0x0c05*:00:*) words="is the chipset's SMBus controller" ;;
		0x0c80*:00:1f.*) words="is the chipset's flash controller (SPI)" ;;
		0x1180*:00:1f.*) words="is the chipset's thermal controller" ;;
		*) continue ;;
		esac
		kind=chipset
		[ "${value#0x0c07}" = "$value" ] || kind=console
		locate "$function/driver" && [ "${node##*/}" = vfio-pci ] && continue
		locate "$function" && pci_use "$node" "$kind" 1 "$words"
	done
}

# Sets `usb_kind` to what the interfaces of USB device $1 are for, in brackets.
usb_kind() {
	usb_kind=
	product=$value
	for interface in "$1"/*:*/bInterfaceClass; do
		get "$interface" || continue
		class=$value
		get "${interface%Class}Protocol"
		case $class:$value in
		03:01) usb_kind=" (keyboard)" ;;
		08:*) usb_kind=" (disk)" ;;
		02:* | 0a:*) usb_kind=" (network or serial)" ;;
		esac
	done
	get "$1/idVendor"
	case $value in
	# APC, Eaton, CyberPower, Phoenixtec.
	051d | 0463 | 0764 | 06da) usb_kind=" (UPS)" ;;
	esac
	value=$product
}

# A warning: a keyboard is missed only by who stands before the machine. Disks and networks below count on their own.
usb_devices() {
	found=
	controllers=$NL
	for device in "$ROOT"/sys/bus/usb/devices/*; do
		case ${device##*/} in
		*:* | usb*) continue ;;
		esac
		# A hub.
		get "$device/bDeviceClass" && [ "$value" = 09 ] && continue
		locate "$device" || continue
		controller=${node%%/usb[0-9]*}
		get "$device/product" || {
			get "$device/idVendor"
			vendor=$value
			get "$device/idProduct"
			value=$vendor:$value
		}
		usb_kind "$device"
		found="$found$controller$TAB$value$usb_kind$NL"
		case $controllers in
		*"$NL$controller$NL"*) ;;
		*) controllers="$controllers$controller$NL" ;;
		esac
	done
	while read -r controller; do
		[ -n "$controller" ] || continue
		products=
		while IFS=$TAB read -r owner product; do
			[ "$owner" != "$controller" ] || products="$products$product$NL"
		done <<-END
			$found
		END
		enumerate "$products"
		pci_use "$controller" usb 0 "has USB devices: $text"
	done <<-END
		$controllers
	END
}
