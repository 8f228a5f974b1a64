#!/usr/bin/env bash
# What clients ask for: questions asked of a running isobard come back as demand by group and by heavy client, also after a
# restart; a sample of the answers was held against the law.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

service=www.example.com

main() {
	world_open
	world_prepare
	world_zones
	world_settings="pae: external"
	holds "isobard gets ready" world_isobard
	same "nothing was asked yet" "$(world_ctl demand)" "Nothing was asked yet."
	by_group
	heavy_client
	lawful
	restart
	finish
}

world_zones() {
	rm -f "$world"/zones/*
	cat >"$world/zones/example.com.zone" <<-END
		@ 3600 IN SOA ns hostmaster 1 7200 900 1209600 300
		@ 3600 IN NS ns
		ns 3600 IN A 192.0.2.53
		eu._region.www 60 IN A 127.0.0.11
		us._region.www 60 IN A 127.0.0.12
		eu._region.www 60 IN AAAA ::1
	END
	cat >"$world/zones/steering.yaml" <<-END
		regions: {eu: , us: }
		client-groups:
		  office: {networks: [10.0.0.0/18]}
		services:
		  $service:
		    regions: {eu: , us: }
		    residency: [{clients: [office], regions: [eu]}]
	END
}

flood() {	# COUNT FIRST [OPTIONS...]
	"$ISOBAR_BUILD/tests/tools/ecsflood" -n "$1" -f "$2" "${@:3}" 127.0.0.1 "$dns_port" "$service"
}

demand() {	# JQ-FILTER of the service
	world_get "/v1/demand?service=$service&heavy=3" | jq -r "(.services[0] // {}) | $1"
}

is_near() {	# A B PART
	awk -v a="$1" -v b="$2" -v part="$3" 'BEGIN { print a, b; exit !(b > 0 && a / b < 1 + part && a / b > 1 - part) }'
}

# One in 64 is of the office. AAAA isn't counted: its askers ask for A, too.
by_group() {
	local office all sum
	holds "clients are answered" flood 1024 0
	holds "and more of them" flood 3072 1024
	holds "and by IPv6" flood 2000 0 -t AAAA
	same "each group was asked" "$(demand '[.groups[].group] | join(" ")')" "default office"
	# Of one answer: between two, the window moves on.
	read -r office all sum <<<"$(demand '[(.groups[] | select(.group == "office") | .asked), .asked,
		([.groups[].asked] | add)] | map(tostring) | join(" ")')"
	# A query whose answer comes too late is sent again, and counted again.
	holds "in the proportion of what was asked" is_near "$(awk -v office="$office" 'BEGIN { print 64 * office }')" "$all" 0.02
	holds "the sum is that of the groups" is_near "$all" "$sum" 1e-6
	holds "isobarctl tells it" grep -q "^www.example.com. *all .*%" <(world_ctl demand)
	holds "and what regions should be getting" grep -q "^eu  *[0-9]" <(world_ctl demand "$service")
	same "an unknown service" "$(world_ctl demand nowhere.example 2>&1 | grep -c "no service")" "1"
	same "a metric has it" "$(curl -s --unix-socket "$api_socket" http://localhost/metrics |
		grep -c '^isobar_service_demand_requests_per_second{service="www.example.com."} [0-9]')" "1"
}

is_heavy() {	# CLIENTS
	demand '.groups[].heavy[].clients' | grep -qx "$1"
}

heavy_client() {
	for _ in {1..40}; do
		flood 1 300 >/dev/null
	done
	holds "who asks more than others is known by name" world_await 30 is_heavy 10.1.44.0/24
	holds "and told" grep -q "^10.1.44.0/24  *default" <(world_ctl demand "$service" --limit 5)
}

metric() {	# NAME
	curl -s --unix-socket "$api_socket" http://localhost/metrics | awk -v name="$1" '$1 == name { print $2 }'
}

lawful() {
	local checked
	checked=$(metric isobar_residency_checked_total)
	holds "a sample of the answers was held against the law" [ "${checked:-0}" -ge 50 ]
	same "none was outside of it" "$(metric isobar_residency_violations_total)" "0"
	same "the status says so" "$(world_get /v1/status | jq .residency.violations)" "0"
}

restart() {
	local before
	before=$(demand .asked)
	holds "isobard ends well" world_stop isobard
	holds "and starts again" world_isobard
	holds "it hasn't forgotten what was asked" is_near "$(demand .asked)" "$before" 0.2
	holds "nor by whom" is_heavy 10.1.44.0/24
	holds "isobard ends well again" world_stop isobard
}

main
