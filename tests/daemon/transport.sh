#!/usr/bin/env bash
# tests/daemon/transport.sh -- isobard by TLS, and behind a proxy, as clients that aren't ours see it: kdig, OpenSSL's
# s_client, dnsdist; certificates that are exchanged while it runs; connections of one client that take no others' share.
# shellcheck disable=SC2317,SC2094 # what world_await calls looks unreachable to it; one FIFO has two ends in one pipe
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/zones/demo/world.sh"
. "$ISOBAR_SOURCE/tests/cases.sh"

isobard=$ISOBAR_BUILD/src/isobard

main() {
	world_open
	prepare
	check_config
	holds "isobard answers" world_isobard
	tls
	versions
	resumption
	exchange
	refused
	shares
	proxied
	holds "isobard ends well" world_stop isobard
	finish
}

# A steered name that tells whose address counted: of 127.0.5.0/24 it's eu's, of everybody else us's.
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
		client-groups: {five: {networks: [127.0.5.0/24]}}
		services:
		  who.example.com:
		    sharding-policy: priority
		    regions: {us: {priority: 1}, eu: {priority: 2}}
		    residency: [{clients: [five], regions: [eu]}]
	END
	certificate ns1.example.com 90
	# shellcheck disable=SC2034 # world_isobard's
	world_settings="pae: external
tcp: {idle-timeout: 30s, query-timeout: 30s, connections: 200, connections-per-prefix: 20}
tls:
  listen: [127.0.0.1@$tls_port]
  certificate: $world/certificate
  key: $world/key
proxy-protocol: {from: [127.0.0.9/32]}"
}

certificate() {	# NAME DAYS
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -days "$2" \
		-addext "subjectAltName=DNS:$1" -keyout "$world/key.new" -out "$world/certificate.new" 2>>"$world/log/openssl"
	chmod 600 "$world/key.new"
	mv "$world/key.new" "$world/key"
	mv "$world/certificate.new" "$world/certificate"
}

check_config() {
	cat >"$world/bad.yaml" <<-END
		tls: {listen: [127.0.0.1], certificate: $world/certificate, key: $world/no-key}
	END
	holds "files that are there" "$isobard" --check-config -c <(printf 'tls: {certificate: %s, key: %s}\n' \
		"$world/certificate" "$world/key")
	same "a key that isn't" "$("$isobard" --check-config -c "$world/bad.yaml" 2>&1) $?" \
		"$world/no-key: can't be read: No such file or directory 1"
}

metric() {	# NAME{LABELS}
	world_get /metrics | awk -v name="$1" '$1 == name { print $2 }'
}

by_tls() {	# NAME OPTION...
	kdig @127.0.0.1 -p "$tls_port" +tls +retry=0 +timeout=5 +short "$@" 2>&1
}

tls() {
	same "kdig +tls" "$(by_tls who.example.com)" 192.0.2.2
	same "by the client's address" "$(by_tls -b 127.0.5.1 who.example.com)" 192.0.2.1
	same "the right name" "$(by_tls +tls-ca="$world/certificate" +tls-hostname=ns1.example.com who.example.com)" 192.0.2.2
	holds "another name" grep -q "Error in the certificate" <(by_tls +tls-ca="$world/certificate" \
		+tls-hostname=ns2.example.com who.example.com)
	same "many queries in a connection" "$(by_tls +keepopen who.example.com ns.example.com who.example.com | xargs)" \
		"192.0.2.2 192.0.2.53 192.0.2.2"
	same "TCP without TLS isn't answered there" "$(kdig @127.0.0.1 -p "$tls_port" +tcp +retry=0 +timeout=5 +short \
		who.example.com 2>/dev/null)" ""
	same "they are counted" "$(metric 'isobar_queries_total{transport="tls"}')" 6
	same "when the certificate ends" "$(printf '%.0f' "$(metric isobar_tls_certificate_end_time_seconds)")" \
		"$(date -d "$(openssl x509 -in "$world/certificate" -noout -enddate | cut -d= -f2)" +%s)"
}

# A query for who.example.com, A, as octets of a stream.
question() {
	printf '\0\041\0\7\0\0\0\1\0\0\0\0\0\0\3who\7example\3com\0\0\1\0\1'
}

# s_client asks once and says how the handshake went. The answer is awaited, since tickets come before it.
session() {	# OPTION...
	local answer=$world/answer
	rm -f "$answer"
	mkfifo "$answer" 2>/dev/null
	{
		question
		timeout 5 head -c 51 >/dev/null <"$answer"
	} | timeout 10 openssl s_client -connect "127.0.0.1:$tls_port" -brief "$@" 2>"$world/session" >"$answer"
}

versions() {
	session -alpn dot -tls1_3
	holds "TLS 1.3" grep -q "Protocol version: TLSv1.3" "$world/session"
	session -alpn dot -tls1_2
	holds "TLS 1.2" grep -q "Protocol version: TLSv1.2" "$world/session"
	same "TLS 1.1 is refused" "$(refusal -tls1_1 -cipher ALL:@SECLEVEL=0)" "alert protocol version"
	same "another protocol is refused" "$(refusal -alpn h2)" "alert no application protocol"
	same "a suite of old is refused" "$(refusal -tls1_2 -cipher ECDHE-ECDSA-AES128-SHA256)" "alert handshake failure"
}

refusal() {	# OPTION...
	openssl s_client -connect "127.0.0.1:$tls_port" "$@" 2>&1 </dev/null | grep -o "alert [a-z ]*" | head -n 1
}

