#!/usr/bin/env bash
# What secondaries get, and what they don't: serials that health raises, held back and kept over a restart; a copy that is
# lawful for everybody; region records that are hidden; limits that hold for slow readers; NOTIFY to who is deaf; NSD and
# BIND by TLS, and no transfer that isn't by TLS 1.3 where TLS is asked for.
# shellcheck disable=SC2317 # functions that world_await and holds call look unreachable to it
# shellcheck source-path=SCRIPTDIR/../..
: "${ISOBAR_SOURCE:?}" "${ISOBAR_BUILD:?}"
. "$ISOBAR_SOURCE/tests/cases.sh"
. "$ISOBAR_SOURCE/zones/demo/world.sh"

interval=3000	# ms, health-serial-interval
many=12000	# records that a socket's buffers don't hold

main() {
	world_open
	prepare
	world_isobard || cat "$world/log/isobard" >&2
	holds "isobard gets ready" world_ready
	world_ready || finish
	lawful
	hidden
	health
	slow_readers
	encrypted
	deaf
	restart
	finish
}

# ---- zones -----------------------------------------------------------------------------------------------------------

prepare() {
	local name
	world_port && dns_port=$REPLY
	world_port && tls_port=$REPLY
	world_port && api_port=$REPLY
	world_port && deaf_port=$REPLY
	world_port && nsd_port=$REPLY
	world_port && bind_port=$REPLY
	api_socket=$world/isobar.sock store=$world/isobar.db
	mkdir "$world/zones"
	(
		umask 077
		for name in transfer regions; do
			tsig-keygen -a hmac-sha256 "$name.key" >"$world/$name.key"
		done
	)
	transfer=hmac-sha256:transfer.key:$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/transfer.key")
	regions=hmac-sha256:regions.key:$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/regions.key")
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
		-addext subjectAltName=DNS:localhost -keyout "$world/key.pem" -out "$world/cert.pem" 2>/dev/null
	chmod 600 "$world/key.pem"
	for name in steered.example hidden.example; do
		zone_file "$name" 7 >"$world/zones/$name.zone"
	done
	zone_file wrapping.example 4294967295 | grep -v _region >"$world/zones/wrapping.example.zone"
	for name in tls.example open.example; do
		zone_file "$name" 1 | grep -v _region >"$world/zones/$name.zone"
	done
	{
		zone_file large.example 1 | grep -v _region
		seq -f "n%.0f IN TXT $(printf '%0200d' 0) $(printf '%0200d' 1)" "$many"
	} >"$world/zones/large.example.zone"
	steering >"$world/zones/steering.yaml"
	world_settings="pae: external
tsig-keys:
  transfer.key: {secret-file: $world/transfer.key}
  regions.key: {secret-file: $world/regions.key}
tls: {listen: [127.0.0.1@$tls_port], certificate: $world/cert.pem, key: $world/key.pem}
tcp: {answer-timeout: 3s}
transfer: {at-once: 6, per-client: 2}"
}

zone_file() {	# ZONE SERIAL
	cat <<-END
		\$TTL 300
		@ IN SOA ns hostmaster $2 3600 600 86400 60
		@ IN NS ns
		ns IN A 192.0.2.53
		eu._region.www IN A 192.0.2.1
		us._region.www IN A 192.0.2.2
		eu._region.nowhere IN A 192.0.2.3
		us._region.nowhere IN A 192.0.2.4
	END
}

# Nobody may be sent to both regions of `nowhere`: those of `eu` go to eu, those of `us` to us.
steering() {
	cat <<-END
		health-check-interval: 60s
		recovery: {hold-down: 0s, steps: [1], step-time: 1s}
		regions: {eu: {}, us: {}}
		client-groups:
		  eu: {networks: [198.51.100.0/24]}
		  us: {networks: [127.0.0.0/8]}
		services:
	END
	for name in steered.example hidden.example; do
		cat <<-END
			  www.$name: {sharding-policy: priority, regions: [eu, us], when-all-down: nodata}
			  nowhere.$name:
			    sharding-policy: priority
			    regions: [eu, us]
			    when-all-down: nodata
			    residency: [{clients: [eu], regions: [eu]}, {clients: [us], regions: [us]}]
		END
	done
	cat <<-END
		zones:
		  steered.example:
		    transfer: [{from: [127.0.0.0/8], key: transfer.key}]
		    notify: [{to: 127.0.0.1@$deaf_port, key: transfer.key}]
		    health-serial-interval: ${interval}ms
		  hidden.example:
		    dnssec: on
		    region-records: hidden
		    transfer: [{key: transfer.key}, {key: regions.key, region-records: shown}]
		  wrapping.example:
		    transfer: [{key: transfer.key}]
		  tls.example:
		    transfer: [{key: transfer.key, transport: tls}]
		  open.example:
		    transfer: [{from: [127.0.0.0/8]}]
		  large.example:
		    transfer: [{from: [127.0.0.0/8]}]
	END
}

