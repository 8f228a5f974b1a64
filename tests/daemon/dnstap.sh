#!/usr/bin/env bash
# tests/daemon/dnstap.sh -- who watches the queries: fstrm_capture takes frames and dnstap-ldns decodes them, by UDP, TCP and
# TLS; a sample; a reader that stops reading, that goes and that comes back; the query log for a time. DNS goes on.
# shellcheck disable=SC2317 # what world_await and holds call looks unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"

isobard=$ISOBAR_BUILD/src/isobard

main() {
	world_open
	if ! "$isobard" --check-config -c <(echo 'dnstap: {socket: /tmp/x}') >"$world/built" 2>&1; then
		holds "built without dnstap, a setting of it is an error" grep -q 'was built without dnstap' "$world/built"
		finish
		return
	fi
	prepare
	check_config
	holds "isobard answers without a reader" world_isobard
	nobody
	reader_start
	frames
	by_tls
	off_and_on
	stopped
	comes_back
	query_log
	holds "isobard ends well" world_stop isobard
	sampled
	finish
}

prepare() {
	world_port && dns_port=$REPLY
	world_port && tls_port=$REPLY
	world_port && api_port=$REPLY
	api_socket=$world/isobar.sock
	mkdir "$world/zones"
	cat >"$world/zones/example.com.zone" <<-END
		@ 3600 IN SOA ns hostmaster 1 7200 900 1209600 300
		@ 3600 IN NS ns
		ns 3600 IN A 192.0.2.53
		eu._region.who 60 IN A 192.0.2.1
		us._region.who 60 IN A 192.0.2.2
	END
	cat >"$world/zones/steering.yaml" <<-END
		regions: {eu: {}, us: {}}
		services:
		  who.example.com:
		    sharding-policy: priority
		    regions: {us: {priority: 1}, eu: {priority: 2}}
	END
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=ns1" -days 9 \
		-keyout "$world/key" -out "$world/certificate" 2>"$world/log/openssl"
	chmod 600 "$world/key"
	settings "socket: $world/tap"
	for i in {1..1000}; do
		echo "n$i.example.com A"
	done >"$world/queries"
}

settings() {	# of dnstap
	# shellcheck disable=SC2034 # world_isobard's
	world_settings="pae: external
workers: 1
identity: {nsid: ns1.test}
tls: {listen: [127.0.0.1@$tls_port], certificate: $world/certificate, key: $world/key}
query-log: {file: $world/query.log}
dnstap: {$1}"
}

refused() {	# NAME SETTINGS ERROR
	echo "$2" >"$world/bad.yaml"
	same "$1" "$("$isobard" --check-config -c "$world/bad.yaml" 2>&1 | sed 's/.*: error: //; s/.*yaml:[0-9:]* //')" "$3"
}

check_config() {
	refused "two readers" "dnstap: {socket: /run/x, server: 127.0.0.1@6000}" "'socket' and 'server' exclude each other"
	refused "nothing to tell" "dnstap: {socket: /run/x, queries: false, responses: false}" \
		"neither 'queries' nor 'responses' are told"
}

metric() {	# NAME
	world_get /metrics | awk -v name="$1" '$1 == name { print $2 }'
}

ask() {	# OPTION...
	kdig @127.0.0.1 -p "$dns_port" +retry=0 +timeout=5 +short "$@" 2>&1
}

at_least() {	# METRIC NUMBER
	[ "$(metric "$1")" -ge "$2" ]
}

nobody() {
	same "DNS" "$(ask who.example.com)" 192.0.2.2
	holds "frames without a reader are dropped and counted" world_await 10 at_least isobar_dnstap_dropped_total 2
	holds "isobarctl says that there is none" grep -q 'dnstap is on; there is no reader' <(world_ctl dnstap status)
}

reader_start() {
	world_start reader fstrm_capture -t protobuf:dnstap.Dnstap -u "$world/tap" -w "$world/frames"
	holds "a reader is found" world_await 10 connected 1
}

connected() {	# 0 OR 1
	[ "$(metric isobar_dnstap_connected)" = "$1" ]
}

# The reader writes what it has when it ends.
reader_end() {
	world_stop reader
	dnstap-ldns -y -r "$world/frames" >"$world/frames.yaml" 2>>"$world/log/dnstap-ldns"
}

count() {	# EXTENDED REGULAR EXPRESSION
	grep -cE "$1" "$world/frames.yaml"
}

frames() {
	local before
	before=$(metric isobar_dnstap_frames_total)
	ask who.example.com >/dev/null
	ask +tcp ns.example.com >/dev/null
	ask +tcp none.example.com >/dev/null
	holds "six frames are sent" world_await 10 at_least isobar_dnstap_frames_total $((before + 6))
	reader_end
	same "three queries" "$(count 'type: AUTH_QUERY')" 3
	same "three responses" "$(count 'type: AUTH_RESPONSE')" 3
	same "by UDP" "$(count 'socket_protocol: UDP')" 2
	same "by TCP" "$(count 'socket_protocol: TCP')" 4
	same "identity" "$(count '^identity: "ns1.test"')" 6
	same "version" "$(count '^version: "isobar ')" 6
	same "the client's address" "$(count 'query_address: "127.0.0.1"')" 6
	same "the server's" "$(count 'response_address: "127.0.0.1"')" 6
	same "its ports" "$(count "response_port: $dns_port\$")" 6
	same "the zone" "$(count 'query_zone: "?example.com')" 6
	same "times of queries" "$(count 'query_time: !!timestamp 20[2-9]')" 6
	same "times of responses" "$(count 'response_time: !!timestamp 20[2-9]')" 3
	holds "what was answered is in the response" grep -q 'who.example.com..*IN.*A.*192.0.2.2' "$world/frames.yaml"
	holds "and that there's no such name" grep -q 'rcode: NXDOMAIN' "$world/frames.yaml"
}