resumption() {
	local version before
	for version in -tls1_3 -tls1_2; do
		before=$(metric 'isobar_tls_handshakes_total{result="resumed"}')
		session -alpn dot $version -sess_out "$world/ticket"
		session -alpn dot $version -sess_in "$world/ticket"
		same "a session is resumed, ${version#-}" \
			"$(metric 'isobar_tls_handshakes_total{result="resumed"}')" $((before + 1))
	done
}

# One connection asks before and after the certificate is exchanged.
exchange() {
	local old new
	exec {held}> >(timeout 60 openssl s_client -connect "127.0.0.1:$tls_port" -alpn dot -quiet 2>/dev/null >"$world/held")
	question >&"$held"
	holds "a connection that stays" world_await 10 holds_answers 1
	old=$(shown)
	certificate ns2.example.com 1
	same "a reload" "$(world_ctl reload >/dev/null 2>&1; echo $?)" 0
	new=$(shown)
	holds "new connections see the new certificate" [ "$old" != "$new" ]
	same "it's the new one" "$new" "$(openssl x509 -in "$world/certificate" -noout -fingerprint)"
	question >&"$held"
	holds "the old connection goes on" world_await 10 holds_answers 2
	session -alpn dot -tls1_3 -sess_in "$world/ticket13"
	# Nothing of a bad one is taken.
	cp "$world/certificate" "$world/good"
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -keyout "$world/other-key" \
		-out "$world/certificate" 2>>"$world/log/openssl"
	world_ctl reload >"$world/said" 2>&1
	same "a certificate of another key is an error" "$?" 1
	holds "which says why" grep -q "$world/key: isn't the key of the certificate in $world/certificate" "$world/said"
	same "the one before stays" "$(shown)" "$new"
	holds "and the connection" grep -q . <(by_tls who.example.com)
	mv "$world/good" "$world/certificate"
	question >&"$held"
	holds "all the time" world_await 10 holds_answers 3
	exec {held}>&-
}

holds_answers() {	# COUNT
	[ "$(stat -c %s "$world/held")" -ge $(($1 * 51)) ]
}

shown() {
	openssl s_client -connect "127.0.0.1:$tls_port" </dev/null 2>/dev/null | openssl x509 -noout -fingerprint
}

refused() {
	local before
	before=$(metric 'isobar_tls_handshakes_total{result="failed"}')
	exec {noise}<>"/dev/tcp/127.0.0.1/$tls_port"
	printf 'GET / HTTP/1.1\r\n\r\n' >&"$noise"
	timeout 10 cat <&"$noise" >/dev/null
	exec {noise}>&-
	same "HTTP is a handshake that failed" "$(metric 'isobar_tls_handshakes_total{result="failed"}')" $((before + 1))
}

# More than one client may have, all of them with a query or a handshake that never ends.
shares() {
	local fds=() fd port i
	for i in {1..30}; do
		port=$dns_port
		[ $((i % 2)) = 0 ] || port=$tls_port
		exec {fd}<>"/dev/tcp/127.0.0.1/$port"
		{ printf '\26\3\1' >&"$fd"; } 2>/dev/null
		fds+=("$fd")
	done
	same "the others are answered by TLS" "$(by_tls -b 127.0.6.1 who.example.com)" 192.0.2.2
	same "and by TCP" "$(kdig -b 127.0.6.1 @127.0.0.1 -p "$dns_port" +tcp +short who.example.com)" 192.0.2.2
	holds "it was stopped at its share" [ \
		"$(metric 'isobar_tcp_connections_refused_total{limit="connections-per-prefix"}')" -ge 10 ]
	for fd in "${fds[@]}"; do
		exec {fd}>&-
	done
}

proxied() {
	local transport
	world_port && proxy_port=$REPLY
	cat >"$world/dnsdist.conf" <<-END
		setLocal("127.0.0.1:$proxy_port")
		setACL({"127.0.0.0/8"})
		setSecurityPollSuffix("")
		newServer({address="127.0.0.1:$dns_port", useProxyProtocol=true, source="127.0.0.9", checkName="example.com."})
	END
	world_start dnsdist dnsdist --supervised --disable-syslog -C "$world/dnsdist.conf"
	holds "dnsdist answers" world_await 20 proxied_is 192.0.2.2
	for transport in notcp tcp; do
		same "the client behind dnsdist, $transport" "$(by_proxy 127.0.5.1 +$transport)" 192.0.2.1
		same "another one, $transport" "$(by_proxy 127.0.4.1 +$transport)" 192.0.2.2
		same "client subnet goes first, $transport" "$(by_proxy 127.0.4.1 +$transport +subnet=127.0.5.0/24)" 192.0.2.1
	done
	holds "its own checks" [ "$(metric 'isobar_proxy_headers_total{header="local"}')" -ge 1 ]
	same "none was wrong" "$(metric 'isobar_proxy_headers_total{header="missing"}') $(
		metric 'isobar_proxy_headers_total{header="bad"}')" "0 0"
	same "without a header the proxy gets nothing" "$(dig -b 127.0.0.9 @127.0.0.1 -p "$dns_port" +tries=1 +time=1 +short \
		who.example.com | grep -v '^;')" ""
	same "and that is counted" "$(metric 'isobar_proxy_headers_total{header="missing"}')" 1
	world_stop dnsdist
}

by_proxy() {	# CLIENT OPTION...
	local client=$1
	shift
	dig -b "$client" @127.0.0.1 -p "$proxy_port" +tries=2 +time=2 +short who.example.com "$@"
}

proxied_is() {	# ADDRESS
	[ "$(by_proxy 127.0.0.1)" = "$1" ]
}

main
