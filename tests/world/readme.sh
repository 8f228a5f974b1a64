#!/usr/bin/env bash
# tests/world/readme.sh -- the README's example, taken from the README: it's served as it stands there, and answers as the
# text says. So are the commands that its text names.
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

command -v dig >/dev/null || { echo "skipped: dig isn't installed"; exit 77; }
world_open

main() {
	mkdir "$world/zones"
	block "\$ORIGIN gtm.example.com." >"$world/zones/gtm.example.com.zone"
	block "regions:" >"$world/zones/steering.yaml"
	same "the README has a zone" "$(grep -c '_region' "$world/zones/gtm.example.com.zone")" 4
	same "the README has a steering" "$(grep -c '^services:' "$world/zones/steering.yaml")" 1
	"$ISOBAR_BUILD/src/isobarctl" conf-check "$world/zones" >"$world/checked" 2>&1
	same "both pass conf-check" "$? $(grep -c error "$world/checked")" "0 0"
	same "which warns of what residency costs, and of nothing else" "$(grep -o 'warning: if .* is lost' "$world/checked"
		grep -c warning "$world/checked")" $'warning: if eu-west is lost\n1'
	world_port && dns_port=$REPLY
	world_start isobard "$ISOBAR_BUILD/src/isobard" --zones "$world/zones" --listen "127.0.0.1@$dns_port"
	world_await 20 world_dig gtm.example.com SOA
	same "isobard serves them without any further set-up" $? 0
	shares
	same "the office gets eu-west" "$(world_dig +short www.gtm.example.com +subnet=203.0.113.0/24)" 192.0.2.10
	verbs
	finish
}

# The indented block of the README whose first line begins with this.
block() {	# BEGIN
	awk -v begin="    $1" 'index($0, begin) == 1 { inside = 1 } inside && !/^    / { exit } inside { print substr($0, 5) }' \
		"$ISOBAR_SOURCE/README.md"
}

shares() {
	local west
	west=$("$ISOBAR_BUILD/tests/tools/ecsflood" -n 4000 127.0.0.1 "$dns_port" www.gtm.example.com | grep -cF ' 192.0.2.10 ')
	holds "three of four clients get eu-west" test $((west > 2970 && west < 3030)) = 1
}

# Each verb that the README names is one that isobarctl knows.
verbs() {
	local verb unknown=
	"$ISOBAR_BUILD/src/isobarctl" --help >"$world/help"
	while read -r verb; do
		grep -qE "^  $verb( |$)" "$world/help" || unknown+="$verb, "
	done < <(grep -oE 'isobarctl (token create|[a-z-]+)' "$ISOBAR_SOURCE/README.md" | cut -d ' ' -f 2- | sort -u)
	same "isobarctl knows the verbs" "$unknown" ""
}

main
