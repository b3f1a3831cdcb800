# Finds what the build host left. $1: its name, or nothing if that is a common word.
[ ! -s /etc/machine-id ]
[ ! -e /var/lib/dbus/machine-id ]
[ "$(cat /etc/hostname)" = localhost ]
[ "$(readlink /etc/resolv.conf)" = ../run/systemd/resolve/stub-resolv.conf ]

left=$(find /etc/ssh -name 'ssh_host_*'
  find /var/log /var/cache /var/lib/apt /tmp /var/tmp /run -type f ! -name .gitkeep ! -path /run/gantry/metadata.json)
for name in gantry-build- ${1:+"$1"}; do
  left+=$(grep -rlF -e "$name" /etc /usr/lib /var || true)
done
[ -z "$left" ] || { echo "$left"; exit 1; }
