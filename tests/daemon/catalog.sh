#!/usr/bin/env bash
# Catalog zones (RFC 9432). Knot and BIND follow a catalog that isobard makes, and serve what it lists, a steered zone too;
# isobard follows catalogs of Knot and of BIND, and serves what they list.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

steered=gtm.example.com
catalog=catalog.example
declare -A ports

main() {
	world_open
	world_prepare
	sed -i '/ probe: /d' "$world/zones/steering.yaml"	# no backends here
	key
	for peer in knot bind knot2 bind2; do
		world_port && ports[$peer]=$REPLY
	done
	plain 1 >"$world/zones/plain.example.zone"
	{
		echo zones:
		echo "  $catalog:"
		echo "    catalog: producer"
		shared
		member "$steered"
		member plain.example
	} >>"$world/zones/steering.yaml"
	world_settings="pae: external
tsig-keys:
  transfer.key: {secret-file: $world/transfer.key}"
	holds "isobard gets ready" world_isobard
	closed
	followers
	changes
	restart
	finish
}

key() {
	(
		umask 077
		tsig-keygen -a hmac-sha256 transfer.key >"$world/transfer.key"
	)
	secret=$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/transfer.key")
	signed=hmac-sha256:transfer.key:$secret
}

plain() {	# SERIAL [ADDRESS]
	cat <<-END
		@ 60 IN SOA ns1 hostmaster $1 3600 600 86400 60
		@ 60 IN NS ns1
		ns1 60 IN A ${2-192.0.2.53}
	END
}

shared() {	# the keys of a zone that Knot and BIND have
	cat <<-END
		    transfer: [{key: transfer.key}]
		    notify:
		      - {to: 127.0.0.1@${ports[knot]}, key: transfer.key}
		      - {to: 127.0.0.1@${ports[bind]}, key: transfer.key}
	END
}

member() {	# ZONE
	echo "  $1:"
	echo "    catalog-zone: $catalog"
	shared
}

ask() {	# ARGUMENTS of dig
	dig @127.0.0.1 -p "$dns_port" +tries=2 +time=2 "$@"
}

axfr() {	# PORT ZONE: its records in order, without the second SOA
	dig @127.0.0.1 -p "$1" -y "$signed" +tries=2 +time=2 +noall +answer +onesoa "$2" AXFR |
		sed 's/[[:space:]]\+/ /g' | sort
}

serial_of() {	# PORT ZONE
	dig @127.0.0.1 -p "$1" -y "$signed" +short +tries=1 +time=1 "$2" SOA | cut -d ' ' -f 3
}

listed() {	# the members, as the catalog has them
	axfr "$dns_port" "$catalog" | sed -n 's/.* PTR //p' | sort | xargs
}

lists() {	# MEMBERS
	[ "$(listed)" = "$1" ]
}

label_of() {	# ZONE
	axfr "$dns_port" "$catalog" | sed -n "s/\..* PTR $1.//p"
}

# ---- a catalog that is made ------------------------------------------------------------------------------------------

closed() {
	local said
	said=$(ask "$catalog" SOA)
	holds "others may not ask for the catalog" grep -q 'status: REFUSED' <<<"$said"
	said=$(ask "version.$catalog" TXT)
	holds "for no name of it" grep -q 'status: REFUSED' <<<"$said"
	same "who may transfer it may ask" "$(ask -y "$signed" +short "version.$catalog" TXT)" '"2"'
	same "it lists its members" "$(listed)" "$steered. plain.example."
	said=$(axfr "$dns_port" "$catalog")
	same "SOA and NS lead nowhere" "$(grep -c 'SOA invalid\. invalid\.\| NS invalid\.' <<<"$said")" 2
	same "the log has no error" "$(grep -c 'error:' "$world/log/isobard")" 0
}

knot_follower() {
	mkdir -p "$world/knot"
	cat >"$world/knot.conf" <<-END
		server:
		    listen: 127.0.0.1@${ports[knot]}
		    rundir: $world/knot
		database:
		    storage: $world/knot
		log:
		  - target: stderr
		    any: info
		key:
		  - id: transfer.key
		    algorithm: hmac-sha256
		    secret: $secret
		remote:
		  - id: isobard
		    address: 127.0.0.1@$dns_port
		    key: transfer.key
		acl:
		  - id: all
		    address: 127.0.0.1
		    key: transfer.key
		    action: [notify, transfer]
		template:
		  - id: member
		    storage: $world/knot
		    master: isobard
		    acl: all
		zone:
		  - domain: $catalog
		    storage: $world/knot
		    master: isobard
		    acl: all
		    catalog-role: interpret
		    catalog-template: member
	END
	world_start knot knotd -c "$world/knot.conf"
}

