# tests/world/peers.sh -- sourced by the world tests: NSD as the parent's server, unbound as the resolver, and a network
# of their own.
# shellcheck shell=bash
# shellcheck disable=SC2154 # world is of zones/demo/world.sh
# Delegations lead to port 53 (RFC 1035 section 4.2), which is free in a new network namespace. Tests that don't follow
# one set peers_need_port_53=no, and run without a namespace where none can be made.

peers_need_port_53=yes
parent_address=127.0.0.3
resolver_address=127.0.0.4
resolver_port=53

# Runs the script again inside new network and mount namespaces; without them, here, if port 53 can be had or isn't
# needed; else it's skipped.
peers_enter() {	# SCRIPT PROGRAM...: what must be installed
	local script=$1 program
	shift
	for program in "$@"; do
		command -v "$program" >/dev/null || peers_skip "$program isn't installed"
	done
	case ${PEERS_INSIDE-} in
	namespace)
		ip link set lo up || peers_skip "loopback can't be brought up"
		return
		;;
	here)
		[ $peers_need_port_53 = yes ] || { world_port && resolver_port=$REPLY; }
		return
		;;
	esac
	if unshare --net --mount true 2>/dev/null; then
		PEERS_INSIDE=namespace exec unshare --net --mount bash "$script"
	elif unshare --map-root-user --net --mount true 2>/dev/null; then
		PEERS_INSIDE=namespace exec unshare --map-root-user --net --mount bash "$script"
	elif [ $peers_need_port_53 = no ] || peers_port_free; then
		PEERS_INSIDE=here exec bash "$script"
	fi
	peers_skip "no network namespace can be made, and port 53 can't be had without one"
}

peers_skip() {	# WHY
	echo "skipped: $1"
	exit 77
}

peers_port_free() {
	local lowest
	lowest=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start 2>/dev/null || echo 1024)
	[ "$(id -u)" = 0 ] || [ "$lowest" -le 53 ] || return 1
	! cat /proc/net/{tcp,udp} | grep -qE ': [0-9A-F]{8}:0035 '
}

peers_parent() {	# NSD with example.com, which delegates gtm to isobard's two addresses
	mkdir "$world/nsd"
	cat >"$world/nsd/example.com.zone" <<-'END'
		$ORIGIN example.com.
		$TTL 300
		@	IN SOA ns hostmaster 1 7200 900 1209600 300
		@	IN NS ns
		ns	IN A 127.0.0.3
		www	IN A 192.0.2.80
		gtm	IN NS ns1.gtm
		gtm	IN NS ns2.gtm
		ns1.gtm	IN A 127.0.0.1
		ns2.gtm	IN A 127.0.0.2
	END
	cat >"$world/nsd/nsd.conf" <<-END
		server:
		    ip-address: $parent_address
		    username: ""
		    chroot: ""
		    zonesdir: "$world/nsd"
		    database: ""
		    pidfile: "$world/nsd/nsd.pid"
		    xfrdfile: "$world/nsd/xfrd.state"
		    zonelistfile: "$world/nsd/zone.list"
		    server-count: 1
		remote-control:
		    control-enable: no
		zone:
		    name: example.com
		    zonefile: example.com.zone
	END
	world_start nsd nsd -d -c "$world/nsd/nsd.conf"
	world_await 10 dig "@$parent_address" +tries=1 +time=1 +norecurse example.com SOA
}

# unbound asks the server given for the names from ZONE down, passes each client's ECS on, keeps answers by client, and holds servers to the
# case of the names that it asks (use-caps-for-id).
peers_resolver() {	# ZONE ADDRESS[@PORT]
	mkdir "$world/unbound"
	cat >"$world/unbound/unbound.conf" <<-END
		server:
		    interface: $resolver_address@$resolver_port
		    access-control: 127.0.0.0/8 allow
		    do-ip6: no
		    do-not-query-localhost: no
		    do-daemonize: no
		    username: ""
		    chroot: ""
		    directory: "$world/unbound"
		    pidfile: "$world/unbound/unbound.pid"
		    use-syslog: no
		    logfile: ""
		    verbosity: 1
		    module-config: "subnetcache iterator"
		    send-client-subnet: 127.0.0.1
		    send-client-subnet: 127.0.0.2
		    client-subnet-always-forward: yes
		    max-client-subnet-ipv4: 24
		    max-ecs-tree-size-ipv4: 20000
		    use-caps-for-id: yes
		remote-control:
		    control-enable: yes
		    control-interface: "$world/unbound/control"
		    control-use-cert: no
		stub-zone:
		    name: $1
		    stub-addr: $2
	END
	world_start unbound unbound -d -c "$world/unbound/unbound.conf"
	world_await 10 dig "@$resolver_address" -p "$resolver_port" +tries=1 +time=1 "$1" SOA
}

# The resolver forgets everything. What it keeps by client (subnetcache) no flush command reaches, but a reload does.
peers_flush() {
	unbound-control -c "$world/unbound/unbound.conf" reload >/dev/null
	world_await 10 peers_ask +tries=1 +time=1 gtm.example.com SOA
}

# dig at the resolver: peers_ask NAME TYPE [OPTION...]
peers_ask() {
	dig "@$resolver_address" -p "$resolver_port" +tries=2 +time=3 "$@"
}
