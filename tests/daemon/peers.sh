# tests/daemon/peers.sh -- sourced by test scripts: other name servers with the zone files of a folder.
# shellcheck shell=bash

peer_nsd_conf() {	# PORT ZONES FOLDER
	local file name
	cat <<-END
		server:
		    ip-address: 127.0.0.1@$1
		    username: ""
		    chroot: ""
		    zonesdir: "$2"
		    database: ""
		    pidfile: "$3/nsd.pid"
		    xfrdfile: "$3/xfrd.state"
		    zonelistfile: "$3/zone.list"
		    server-count: 1
		    rrl-ratelimit: 0
		    ipv4-edns-size: 1232
		    minimal-responses: yes
		remote-control:
		    control-enable: no
	END
	for file in "$2"/*.zone; do
		name=${file##*/}
		printf 'zone:\n    name: %s\n    zonefile: %s\n' "${name%.zone}" "$name"
	done
}

peer_knot_conf() {	# PORT ZONES FOLDER
	local file name
	cat <<-END
		server:
		    listen: 127.0.0.1@$1
		    rundir: "$3"
		    udp-max-payload: 1232
		    udp-workers: 1
		    tcp-workers: 1
		    background-workers: 1
		database:
		    storage: "$3"
		template:
		  - id: default
		    storage: "$2"
		    semantic-checks: off
		    zonefile-sync: -1
		    journal-content: none
		zone:
	END
	for file in "$2"/*.zone; do
		name=${file##*/}
		printf '  - domain: %s\n    file: %s\n' "${name%.zone}." "$name"
	done
}
