# Starts nginx, and reads /healthz with its headers.
nginx
exec 3<> /dev/tcp/127.0.0.1/80
printf 'GET /healthz HTTP/1.0\r\n\r\n' >&3
response=$(tr -d '\r' <&3)
echo "$response"
grep -qx 'HTTP/1.1 200 OK' <<< "$response"
grep -qx 'Server: nginx' <<< "$response"
grep -qx 'X-Content-Type-Options: nosniff' <<< "$response"
[ "$(tail -n 1 <<< "$response")" = ok ]
nginx -s quit
