#!/usr/bin/env bash
# tests/daemon/edns.sh -- cookies, limits and a listener's UDP size, as dig and kdig see them: servers that share their secrets,
# of which one requires cookies, and one has a rate; a secret is rolled over while they answer.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"

first=e5e973e5a6b2a43f48e7dc849e37bfcf
second=445536bcd2513298075a5d379663c962

main() {
	world_open
	world_port && one=$REPLY
	world_port && two=$REPLY
	world_port && three=$REPLY
	world_port && other=$REPLY
	mkdir "$world/zones"
	cat >"$world/zones/example.test.zone" <<-'END'
		$ORIGIN example.test.
		@ 60 SOA ns hostmaster 1 7200 900 1209600 300
		@ 60 NS ns
		ns 60 A 192.0.2.53
		www 60 A 192.0.2.1
		big 60 TXT 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789
	END
	for i in 1 2 3 4 5 6 7 8; do
		printf 'big 60 TXT %d%0100d\n' "$i" "$i" >>"$world/zones/example.test.zone"
	done
	secrets "current $first"
	settings one "listen: [127.0.0.1@$one, {address: 127.0.0.1@$other, udp-payload: 512}]" "workers: 1" \
		"cookies: {secrets: $world/secrets}" \
		"report-agent: agent.example.net"
	settings three "listen: [127.0.0.1@$three]" "workers: 1" "rate-limit: {answers: 5, burst: 1s, exempt: []}"
	settings two "listen: [127.0.0.1@$two]" "cookies: {secrets: $world/secrets, required: always}"
	world_start one "$ISOBAR_BUILD/src/isobard" -c "$world/one.yaml" --zones "$world/zones"
	world_start two "$ISOBAR_BUILD/src/isobard" -c "$world/two.yaml" --zones "$world/zones"
	world_start three "$ISOBAR_BUILD/src/isobard" -c "$world/three.yaml" --zones "$world/zones"
	holds "they answer" world_await 20 all_answer
	cookies
	rollover
	steps
	payload
	limits
	bad_secrets
	finish
}

secrets() {	# LINES...
	(umask 077 && printf '%s\n' "$@" >"$world/secrets.new")
	# At once: a server may be reading them.
	mv "$world/secrets.new" "$world/secrets"
}

settings() {	# NAME LINES...
	local name=$1
	shift
	printf '%s\n' "$@" >"$world/$name.yaml"
}

ask() {	# PORT ARGUMENTS of dig
	dig @127.0.0.1 -p "$1" +tries=1 +time=2 "${@:2}"
}

all_answer() {
	both_answer && ask "$three" ns.example.test A | grep -q 192.0.2.53
}

both_answer() {
	ask "$one" ns.example.test A | grep -q 192.0.2.53 && ask "$two" +tcp ns.example.test A | grep -q 192.0.2.53
}

cookie_of() {	# PORT: what dig is given
	ask "$1" ns.example.test A | sed -n 's/^; COOKIE: \([0-9a-f]*\).*/\1/p'
}

cookies() {
	local cookie
	holds "dig finds its cookie good" grep -q 'COOKIE: [0-9a-f]* (good)' <(ask "$one" ns.example.test A)
	same "without one there's no answer by UDP, where it's required" \
		"$(ask "$two" +nocookie +ignore www.example.test A | grep -c 'flags: qr aa tc\|flags: qr tc rd')" 1
	same "and BADCOOKIE with a client's only" \
		"$(ask "$two" +cookie +nobadcookie www.example.test A | grep -c 'status: BADCOOKIE')" 1
	holds "dig comes again with the cookie it was told" grep -q 192.0.2.1 <(ask "$two" +cookie www.example.test A)
	holds "as does kdig" grep -q 192.0.2.1 <(kdig @127.0.0.1 -p "$two" +cookie +badcookie +retry=0 www.example.test A)
	holds "and by TCP nothing is required" grep -q 192.0.2.1 <(ask "$two" +nocookie +tcp www.example.test A)
	cookie=$(cookie_of "$one")
	same "one server's cookie is good at the other" \
		"$(ask "$two" "+cookie=$cookie" +nobadcookie www.example.test A | grep -c '192.0.2.1$')" 1
	same "a bent one isn't" \
		"$(ask "$two" "+cookie=${cookie%?????}00000" +nobadcookie www.example.test A | grep -c 'status: BADCOOKIE')" 1
}

