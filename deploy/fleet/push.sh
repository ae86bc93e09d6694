#!/bin/sh
# push.sh ROLLOUT HOST...: bring a rollout to hosts by ssh, one after the other,
# and wait until each serves it. The file is renamed into place. SSH names
# another program than ssh, CONF another directory than /etc/lockstep, and ADMIN
# another address than unix:/run/lockstep/admin.sock.
set -eu
rollout=$1
shift
conf=${CONF:-/etc/lockstep}
admin=${ADMIN:-unix:/run/lockstep/admin.sock}
for host; do
	${SSH:-ssh} "$host" "set -eu
		cat > $conf/.rollout.yaml.new
		lockstep run --check --config $conf/agent.yaml --rollout $conf/.rollout.yaml.new >/dev/null
		mv $conf/.rollout.yaml.new $conf/rollout.yaml
		for i in 1 2 3 4 5 6 7 8 9 10; do
			lockstep ctl status --admin $admin --rollout $conf/rollout.yaml && exit 0
			sleep 1
		done
		exit 1" <"$rollout"
done
