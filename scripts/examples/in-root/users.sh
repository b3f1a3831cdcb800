# Makes the users as a booting machine does, and lists them and those that the modules want.
systemd-sysusers
systemd-tmpfiles --create > /dev/null
getent passwd | awk -F: '{ print "user", $1, $3 }'
getent group | awk -F: '{ print "group", $1, $3 }'
awk '$1 == "u" { print "wanted user", $2 }' /usr/lib/sysusers.d/00-gantry-*.conf
