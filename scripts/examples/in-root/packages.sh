# Lists the packages in dpkg's database, which is made of the records of all layers.
dpkg-query -W -f '${db:Status-Abbrev}${Package}:${Architecture}=${Version}\n'