axfr() {	# ZONE [ARGUMENTS of dig]: its records, sorted
	local zone=$1
	shift
	world_dig +noall +answer +onesoa -y "$transfer" "$@" "$zone" AXFR | sed 's/[[:space:]]\+/ /g' | grep -v '^;' | sort
}

has_zone() {	# ZONE
	[ -n "$(axfr "$1")" ]
}

serial_of() {	# ZONE
	world_dig +short "$1" SOA | cut -d ' ' -f 3
}

serial_is() {	# ZONE SERIAL
	[ "$(serial_of "$1")" = "$2" ]
}

has_left() {	# ZONE SERIAL
	local serial
	serial=$(serial_of "$1")
	[ -n "$serial" ] && [ "$serial" != "$2" ]
}

secondaries() {	# ZONE FILTER of jq over its secondaries
	world_ctl -j zone secondaries "$1" | jq -e ".zones[0] | $2"
}

# ---- the copy --------------------------------------------------------------------------------------------------------

lawful() {
	local copy
	world_await 10 has_zone steered.example
	copy=$(axfr steered.example)
	same "the copy has all regions that serve everybody" "$(grep -c '^www.steered.example. ' <<<"$copy")" 2
	same "and no name that no region may serve for everybody" "$(grep -c '^nowhere.steered.example. ' <<<"$copy")" 0
	holds "of which the log tells" grep -q "nowhere.steered.example. has no records in the copy" "$world/log/isobard"
	same "isobard itself answers that name" "$(world_dig +short nowhere.steered.example)" 192.0.2.4
}

hidden() {
	local copy said
	world_await 10 has_zone hidden.example
	copy=$(axfr hidden.example)
	holds "the zone with hidden regions is signed" grep -q RRSIG <<<"$copy"
	same "without their names" "$(grep -c '_region' <<<"$copy")" 0
	copy=$(world_dig +noall +answer -y "$regions" hidden.example AXFR)
	same "who may see them gets them" "$(grep -c '^[a-z]*\._region' <<<"$copy")" 4
	same "but no proof that tells of them" "$(grep NSEC <<<"$copy" | grep -v RRSIG | grep -c _region)" 0
	said=$(world_dig +dnssec eu._region.www.hidden.example A)
	holds "to all others they don't exist" grep -q "status: NXDOMAIN" <<<"$said"
	same "and no NSEC names them" "$(grep NSEC <<<"$said" | grep -v 'RRSIG\|^;' | grep -c _region)" 0
}

# ---- health ----------------------------------------------------------------------------------------------------------

sequence=0
report() {	# REGION HEALTHY
	local list='' name
	for name in steered.example hidden.example; do
		list+="${list:+, }{\"name\": \"b\", \"service\": \"www.$name.\", \"address\": \"127.0.0.1:80\", \"healthy\": $2, \"latency_ms\": 1}"
	done
	world_post "/v1/regions/$1/reports" \
		"{\"agent\": \"a\", \"sequence\": $((++sequence)), \"time\": \"$(date -u +%FT%TZ)\", \"backends\": [$list]}" >/dev/null
}

now() {
	date +%s%3N
}

health() {
	local serial first next
	holds "us is well" report us true
	holds "eu is well" report eu true
	serial=$(serial_of steered.example)
	world_await 5 recently_made 4	# so that the interval is over
	holds "eu dies" report eu false
	holds "that raises the serial" world_await 10 has_left steered.example "$serial"
	first=$(now)
	same "by one" "$(serial_of steered.example)" $((serial + 1))
	same "the copy is without it" "$(axfr steered.example | sed -n 's/^www.steered.example. .* A //p')" 192.0.2.2
	holds "eu returns" world_await 5 answers 192.0.2.1
	same "but the serial stays" "$(serial_of steered.example)" $((serial + 1))
	holds "until the interval is over" world_await 10 has_left steered.example $((serial + 1))
	next=$(now)
	holds "and not before" test $((next - first)) -ge $((interval - 500))
	same "the copy has it again" "$(axfr steered.example | grep -c '^www.steered.example. ')" 2
	same "the difference is in the history" "$(secondaries steered.example .history.differences)" 2
}

