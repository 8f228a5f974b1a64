#!/usr/bin/env bash
# Every setting that a file may hold is read by something: the members of the structs that conf/ fills in are named in
# code outside of it.
cd "$(dirname "$0")/../.." || exit 1
. tests/cases.sh

members() {	# HEADER STRUCT: the names of its members, one a line
	awk -v open="^struct $2 [{]" '
		$0 ~ open { inside = 1; next }
		/^};/ { inside = 0 }
		inside {
			sub(/\/\*.*/, "")
			sub(/;.*/, "")
			count = split($0, names, ",")
			for (i = 1; i <= count; i++) {
				sub(/(\[[^]]*\])?[ \t]*$/, "", names[i])
				sub(/\)$/, "", names[i])
				if (match(names[i], /[a-z_][a-z_0-9]*$/))
					print substr(names[i], RSTART)
			}
		}' "$1" | grep -vxE 'arena|holds' | sort
}

unread() {	# HEADER STRUCT FOLDER...: the members that no code there names
	local header=$1 struct=$2 member
	shift 2
	members "$header" "$struct" | while read -r member; do
		grep -rqE --include='*.c' --exclude-dir=conf "(->|\.)$member\>" "$@" || echo "$struct.$member"
	done
}

same "isobar.yaml: each setting is read" "$(
	for struct in settings listener rate_settings dnstap_settings tsig_setting; do
		unread src/conf/settings.h "$struct" src
	done)" ""
same "isobar-rem.yaml: each setting is read" "$(
	for struct in agent_settings agent_backend agent_probe agent_metrics_endpoint agent_load; do
		unread src/conf/agent_settings.h "$struct" rem-agent
	done)" ""
same "steering.yaml: each setting is read" "$(
	for struct in steering steering_region client_group steering_service service_region residency_rule steering_feed \
		steering_zone zone_catalog zone_transfer zone_notify zone_primary zone_bounds feed_region feed_word feed_series \
		feed_map; do
		unread src/steer/steering.h "$struct" src
	done)" ""
same "the members are found" "$(members src/conf/settings.h settings | wc -l) $(
	members src/conf/agent_settings.h agent_probe | tr '\n' ' ')" \
	"51 fall host interval_ms kind path rise status_least status_most timeout_ms "
finish
