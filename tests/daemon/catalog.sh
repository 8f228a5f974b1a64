#!/usr/bin/env bash
# Catalog zones (RFC 9432). Knot, BIND and PowerDNS follow a catalog that isobard makes, and serve what it lists, a steered
# zone too; isobard follows catalogs of theirs, and serves what they list.
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
	for peer in knot bind powerdns knot-producer bind-producer powerdns-producer; do
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
	shown
	followers
	changes
	restart
	follow
	knot_changes
	bind_changes
	broken
	clashes
	restart_alone
	deletions
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
		@ 60 IN SOA ns1 hostmaster $1 2 1 600 60
		@ 60 IN NS ns1
		ns1 60 IN A ${2-192.0.2.53}
	END
}

shared() {	# the keys of a zone that others have; PowerDNS comes for members without a TSIG key, from an address of its own
	cat <<-END
		    transfer: [{key: transfer.key}, {from: [127.0.0.9/32]}]
		    notify:
		      - {to: 127.0.0.1@${ports[knot]}, key: transfer.key}
		      - {to: 127.0.0.1@${ports[bind]}, key: transfer.key}
		      - {to: 127.0.0.1@${ports[powerdns]}, key: transfer.key}
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
	local key=(-y "$signed")
	case $1 in "${ports[powerdns]}" | "${ports[powerdns-producer]}") key=() ;; esac
	dig @127.0.0.1 -p "$1" "${key[@]}" +tries=2 +time=2 +noall +answer +onesoa "$2" AXFR |
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
	holds "who may transfer it may" world_await 10 lists "$steered. plain.example."
	same "and ask" "$(ask -y "$signed" +short "version.$catalog" TXT)" '"2"'
	said=$(axfr "$dns_port" "$catalog")
	same "SOA and NS lead nowhere" "$(grep -c 'SOA invalid\. invalid\.\| NS invalid\.' <<<"$said")" 2
	same "the log has no error" "$(grep -c 'error:' "$world/log/isobard")" 0
}

shown() {
	holds "isobarctl lists it" grep -q "^$catalog\.  *producer  *plain.example.  *-  *1  *served" <<<"$(catalogs)"
	holds "and what the zones are" grep -q "^$catalog\. .* producer" <<<"$(world_ctl zone list)"
	same "metrics count it" "$(world_get /metrics | grep '^isobar_catalog_members')" \
		"isobar_catalog_members{catalog=\"$catalog.\",role=\"producer\"} 2"
}