recently_made() {	# AGE in seconds that it must have
	secondaries steered.example ".age_s > $1"
}

answers() {	# ADDRESS
	report eu true
	[ "$(world_dig +short www.steered.example)" = "$1" ]
}

# ---- limits ----------------------------------------------------------------------------------------------------------

# A client that asks by TCP and reads nothing. Sets `reader`.
slow_reader() {
	exec {reader}<>"/dev/tcp/127.0.0.1/$dns_port"
	printf '\x00\x1f\x12\x34\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x05large\x07example\x00\x00\xfc\x00\x01' >&"$reader"
}

running() {	# TRANSFERS
	[ "$(world_get /metrics | awk '$1 == "isobar_transfers_running" {print $2}')" = "$1" ]
}

slow_readers() {
	local said before first second
	before=$(world_get /metrics | awk '/^isobar_transfers_refused_total/ {print $2}')
	slow_reader && first=$reader
	slow_reader && second=$reader
	holds "two clients ask and don't read" world_await 5 running 2
	said=$(world_dig large.example AXFR)
	holds "a third transfer of one client is refused" grep -q "Transfer failed" <<<"$said"
	holds "and counted" test "$(world_get /metrics | awk '/^isobar_transfers_refused_total/ {print $2}')" -gt "$before"
	same "another client gets it" "$(world_dig -b 127.0.0.2 +noall +answer large.example AXFR | grep -c TXT)" "$many"
	holds "publications go on" world_ctl record set large.example fresh A 192.0.2.7
	holds "and so do new serials" world_await 10 serial_is large.example 2
	same "the other client gets the difference" \
		"$(world_dig -b 127.0.0.2 +noall +answer +tcp large.example IXFR=1 | grep -vc SOA)" 1
	holds "who doesn't read is ended" world_await 10 running 0
	exec {first}>&- {second}>&-
	same "then the client gets it again" "$(world_dig +noall +answer large.example AXFR | grep -c TXT)" "$many"
}

# ---- by TLS ----------------------------------------------------------------------------------------------------------

encrypted() {
	local said peer
	said=$(world_dig -y "$transfer" tls.example AXFR)
	holds "where TLS is asked for, TCP gets nothing" grep -q "Transfer failed" <<<"$said"
	said=$(kdig @127.0.0.1 -p "$tls_port" +tls -y "$transfer" tls.example AXFR)
	same "TLS 1.3 gets it" "$(grep -c '^[^;].*SOA' <<<"$said")" 2
	same "TLS 1.2 doesn't" "$(by_tls_1_2 transfer)" REFUSED
	same "but answers to queries" "$(by_tls_1_2 query)" NOERROR
	nsd_peer
	bind_peer
	for peer in nsd bind; do
		holds "$peer gets the zone by TLS" world_await 15 peer_has "$peer"
	done
	same "and isobard knows" "$(secondaries tls.example '.secondaries[0].transfer.transport')" '"tls"'
	same "that they have it all" "$(secondaries tls.example '[.secondaries[].behind] | add')" 0
}

# A message by TLS 1.2: an AXFR without a key of a zone that anybody may have, or a query. Its rcode.
by_tls_1_2() {	# transfer | query
	local type=0006 name=03746c73076578616d706c6500 message
	[ "$1" = transfer ] && type=00fc name=046f70656e076578616d706c6500
	message=123400000001000000000000$name${type}0001
	exec {held}> >(timeout 20 openssl s_client -quiet -tls1_2 -alpn dot -connect "127.0.0.1:$tls_port" 2>/dev/null >"$world/answer")
	# shellcheck disable=SC2059 # octets
	printf "$(printf '%04x%s' $((${#message} / 2)) "$message" | sed 's/../\\x&/g')" >&"$held"
	world_await 10 test -s "$world/answer"
	exec {held}>&-
	head -c 6 "$world/answer" | od -An -tx1 | awk '{r = substr($6, 2); print r == "0" ? "NOERROR" : r == "5" ? "REFUSED" : $0}'
}

peer_has() {	# PEER
	local port=${1}_port
	[ "$(dig @127.0.0.1 -p "${!port}" +short +tries=1 +time=1 ns.tls.example A)" = 192.0.2.53 ]
}