# dnstap-ldns 0.2.1 doesn't know this protocol's number, and stops there in its long form.
by_tls() {
	local before
	reader_start
	before=$(metric isobar_dnstap_frames_total)
	kdig @127.0.0.1 -p "$tls_port" +tls +retry=0 +timeout=5 +short who.example.com >/dev/null 2>&1
	holds "two frames are sent" world_await 10 at_least isobar_dnstap_frames_total $((before + 2))
	reader_end
	same "by TLS" "$(dnstap-ldns -q -r "$world/frames" | grep -oE '(AQ|AR) 127.0.0.1 (\?|DOT) [0-9]+b "who.example.com." IN A' |
		cut -c1,2 | xargs)" "AQ AR"
}

off_and_on() {
	local before
	reader_start
	holds "off" grep -q 'dnstap is off' <(world_ctl dnstap off)
	before=$(metric isobar_dnstap_frames_total)
	ask ns.example.com >/dev/null
	holds "on" grep -q 'dnstap is on; a reader is connected; one query of 1' <(world_ctl dnstap on)
	ask ns.example.com >/dev/null
	holds "frames again" world_await 10 at_least isobar_dnstap_frames_total $((before + 2))
	same "none while it was off" "$(metric isobar_dnstap_frames_total)" $((before + 2))
	same "the journal has both" "$(world_get '/v1/audit?limit=10' | jq -r '.entries[].action' | grep -c '^dnstap')" 2
}

# Its socket is full, and then the ring.
stopped() {
	local before
	kill -STOP "${world_pids[reader]}"
	before=$(metric isobar_dnstap_dropped_total)
	same "every query is answered" "$(dnsperf -s 127.0.0.1 -p "$dns_port" -d "$world/queries" -n 40 -q 50 2>&1 |
		awk '/Queries lost/ { print $3 }')" 0
	same "one more, too" "$(ask who.example.com)" 192.0.2.2
	holds "what the reader doesn't take is dropped" at_least isobar_dnstap_dropped_total $((before + 1))
	kill -CONT "${world_pids[reader]}"
	same "all frames were sent or dropped" "$(world_await 20 settled && echo settled)" settled
}

# 40,001 more queries were answered since the reader was started again.
settled() {
	local sent dropped
	sent=$(metric isobar_dnstap_frames_total)
	dropped=$(metric isobar_dnstap_dropped_total)
	[ $((sent + dropped)) -ge 80000 ]
}

comes_back() {
	local before
	world_stop reader
	holds "that it went is seen" world_await 10 connected 0
	reader_start
	before=$(metric isobar_dnstap_frames_total)
	ask who.example.com >/dev/null
	holds "the next one gets frames" world_await 10 at_least isobar_dnstap_frames_total $((before + 2))
	reader_end
	same "and no history" "$(count 'type: AUTH_')" 2
}

query_log() {
	holds "it's off" grep -q 'query log is off; 0 lines' <(world_ctl query-log status)
	holds "on" grep -q 'query log is on until 20.*one query of 2' <(world_ctl query-log on --sample 2 --for 1h)
	ask who.example.com >/dev/null
	ask ns.example.com >/dev/null
	ask +tcp none.example.com AAAA >/dev/null
	holds "lines" world_await 10 at_least isobar_query_log_lines_total 2
	same "with what was answered" "$(sed -E 's/^20[^ ]*Z 127.0.0.1@[0-9]+ //' "$world/query.log")" \
		"UDP who.example.com. A NOERROR us priority
TCP none.example.com. AAAA NXDOMAIN - -"
	holds "for a second" world_ctl query-log on --for 1s
	holds "it ends by itself" world_await 10 log_ended
	ask who.example.com >/dev/null
	same "and writes no more" "$(wc -l <"$world/query.log") $(metric isobar_query_log_on)" "2 0"
	holds "off" grep -q 'query log is off; 2 lines written since the start, 0 dropped' <(world_ctl query-log off)
	same "wrong words" "$(world_ctl query-log on --sample few >/dev/null 2>&1; echo $?) $(
		world_ctl query-log on --for 30d >/dev/null 2>&1; echo $?)" "2 1"
	same "the journal has on, on, and the end" "$(world_get '/v1/audit?limit=3' | jq -r '.entries[].action' | sort |
		xargs)" "query-log.off query-log.on query-log.on"
}

log_ended() {
	world_ctl query-log status | grep -q 'is off'
}

# One query of three, responses only, by TCP.
sampled() {
	local port
	world_port && port=$REPLY
	settings "server: 127.0.0.1@$port, sample: 3, queries: false"
	rm -f "$world/frames"
	world_start reader fstrm_capture -t protobuf:dnstap.Dnstap -a 127.0.0.1 -p "$port" -w "$world/frames"
	holds "isobard starts again" world_isobard
	holds "the reader is found by TCP" world_await 10 connected 1
	for name in a b c d e f g; do
		ask "$name.example.com" >/dev/null
	done
	holds "three frames" world_await 10 at_least isobar_dnstap_frames_total 3
	reader_end
	same "the first and each third from there" "$(sed -n "s/^ *;\\([a-z]\\)\\.example.*/\\1/p" "$world/frames.yaml" | xargs)" \
		"a d g"
	same "no queries" "$(count 'type: AUTH_QUERY')" 0
}

main
