# Runs the program $main on the Node.js $node with the arguments of the script that reads this file.
set -- "$main" "$@"
if [ "${2-}" = agent ]; then
  # The agent shares a machine with its services: half the memory, for some more CPU time.
  export MALLOC_ARENA_MAX=1
  set -- --max-semi-space-size=1 --optimize-for-size "$@"
fi
exec "$node" --use-system-ca --disable-warning=ExperimentalWarning "$@"