nsd_peer() {
	cat >"$world/nsd.conf" <<-END
		server:
		  ip-address: 127.0.0.1@$nsd_port
		  username: "$(id -un)"
		  zonesdir: "$world"
		  database: ""
		  pidfile: ""
		  xfrdfile: "$world/xfrd"
		  zonelistfile: "$world/zone.list"
		  xfrdir: "$world"
		  tls-cert-bundle: "$world/cert.pem"
		remote-control:
		  control-enable: no
		key:
		  name: transfer.key
		  algorithm: hmac-sha256
		  secret: "$(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/transfer.key")"
		tls-auth:
		  name: isobard
		  auth-domain-name: localhost
		zone:
		  name: tls.example
		  zonefile: "$world/nsd.zone"
		  request-xfr: AXFR 127.0.0.1@$tls_port transfer.key isobard
	END
	world_start nsd nsd -d -c "$world/nsd.conf"
}

bind_peer() {
	mkdir -p "$world/bind"
	cat >"$world/bind/named.conf" <<-END
		include "$world/transfer.key";
		tls isobard { ca-file "$world/cert.pem"; remote-hostname "localhost"; protocols { TLSv1.3; }; };
		options {
		    directory "$world/bind";
		    pid-file none;
		    session-keyfile none;
		    listen-on port $bind_port { 127.0.0.1; };
		    listen-on-v6 { none; };
		    recursion no;
		    dnssec-validation no;
		};
		controls { };
		zone "tls.example" {
		    type secondary;
		    file "zone";
		    primaries { 127.0.0.1 port $tls_port key transfer.key tls isobard; };
		};
	END
	world_start bind named -g -c "$world/bind/named.conf"
}

# ---- NOTIFY ----------------------------------------------------------------------------------------------------------

# The port that was deaf until now becomes a Knot that has nothing of this zone but its primary.
deaf() {
	holds "who doesn't answer NOTIFY is told again and again" world_await 10 \
		secondaries steered.example '.secondaries[] | select(.notify.port == '"$deaf_port"' and .notify.waiting and .notify.tries > 2)'
	says "which is told" "no answer to NOTIFY, asked"
	mkdir -p "$world/knot"
	cat >"$world/knot.conf" <<-END
		server:
		    listen: 127.0.0.1@$deaf_port
		    rundir: $world/knot
		database:
		    storage: $world/knot
		key:
		  - id: transfer.key
		    algorithm: hmac-sha256
		    secret: $(sed -n 's/.*secret "\(.*\)";/\1/p' "$world/transfer.key")
		remote:
		  - id: isobard
		    address: 127.0.0.1@$dns_port
		    key: transfer.key
		acl:
		  - id: notify
		    address: 127.0.0.1
		    key: transfer.key
		    action: notify
		zone:
		  - domain: steered.example
		    storage: $world/knot
		    master: isobard
		    acl: notify
	END
	world_start knot knotd -c "$world/knot.conf"
	holds "a change is told at once" world_ctl record set steered.example fresh A 192.0.2.7
	holds "and taken by who hears now" world_await 20 \
		secondaries steered.example ".serial as \$s | .secondaries[] | select(.notify.answered == \$s and .behind == 0 and (.lags | not))"
	says "which is told, too" "has $(serial_of steered.example); knows of $(serial_of steered.example)"
	same "nobody lags" "$(world_get /metrics | grep '^isobar_zone_secondaries_lagging{zone="steered.example."}')" \
		'isobar_zone_secondaries_lagging{zone="steered.example."} 0'
}

says() {	# NAME TEXT
	local said
	said=$(world_ctl zone secondaries steered.example)
	if [[ $said == *"$2"* ]]; then
		ok "$1"
	else
		not_ok "$1" "$said"
	fi
}

# ---- serials over a restart ------------------------------------------------------------------------------------------

restart() {
	local steered wrapped
	holds "a zone with the highest serial of all changes" world_ctl record set wrapping.example fresh A 192.0.2.7
	holds "its serial goes on behind the wrap" world_await 10 has_left wrapping.example 4294967295
	wrapped=$(serial_of wrapping.example)
	holds "and is a small one" test "$wrapped" -le 1
	steered=$(serial_of steered.example)
	holds "isobard ends well" world_stop isobard
	holds "and is back" world_isobard
	world_await 10 has_zone wrapping.example
	same "with the serial that it told" "$(serial_of wrapping.example)" "$wrapped"
	same "also of the copy" "$(serial_of steered.example)" "$steered"
}

main "$@"
