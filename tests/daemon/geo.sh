#!/usr/bin/env bash
# Clients by country and continent: a database that the operator names, replaced while isobard runs, and one that's broken.
# shellcheck disable=SC2317 # what world_await calls looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"

world_open
world_port && dns_port=$REPLY
mmdb=$ISOBAR_BUILD/tests/tools/mmdb
mkdir "$world/zones"
cat >"$world/zones/example.com.zone" <<-END
	@ 3600 IN SOA ns hostmaster 1 7200 900 1209600 300
	@ 3600 IN NS ns
	ns 3600 IN A 192.0.2.53
	eu._region.near 60 IN A 127.0.0.11
	us._region.near 60 IN A 127.0.0.12
	eu._region.law 60 IN A 127.0.0.11
	us._region.law 60 IN A 127.0.0.12
END
cat >"$world/zones/steering.yaml" <<-END
	geo-database: $world/countries.mmdb
	regions:
	  eu: {location: {country: DE, latitude: 50, longitude: 8}}
	  us: {location: {country: US, latitude: 39, longitude: -77}}
	client-groups:
	  germany: {countries: [DE]}
	  europe: {continents: [EU]}
	services:
	  near.example.com: {sharding-policy: geographic, regions: {us: , eu: }}
	  law.example.com:
	    sharding-policy: priority
	    regions: {us: {priority: 1}, eu: {priority: 2}}
	    residency: [{clients: [germany], regions: [eu]}, {clients: [europe], regions: [eu, us]},
	                {clients: [default], regions: [us]}]
END

answer() {	# NAME SUBNET; the address and the scope
	dig @127.0.0.1 -p "$dns_port" +tries=2 +time=2 +subnet="$2" "$1" A |
		awk '/CLIENT-SUBNET/ { sub(/.*\//, ""); scope = $0 } /\tA\t/ { address = $NF } END { print address, scope }'
}

answers() {	# NAME SUBNET EXPECTED
	[ "$(answer "$1" "$2")" = "$3" ]
}

"$mmdb" "$world/countries.mmdb" 192.0.2.0/24=DE 198.51.100.0/23=US 203.0.113.0/24=FR 2001:db8:1::/48=DE
world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$world/zones" --listen "127.0.0.1@$dns_port"
holds "isobard answers" world_await 30 answers near.example.com 192.0.2.0/24 "127.0.0.11 24"

same "the nearest to a country" "$(answer near.example.com 198.51.100.0/24)" "127.0.0.12 23"
same "the nearest to another one" "$(answer near.example.com 203.0.113.0/24)" "127.0.0.11 24"
same "the nearest, IPv6" "$(answer near.example.com 2001:db8:1:200::/56)" "127.0.0.11 48"
same "an unknown country" "$(answer near.example.com 10.0.0.0/24)" "127.0.0.12 1"
same "the law of a country" "$(answer law.example.com 192.0.2.0/24)" "127.0.0.11 24"
same "the law of a continent" "$(answer law.example.com 203.0.113.0/24)" "127.0.0.12 24"
same "the law of everybody else" "$(answer law.example.com 198.51.100.0/24)" "127.0.0.12 23"

"$mmdb" "$world/new.mmdb" 192.0.2.0/24=US 198.51.100.0/24=DE
mv "$world/new.mmdb" "$world/countries.mmdb"
kill -HUP "${world_pids[isobard]}"
holds "a new database counts" world_await 10 answers near.example.com 192.0.2.0/24 "127.0.0.12 24"
same "all of it" "$(answer law.example.com 198.51.100.0/24)" "127.0.0.11 24"

echo "not a database" >"$world/new.mmdb"
mv "$world/new.mmdb" "$world/countries.mmdb"
kill -HUP "${world_pids[isobard]}"
holds "a broken database is told" world_await 10 grep -q "countries.mmdb: .*\(invalid\|metadata\|MaxMind\)" "$world/log/isobard"
same "and what was in service stays" "$(answer law.example.com 198.51.100.0/24)" "127.0.0.11 24"
holds "isobard ends well" world_stop isobard
finish
