# Starts Redis as its unit does, after the command of the unit that makes certificates ($1).
$1
install -d -o redis -g redis /run/redis
command=$(sed -n 's/^ExecStart=//p' /usr/lib/systemd/system/redis-server.service)
setpriv --reuid redis --regid redis --init-groups $command > /tmp/redis.log 2>&1 &
for _ in $(seq 100); do
  redis-cli ping > /dev/null 2>&1 && break
  sleep 0.1
done
cat /tmp/redis.log
[ "$(redis-cli ping)" = PONG ]
[ "$(redis-cli -p 6380 --tls --cacert /var/lib/redis/tls/ca.crt ping)" = PONG ]
redis-cli shutdown nosave
