# Makes dpkg's database of the fragments of all layers, and lists the packages.
for fragment in /var/lib/dpkg/status.d/*; do
  cat "$fragment"
  echo
done > /var/lib/dpkg/status
dpkg-query -W -f '${db:Status-Abbrev}${Package}:${Architecture}=${Version}\n'