bind_follower() {
	mkdir -p "$world/bind"
	cat >"$world/bind/named.conf" <<-END
		include "$world/transfer.key";
		options {
		    directory "$world/bind";
		    pid-file none;
		    session-keyfile none;
		    listen-on port ${ports[bind]} { 127.0.0.1; };
		    listen-on-v6 { none; };
		    recursion no;
		    dnssec-validation no;
		    allow-transfer { key transfer.key; };
		    catalog-zones {
		        zone "$catalog" default-primaries { 127.0.0.1 port $dns_port key transfer.key; } min-update-interval 1;
		    };
		};
		controls { };
		zone "$catalog" {
		    type secondary;
		    file "catalog";
		    primaries { 127.0.0.1 port $dns_port key transfer.key; };
		    allow-notify { key transfer.key; };
		};
	END
	world_start bind named -g -c "$world/bind/named.conf"
}

alike() {	# PORT ZONE
	local theirs
	theirs=$(axfr "$1" "$2")
	grep -q SOA <<<"$theirs" && [ "$theirs" = "$(axfr "$dns_port" "$2")" ]
}

is_gone() {	# PORT ZONE
	[ "$(dig @127.0.0.1 -p "$1" +tries=1 +time=1 "$2" SOA | grep -c 'status: REFUSED')" = 1 ]
}

followers() {
	local peer zone
	knot_follower
	bind_follower
	for peer in knot bind; do
		for zone in "$catalog" "$steered" plain.example; do
			holds "$peer has $zone" world_await 20 alike "${ports[$peer]}" "$zone"
		done
	done
}

changes() {
	local peer before label
	before=$(serial_of "$dns_port" "$catalog")
	plain 1 >"$world/zones/more.example.zone"
	member more.example >>"$world/zones/steering.yaml"
	holds "a member is added" world_ctl apply "$world/zones"
	holds "the catalog lists it" world_await 10 lists "$steered. more.example. plain.example."
	holds "with another serial" test "$(serial_of "$dns_port" "$catalog")" = $((before + 1))
	label=$(label_of more.example)
	for peer in knot bind; do
		holds "$peer serves it" world_await 20 alike "${ports[$peer]}" more.example
	done
	holds "a record of a member is set" world_ctl record set more.example www A 192.0.2.80 --ttl 60
	for peer in knot bind; do
		holds "$peer has it" world_await 20 alike "${ports[$peer]}" more.example
	done
	same "which the catalog doesn't notice" "$(serial_of "$dns_port" "$catalog")" $((before + 1))
	rm "$world/zones/more.example.zone"
	sed -i '/^  more.example:/,$d' "$world/zones/steering.yaml"
	holds "a member is taken away" world_ctl apply "$world/zones"
	holds "the catalog doesn't list it" world_await 10 lists "$steered. plain.example."
	for peer in knot bind; do
		holds "$peer ends with it" world_await 20 is_gone "${ports[$peer]}" more.example
		holds "$peer goes on with others" alike "${ports[$peer]}" plain.example
	done
	plain 1 192.0.2.54 >"$world/zones/more.example.zone"
	member more.example >>"$world/zones/steering.yaml"
	holds "it comes again" world_ctl apply "$world/zones"
	holds "it's listed again" world_await 10 lists "$steered. more.example. plain.example."
	holds "under another label" test "$label" != "$(label_of more.example)"
	for peer in knot bind; do
		holds "$peer serves it anew" world_await 20 alike "${ports[$peer]}" more.example
	done
}

restart() {
	local before
	before=$(axfr "$dns_port" "$catalog")
	world_stop isobard >/dev/null
	holds "isobard starts again" world_isobard
	holds "the catalog is there again" world_await 10 lists "$steered. more.example. plain.example."
	same "with the same serial and labels" "$(axfr "$dns_port" "$catalog")" "$before"
	holds "no record of it can be set" grep -q "nothing else can change it" \
		<<<"$(world_ctl record set "$catalog" x A 192.0.2.1 2>&1)"
}

main "$@"