taken() {	# PORT COOKIE; it's required at `two` only
	ask "$1" "+cookie=$2" +nobadcookie www.example.test A | grep -q '192.0.2.1$'
}

reload() {
	kill -HUP "${world_pids[one]}" "${world_pids[two]}"
}

# At each step, what one server makes, the other takes, also before it has heard of the change.
rollover() {
	local old new
	old=$(cookie_of "$one")
	secrets "current $first" "next $second"
	reload
	secrets "previous $first" "current $second"
	kill -HUP "${world_pids[one]}"
	made_anew() {
		new=$(cookie_of "$one")
		taken "$two" "$new"
	}
	holds "a cookie of the next secret is taken" world_await 10 made_anew
	reload
	holds "one of the previous secret still is" taken "$two" "$old"
	secrets "current $second"
	reload
	gone() {
		! taken "$two" "$old"
	}
	holds "until that is taken out" world_await 10 gone
	holds "and new ones are" world_await 10 made_anew
}

payload() {
	same "a listener's own size" "$(ask "$other" +nocookie +ignore +bufsize=4096 big.example.test TXT |
		sed -n 's/.*\(flags: qr aa tc\).*/\1/p; s/.*\(udp: 512\)$/\1/p' | tr '\n' ' ')" "flags: qr aa tc udp: 512 "
	same "the others have the usual one" "$(ask "$one" +nocookie +ignore +bufsize=4096 big.example.test TXT |
		sed -n 's/.*\(flags: qr aa tc\).*/\1/p; s/.*\(udp: 1232\)$/\1/p' | tr '\n' ' ')" "udp: 1232 "
	holds "the report agent is told" grep -q '05 61 67 65 6e 74 07 65 78 61 6d 70 6c 65 03 6e 65 74 00\|agent.example.net' \
		<(ask "$one" +nocookie +qr ns.example.test A)
	holds "TCP keepalive" grep -qi 'keepalive' <(ask "$one" +tcp +keepalive ns.example.test A)
	same "which says so by TCP, too" "$(dig @127.0.0.1 -p "$other" +tcp +tries=1 +time=3 big.example.test TXT |
		sed -n 's/.*\(udp: 512\)$/\1/p')" "udp: 512"
}

# What the command writes is what servers read.
steps() {
	local file=$world/rolled i said=""
	for i in 1 2 3 4; do
		holds "step $i of a rollover" "$ISOBAR_BUILD/src/isobarctl" cookies roll "$file"
		said+=$(cut -d ' ' -f 1 "$file" | tr '\n' ' ')/
	done
	same "makes of the file" "$said" "current /current next /current previous /current /"
	same "its owner's alone" "$(stat -c %a "$file")" 600
	"$ISOBAR_BUILD/src/isobarctl" cookies roll --dry-run "$file" >/dev/null
	same "a dry run changes nothing" "$(wc -l <"$file")" 1
}

# 40 at once, of which five are within the rate and each other one of the rest comes truncated.
limits() {
	local all
	all=$(for i in $(seq 40); do printf 'www.example.test A\n'; done |
		dig @127.0.0.1 -p "$three" +nocookie +ignore +tries=1 +time=1 -f /dev/stdin 2>&1 | head -c 200000)
	holds "a flood gets its rate" test "$(grep -c '192.0.2.1$' <<<"$all")" -ge 5
	holds "and truncated answers" test "$(grep -c 'flags: qr aa tc' <<<"$all")" -ge 1
	same "a client with a cookie isn't limited" "$(for i in $(seq 20); do printf 'www.example.test A\n'; done |
		dig @127.0.0.1 -p "$three" "+cookie=$(cookie_of "$three")" +tries=1 +time=1 -f /dev/stdin | grep -c '192.0.2.1$')" 20
}

bad_secrets() {
	local said
	secrets "current 1234"
	said=$("$ISOBAR_BUILD/src/isobard" -c "$world/two.yaml" --zones "$world/zones" 2>&1)
	holds "a secret that isn't one" grep -q 'secrets:1: .*32 hexadecimal digits' <<<"$said"
	reload
	refused() {
		grep -q "those in service stay" "$world/log/one"
	}
	holds "is told at a reload" world_await 10 refused
	holds "and the ones in service stay" both_answer
}

main
