#!/bin/sh
# Starts workerd so that the kernel ends it with the process that started it, however that one ends.
if command -v setpriv >/dev/null 2>&1; then
  exec setpriv --pdeathsig KILL "$SLIPWAY_WORKERD" "$@"
fi
exec "$SLIPWAY_WORKERD" "$@"
