# tests/daemon/resolvers.sh -- sourced by test scripts: resolvers of three kinds, each of which asks from an address of its
# own, validates by a trust anchor, and caches as it usually does.
# shellcheck shell=bash disable=SC2154 # what the test sets
# In: $world, and $anchor_zone with its DNSKEY RDATA in $anchor; $resolved_zones are asked of 127.0.0.1, port $dns_port.
# Out: resolver_ports[KIND-SOURCE].

declare -A resolver_ports=()

resolver_start() {	# KIND SOURCE
	local name=$1-$2 port folder=$world/$1-$2
	world_port && port=$REPLY
	resolver_ports[$name]=$port
	mkdir -p "$folder"
	"resolver_$1" "$port" "$2" "$folder"
}

resolver_unbound() {	# PORT SOURCE FOLDER
	local name
	{
		cat <<-END
			server:
			    interface: 127.0.0.1@$1
			    outgoing-interface: $2
			    username: ""
			    chroot: ""
			    directory: "$3"
			    pidfile: ""
			    num-threads: 1
			    do-not-query-localhost: no
			    qname-minimisation: no
			    module-config: "validator iterator"
			    trust-anchor: "$anchor_zone. DNSKEY $anchor"
			    aggressive-nsec: yes
			    harden-algo-downgrade: yes
			    log-servfail: yes
			    val-log-level: 2
			    use-syslog: no
			remote-control:
			    control-enable: no
		END
		for name in $resolved_zones; do
			printf 'stub-zone:\n    name: %s\n    stub-addr: 127.0.0.1@%s\n    stub-prime: no\n' "$name" "$dns_port"
		done
	} >"$3/conf"
	world_start "unbound-$2" unbound -d -c "$3/conf"
}

resolver_bind() {	# PORT SOURCE FOLDER
	local flags protocol algorithm key
	read -r flags protocol algorithm key <<<"$anchor"
	cat >"$3/conf" <<-END
		options {
			directory "$3";
			pid-file none;
			session-keyfile none;
			listen-on port $1 { 127.0.0.1; };
			listen-on-v6 { none; };
			query-source address $2;
			recursion yes;
			dnssec-validation yes;
			synth-from-dnssec yes;
			servfail-ttl 0;
		};
		controls { };
		trust-anchors { $anchor_zone. static-key $flags $protocol $algorithm "$key"; };
		zone "$anchor_zone" { type forward; forward only; forwarders { 127.0.0.1 port $dns_port; }; };
	END
	world_start "bind-$2" named -f -n 1 -c "$3/conf"
}

resolver_knot() {	# PORT SOURCE FOLDER
	cat >"$3/conf" <<-END
		net.ipv6 = false
		net.listen('127.0.0.1', $1, { kind = 'dns' })
		net.outgoing_v4('$2')
		cache.size = 4 * MB
		cache.min_ttl(0)
		trust_anchors.remove('.')
		trust_anchors.add('$anchor_zone. DNSKEY $anchor')
		policy.add(policy.suffix(policy.FORWARD('127.0.0.1@$dns_port'), { todname('$anchor_zone') }))
	END
	world_start "knot-$2" kresd -n -c "$3/conf" "$3"
}

# Whether each of them answers.
resolvers_answer() {
	local name
	for name in "${!resolver_ports[@]}"; do
		dig @127.0.0.1 -p "${resolver_ports[$name]}" +tries=1 +time=1 "$anchor_zone" SOA |
			grep -q 'flags:.* ad[ ;]' || return 1
	done
}

# What a resolver says: lines of "NAME TYPE [ad] RCODE ANSWERS..", in the order of the questions.
resolvers_ask() {	# KIND-SOURCE < lines of NAME TYPE
	awk -v port="${resolver_ports[$1]}" '{ print "@127.0.0.1 -p " port " +dnssec +tries=1 +time=3 " $1 " " $2 }' >"$world/$1/questions"
	dig -f "$world/$1/questions" |
		awk '/^;; ->>HEADER/ { tell(); rcode = $6; sub(",", "", rcode); ad = answer = ""; part = "" }
			/^;; flags:.* ad[ ;]/ { ad = " ad" }
			/^;; [A-Z]+ SECTION/ { part = $2 }
			part == "QUESTION" && /^;[^;]/ { name = substr($1, 2); type = $3 }
			part == "ANSWER" && /^[^;]/ && $4 == type { answer = answer " " $5 }
			/^;; communications error|no servers could be reached|timed out/ { print "nothing: " $0 }
			function tell() { if (rcode != "") print name, type ad, rcode answer }
			END { tell() }'
}