catalogs() {
	world_ctl catalog list
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

# The commands are for pdnsutil, before it starts.
powerdns() {	# NAME COMMANDS...
	local folder=$world/$1 name=$1 command
	shift
	mkdir -p "$folder"
	sqlite3 "$folder/db" </usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql
	cat >"$folder/pdns.conf" <<-END
		launch=gsqlite3
		gsqlite3-database=$folder/db
		gsqlite3-dnssec=yes
		local-address=127.0.0.1
		local-port=${ports[$name]}
		socket-dir=$folder
		primary=yes
		secondary=yes
		query-local-address=127.0.0.9
		allow-notify-from=127.0.0.0/8
		allow-axfr-ips=127.0.0.0/8
		xfr-cycle-interval=1
		cache-ttl=0
		query-cache-ttl=0
		negquery-cache-ttl=0
		zone-cache-refresh-interval=1
		security-poll-suffix=
	END
	for command; do
		# shellcheck disable=SC2086 # words
		pdnsutil --config-dir="$folder" $command
	done >"$world/log/$name-util" 2>&1
	world_start "$name" pdns_server --config-dir="$folder" --daemon=no --guardian=no --write-pid=no
}

powerdns_follower() {
	powerdns powerdns "import-tsig-key transfer.key hmac-sha256 $secret" \
		"create-secondary-zone $catalog 127.0.0.1:$dns_port" "set-kind $catalog consumer" \
		"activate-tsig-key $catalog transfer.key secondary"
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
	powerdns_follower
	for peer in knot bind powerdns; do
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
	for peer in knot bind powerdns; do
		holds "$peer serves it" world_await 20 alike "${ports[$peer]}" more.example
	done
	holds "a record of a member is set" world_ctl record set more.example www A 192.0.2.80 --ttl 60
	for peer in knot bind powerdns; do
		holds "$peer has it" world_await 20 alike "${ports[$peer]}" more.example
	done
	same "which the catalog doesn't notice" "$(serial_of "$dns_port" "$catalog")" $((before + 1))
	rm "$world/zones/more.example.zone"
	sed -i '/^  more.example:/,$d' "$world/zones/steering.yaml"
	# PowerDNS deletes members, too, when its own jobs haven't locked its database.
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
	holds "an export has no file of it" world_ctl export "$world/out"
	same "but of its members" "$(cd "$world/out" && echo *.zone)" \
		"gtm.example.com.zone lab.gtm.example.com.zone more.example.zone plain.example.zone"
	holds "no record of it can be set" grep -q "nothing else can change it" \
		<<<"$(world_ctl record set "$catalog" x A 192.0.2.1 2>&1)"
}

# ---- catalogs that are followed --------------------------------------------------------------------------------------


knot_producer() {	# MEMBER...; again with other members: a reload
	local member
	mkdir -p "$world/knot-producer"
	for member; do
		plain 1 >"$world/knot-producer/$member.zone"
	done
	{
		cat <<-END
			server:
			    listen: 127.0.0.1@${ports[knot-producer]}
			    rundir: $world/knot-producer
			database:
			    storage: $world/knot-producer
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
			    action: transfer
			template:
			  - id: default
			    storage: $world/knot-producer
			    file: "%s.zone"
			    acl: all
			    notify: isobard
			zone:
			  - domain: of-knot.example
			    catalog-role: generate
		END
		for member; do
			echo "  - domain: $member"
			echo "    catalog-role: member"
			echo "    catalog-zone: of-knot.example"
			[ "$member" = signed.example ] && echo "    catalog-group: gold"
		done
	} >"$world/knot-producer.conf"
	if [ -n "${world_pids[knot-producer]-}" ]; then
		kill -HUP "${world_pids[knot-producer]}"
	else
		world_start knot-producer knotd -c "$world/knot-producer.conf"
	fi
}

bind_catalog() {	# VERSION MEMBERS...; the records of the catalog, under the next serial
	local member version=$1
	shift
	serial=$((serial + 1))
	{
		echo "@ 0 IN SOA invalid. invalid. $serial 2 1 600 0"
		echo "@ 0 IN NS invalid."
		echo "version 0 IN TXT \"$version\""
		for member; do
			echo "l${member%%.*}.zones 0 IN PTR ${member#*=}."
		done
	} >"$world/bind-producer/of-bind.example"
	[ -z "${world_pids[bind-producer]-}" ] || kill -HUP "${world_pids[bind-producer]}"
}

bind_producer() {
	local member
	mkdir -p "$world/bind-producer"
	bind_catalog 2 b1.example
	{
		cat <<-END
			include "$world/transfer.key";
			options {
			    directory "$world/bind-producer";
			    pid-file none;
			    session-keyfile none;
			    listen-on port ${ports[bind-producer]} { 127.0.0.1; };
			    listen-on-v6 { none; };
			    recursion no;
			    dnssec-validation no;
			    allow-transfer { key transfer.key; };
			    notify explicit;
			    also-notify { 127.0.0.1 port $dns_port key transfer.key; };
			};
			controls { };
			zone "of-bind.example" { type primary; file "of-bind.example"; };
		END
		for member in b1.example b2.example plain.example; do
			plain 7 >"$world/bind-producer/$member"
			echo "zone \"$member\" { type primary; file \"$member\"; };"
		done
	} >"$world/bind-producer/named.conf"
	world_start bind-producer named -g -c "$world/bind-producer/named.conf"
}

powerdns_producer() {
	plain 1 >"$world/p1.zone"
	echo "@ 60 IN SOA ns1 hostmaster 1 2 1 600 60
@ 60 IN NS invalid." >"$world/of-powerdns.zone"
	powerdns powerdns-producer "load-zone of-powerdns.example $world/of-powerdns.zone" \
		"set-kind of-powerdns.example producer" "load-zone p1.example $world/p1.zone" "set-kind p1.example primary" \
		"set-catalog p1.example of-powerdns.example" "set-option p1.example producer group gold"
}

serves() {	# ZONE
	[ "$(ask +short "ns1.$1" A)" = 192.0.2.53 ]
}

is_refused() {	# ZONE
	grep -q 'status: REFUSED' <<<"$(ask "$1" SOA)"
}

is_signed() {	# ZONE
	grep -q ' DNSKEY ' <<<"$(ask +noall +answer "$1" DNSKEY | sed 's/[[:space:]]\+/ /g')"
}

logged() {	# TEXT
	grep -qF -- "$1" "$world/log/isobard"
}

follow() {
	serial=0
	knot_producer k1.example signed.example
	bind_producer
	powerdns_producer
	cat >>"$world/zones/steering.yaml" <<-END
		  of-knot.example:
		    primaries: [{address: 127.0.0.1@${ports[knot-producer]}, key: transfer.key}]
		    transfer: [{key: transfer.key}]
		    catalog:
		      role: consumer
		      templates:
		        default: {transfer: [{key: transfer.key}]}
		        gold: {dnssec: on}
		  of-bind.example:
		    primaries: [{address: 127.0.0.1@${ports[bind-producer]}, key: transfer.key}]
		    catalog: consumer
		  of-powerdns.example:
		    primaries: [127.0.0.1@${ports[powerdns-producer]}]
		    catalog: {role: consumer, templates: {gold: {dnssec: on}}}
	END
	holds "catalogs are followed" world_ctl apply "$world/zones"
	holds "a member of Knot's is served" world_await 20 serves k1.example
	holds "another one is signed, as its group says" world_await 20 is_signed signed.example
	holds "and the first isn't" test "$(ask +short k1.example DNSKEY)" = ""
	holds "a member of BIND's is served" world_await 20 serves b1.example
	holds "a member of PowerDNS's is served" world_await 20 serves p1.example
	holds "signed, as its group says" world_await 20 is_signed p1.example
	holds "BIND's catalog is for nobody" is_refused of-bind.example
	holds "a followed catalog goes on to who may have it" alike "${ports[knot-producer]}" of-knot.example
	holds "as its members do" alike "${ports[knot-producer]}" k1.example
	holds "isobarctl lists them" grep -q '^of-knot.example\.  *consumer  *signed.example\.  *gold  *1  *served' \
		<<<"$(catalogs)"
	holds "the journal has it" grep -q '"k1.example."' <<<"$(world_ctl -j audit)"
}

knot_changes() {
	knot_producer k1.example k2.example
	holds "what Knot adds is served" world_await 20 serves k2.example
	holds "what it takes away isn't" world_await 20 is_refused signed.example
	holds "its keys are gone" test "$(world_ctl -j key list signed.example | jq '[.zones[].keys[]] | length')" = 0
	holds "others stay" serves k1.example
	plain 2 >"$world/knot-producer/k1.example.zone"
	echo "www 60 IN A 192.0.2.81" >>"$world/knot-producer/k1.example.zone"
	kill -HUP "${world_pids[knot-producer]}"
	holds "a member's new version comes" world_await 20 alike "${ports[knot-producer]}" k1.example
}

bind_changes() {
	bind_catalog 2 b1.example b2.example
	holds "what BIND adds is served" world_await 20 serves b2.example
	bind_catalog 2 b2.example
	holds "what it takes away isn't" world_await 20 is_refused b1.example
	bind_catalog 2 again=b2.example
	holds "with another label a zone begins anew" world_await 20 logged \
		"b2.example. begins anew as a member of the catalog of-bind.example."
	holds "and is served again" world_await 20 serves b2.example
}

broken() {
	bind_catalog 1 b1.example
	holds "a broken catalog isn't taken" world_await 20 logged "the catalog is broken: its version isn't \"2\""
	holds "its members stay" serves b2.example
	holds "and nothing comes" is_refused b1.example
	bind_catalog 2 b1.example again=b2.example
	holds "a good one is taken again" world_await 20 serves b1.example
}

clashes() {
	bind_catalog 2 b1.example again=b2.example plain.example k1.example
	holds "a zone of this server's own isn't followed" world_await 20 logged \
		"the member plain.example. of the catalog of-bind.example. isn't followed: this server has a zone of that name"
	holds "nor another catalog's" world_await 20 logged \
		"the member k1.example. of the catalog of-bind.example. isn't followed: it's a member of the catalog of-knot.example."
	same "isobarctl says so" "$(catalogs | grep -c "^of-bind.*isn't followed")" 2
	same "metrics count them" "$(world_get /metrics | grep '^isobar_catalog_clashes{catalog="of-bind')" \
		'isobar_catalog_clashes{catalog="of-bind.example."} 2'
	same "the zones are as they were" "$(serial_of "$dns_port" plain.example) $(serial_of "$dns_port" k1.example)" "1 2"
}

restart_alone() {
	local before
	before=$(catalogs)
	world_stop knot-producer >/dev/null
	world_stop bind-producer >/dev/null
	world_stop isobard >/dev/null
	holds "isobard starts without its primaries" world_isobard
	holds "members are served" serves b2.example
	holds "of both catalogs" serves k2.example
	same "they are the same" "$(catalogs)" "$before"
}

deletions() {
	local many=() i
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14; do
		many+=("z$i.example")
	done
	unset 'world_pids[bind-producer]'
	bind_catalog 2 "${many[@]}" b1.example
	world_start bind-producer named -g -c "$world/bind-producer/named.conf"
	holds "many members come" world_await 30 members 15
	bind_catalog 2 b1.example
	holds "a version that deletes most is held" world_await 20 logged "the catalog would delete 14 of its 15 members"
	same "they stay" "$(catalogs | grep -c '^of-bind.*z[0-9]')" 14
	holds "an operator confirms it" world_ctl catalog confirm of-bind.example --reason "they moved"
	holds "and it's taken" world_await 20 members 1
	holds "the journal has the word" grep -q 'catalog.confirm' <<<"$(world_ctl audit)"
	holds "for a catalog that isn't followed there's none" grep -q 'is no catalog that is followed here' \
		<<<"$(world_ctl catalog confirm plain.example 2>&1)"
}

members() {	# HOW MANY of BIND's catalog
	[ "$(catalogs | grep -v followed | grep -c '^of-bind')" = "$1" ]
}

main "$@"
